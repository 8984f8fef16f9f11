//! The organizations of a user.

use super::access;
use super::reference::{UserRef, resolve};
use crate::context::{Actor, Context};
use crate::error::Error;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::Action;

/// The organizations that a user belongs to and the caller may read, by name.
pub async fn organizations(ctx: &Context, actor: &Actor, user: &UserRef) -> Result<Vec<Organization>, Error> {
    let (actor, reference) = (actor.clone(), user.clone());
    ctx.store
        .read(move |repos| {
            let user = resolve(repos, &actor, &reference)?;
            Ok(repos.organizations().list_of_user(user.id, &access::visible_organizations(&actor))?)
        })
        .await
}

/// An organization by name, if the caller may read it. As in Coder, the user in the path need not belong to it.
pub async fn organization(ctx: &Context, actor: &Actor, user: &UserRef, name: &str) -> Result<Organization, Error> {
    let (actor, reference, name) = (actor.clone(), user.clone(), name.to_owned());
    ctx.store
        .read(move |repos| {
            resolve(repos, &actor, &reference)?;
            let found = repos.organizations().find_by_name(&name)?.ok_or(Error::NotFound)?;
            access::may(&actor, Action::Read, &access::organization(found.id))
                .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
            Ok(found)
        })
        .await
}
