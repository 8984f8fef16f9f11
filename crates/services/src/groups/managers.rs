//! Who looks after the members of a group without being an administrator.
//!
//! A manager puts users of the organization into the group and takes them out again, by [`update`](super::update), and nothing else:
//! neither themselves in, nor groups, nor other managers.

use super::GroupRef;
use super::access;
use crate::Principal;
use crate::audit::Diff;
use crate::context::Context;
use crate::error::Error;
use crate::users::UserRef;
use crate::users::reference::resolve_live;
use doorward_domain::groups::{Group, MANAGERS_MAX};
use doorward_domain::ids::GroupId;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::users::ReducedUser;
use doorward_ports::{Repositories, StoreError};
use serde_json::Value;

/// Lists the managers of a group, by user name, to those who may see its members; others see themselves only.
///
/// Needs `group:read`. Errors: `OrganizationNotFound`, `NotFound` (missing or not readable), `Forbidden` (only the scope is too
/// short).
pub async fn managers(ctx: &Context, actor: &Principal, group: &GroupRef) -> Result<Vec<ReducedUser>, Error> {
    let group = group.clone();
    ctx.look(actor, move |look| {
        let found = group.resolve(look.repos, look.by)?;
        let sees_all = access::sees_members(look.repos, look.by, &found.group)?;
        let mut managers = look.repos.groups().list_managers(found.group.id)?;
        managers.retain(|manager| sees_all || look.by.is(manager.id));
        Ok(managers)
    })
    .await
}

/// Lets a member of the organization look after the members of a group. What is so already is no error.
///
/// Needs `group:update`. Errors: `NotFound` (missing or not readable), `UserNotFound`, `Forbidden`, `Invalid` (the group of all members,
/// no member of the organization, too many), `Refused` (the service account of the app that asks).
pub async fn add_manager(ctx: &Context, actor: &Principal, group: GroupId, user: &UserRef) -> Result<(), Error> {
    let user = user.clone();
    ctx.act(actor, move |deed| {
        let (group, permit) = held(deed.repos, deed.by, group)?;
        let user = resolve_live(deed.repos, deed.by, &user)?.id;
        deed.by.not_for_own_account(deed.repos, [user])?;
        if group.is_everyone() {
            return Err(Error::invalid(
                "The group of all members has no managers: its members are those of the organization.",
            ));
        }
        if deed.repos.groups().members_for_key_share(group.organization_id, &[user])?.is_empty() {
            return Err(Error::invalid(format!("User {user} must be a member of the organization.")));
        }
        let before = deed.repos.groups().list_managers(group.id)?;
        if before.iter().any(|manager| manager.id == user) {
            return Ok(deed.unrecorded("the user is one already", ()));
        }
        if before.len() >= MANAGERS_MAX {
            return Err(Error::invalid(format!("A group has at most {MANAGERS_MAX} managers.")));
        }
        deed.repos.groups().insert_manager(&permit, &group, user)?;
        let moved = Diff::default().field(MANAGERS, names(before), now(deed.repos, &group)?);
        Ok(deed.entry().plus(moved).changed(&group, &group)?.answer(()))
    })
    .await
}

/// Ends that a user looks after the members of a group.
///
/// Needs `group:update`. Errors: `NotFound` (missing, not readable, or the user does not), `UserNotFound`, `Forbidden`.
pub async fn remove_manager(ctx: &Context, actor: &Principal, group: GroupId, user: &UserRef) -> Result<(), Error> {
    let user = user.clone();
    ctx.act(actor, move |deed| {
        let (group, permit) = held(deed.repos, deed.by, group)?;
        let user = resolve_live(deed.repos, deed.by, &user)?.id;
        let before = deed.repos.groups().list_managers(group.id)?;
        if !deed.repos.groups().delete_manager(&permit, &group, user)? {
            return Err(Error::NotFound);
        }
        let moved = Diff::default().field(MANAGERS, names(before), now(deed.repos, &group)?);
        Ok(deed.entry().plus(moved).changed(&group, &group)?.answer(()))
    })
    .await
}

/// The field of a record that tells who looks after the members.
const MANAGERS: &str = "managers";

/// The group, which stays as it is until the transaction ends.
fn held(
    repos: &mut dyn Repositories,
    actor: &Principal,
    id: GroupId,
) -> Result<(Group, Permit<action::Update, resource::Group>), Error> {
    let group = repos.groups().find(id)?.ok_or(Error::NotFound)?.group;
    access::readable(repos, actor, &group)?;
    let permit = access::permit(actor, &group)?;
    let group = repos.groups().find_for_update(id)?.ok_or(Error::NotFound)?;
    Ok((group, permit))
}

fn now(repos: &mut dyn Repositories, group: &Group) -> Result<Value, StoreError> {
    Ok(names(repos.groups().list_managers(group.id)?))
}

fn names(managers: Vec<ReducedUser>) -> Value {
    managers.into_iter().map(|manager| Value::from(manager.username.into_string())).collect()
}
