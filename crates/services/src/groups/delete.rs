//! Ending groups.

use super::access;
use super::record::Members;
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use doorward_domain::ids::GroupId;
use doorward_domain::roles::action;

/// Deletes a group with its memberships and managers, out of all groups in which it lies. Access lists that name it have no effect from then on.
///
/// Needs `group:delete`. Errors: `NotFound` (missing or not readable), `Forbidden`, `Invalid` (the group of all
/// members).
pub async fn delete(ctx: &Context, actor: &Principal, id: GroupId) -> Result<(), Error> {
    ctx.act(actor, move |deed| {
        let found = deed.repos.groups().find(id)?.ok_or(Error::NotFound)?;
        access::readable(deed.repos, deed.by, &found.group)?;
        let permit = access::permit::<action::Delete>(deed.by, &found.group)?;
        if found.group.is_everyone() {
            return Err(Error::invalid("The group of all members cannot be deleted."));
        }
        // It leaves the groups in which it lies: whoever changes those holds the group of all members first.
        deed.repos.groups().find_for_update(GroupId(found.group.organization_id.0))?;
        let group = deed.repos.groups().find_for_update(id)?.ok_or(Error::NotFound)?;
        let members = Members::read(deed.repos, &group)?;
        if !deed.repos.groups().delete(&permit, id)? {
            return Err(Error::NotFound);
        }
        Ok(deed.entry().plus(members.gone()).ended(&group)?.answer(()))
    })
    .await
}
