//! Ending groups.

use super::access;
use super::record::{self, Members, fields_of};
use crate::audit::Trail;
use crate::context::{Actor, Context};
use crate::error::Error;
use doorward_domain::audit::AuditAction;
use doorward_domain::ids::GroupId;
use doorward_domain::roles::action;

/// Deletes a group with its memberships. Access lists that name it have no effect from then on.
pub async fn delete(ctx: &Context, actor: &Actor, id: GroupId) -> Result<(), Error> {
    let (actor, trail) = (actor.clone(), Trail::of(ctx, actor));
    ctx.store
        .write(move |repos| {
            let found = repos.groups().find(id)?.ok_or(Error::NotFound)?;
            access::readable(&actor, &found.group)?;
            let permit = access::permit::<action::Delete>(&actor, &found.group)?;
            if found.group.is_everyone() {
                return Err(Error::invalid("The group of all members cannot be deleted."));
            }
            let group = repos.groups().hold(id)?.ok_or(Error::NotFound)?;
            let members = Members::read(repos, &group)?;
            if !repos.groups().delete(&permit, id)? {
                return Err(Error::NotFound);
            }
            let diff = members.gone(fields_of(Some(&group), None));
            Ok(record::write(trail, repos, AuditAction::Delete, &group, diff)?)
        })
        .await
}
