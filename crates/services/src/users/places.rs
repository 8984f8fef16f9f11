//! Organization memberships of a user.

use super::access;
use super::reference::{UserRef, resolve};
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::Action;

/// The organizations that a user belongs to and the caller may read, by name.
///
/// Needs `user:read`, and shows what `organization:read` reaches. Errors: `UserNotFound` (missing or not readable),
/// `Forbidden` (only the scope is too short).
pub async fn organizations(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<Vec<Organization>, Error> {
    let reference = user.clone();
    ctx.look(actor, move |look| {
        let user = resolve(look.repos, look.by, &reference)?;
        Ok(look.repos.organizations().list_of_user(user.id, &access::visible_organizations(look.by))?)
    })
    .await
}

/// An organization by name, if the caller may read it. As in Coder, the user in the path need not belong to it.
///
/// Needs `user:read` and `organization:read`. Errors: `UserNotFound` (missing or not readable), `NotFound` (the same of
/// the organization), `Forbidden` (only the scope is too short).
pub async fn organization(ctx: &Context, actor: &Principal, user: &UserRef, name: &str) -> Result<Organization, Error> {
    let (reference, name) = (user.clone(), name.to_owned());
    ctx.look(actor, move |look| {
        resolve(look.repos, look.by, &reference)?;
        let found = look.repos.organizations().find_by_name(&name)?.ok_or(Error::NotFound)?;
        access::may(look.by, Action::Read, &access::organization(found.id))
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        Ok(found)
    })
    .await
}
