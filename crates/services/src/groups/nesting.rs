//! Groups within groups: who is in a group is in all groups in which it lies.

use super::GroupRef;
use super::access;
use crate::Principal;
use crate::audit::Diff;
use crate::context::Context;
use crate::error::Error;
use doorward_domain::groups::Group;
use doorward_domain::ids::GroupId;
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::groups::FoundGroup;
use doorward_ports::{Repositories, StoreError};
use serde_json::Value;
use std::collections::HashMap;

/// Lists the groups directly in a group that the caller may read, by name, each with the number of its members.
///
/// Needs `group:read`. Errors: `OrganizationNotFound`, `NotFound` (missing or not readable), `Forbidden` (only the scope is too
/// short).
pub async fn nested(ctx: &Context, actor: &Principal, group: &GroupRef) -> Result<Vec<(FoundGroup, u64)>, Error> {
    let group = group.clone();
    ctx.look(actor, move |look| {
        let found = group.resolve(look.repos, look.by)?;
        let mut nested = look.repos.groups().list_nested(found.group.id)?;
        nested.retain(|found| access::is_plainly_readable(look.by, &found.group));
        let plain: Vec<Group> = nested.iter().map(|found| found.group.clone()).collect();
        let totals: HashMap<GroupId, u64> = look.repos.groups().count_members(&plain)?.into_iter().collect();
        let with_total = |found: FoundGroup| {
            let total = totals.get(&found.group.id).copied().unwrap_or(0);
            (found, total)
        };
        Ok(nested.into_iter().map(with_total).collect())
    })
    .await
}

/// Puts a group into another of its organization. What is so already is no error.
///
/// Needs `group:update` on both. Errors: `NotFound` (missing or not readable), `Forbidden`, `Invalid` (the group of all members, another
/// organization, a circle, too deep, too many).
pub async fn nest(ctx: &Context, actor: &Principal, parent: GroupId, child: GroupId) -> Result<(), Error> {
    ctx.act(actor, move |deed| {
        let (parent, child, permit) = both(deed.repos, deed.by, parent, child)?;
        let before = names(deed.repos, &parent)?;
        match deed.repos.groups().nest(&permit, &parent, &child)? {
            Err(refused) => {
                Err(Error::invalid_because("The group cannot be put into this one.", format!("{refused}.")))
            }
            Ok(false) => Ok(deed.unrecorded("it lies there already", ())),
            Ok(true) => {
                let moved = Diff::default().field(NESTED, before, names(deed.repos, &parent)?);
                Ok(deed.entry().plus(moved).changed(&parent, &parent)?.answer(()))
            }
        }
    })
    .await
}

/// Takes a group out of another.
///
/// Needs `group:update` on both. Errors: `NotFound` (missing, not readable, or it does not lie directly there), `Forbidden`.
pub async fn part(ctx: &Context, actor: &Principal, parent: GroupId, child: GroupId) -> Result<(), Error> {
    ctx.act(actor, move |deed| {
        let (parent, child, permit) = both(deed.repos, deed.by, parent, child)?;
        let before = names(deed.repos, &parent)?;
        if !deed.repos.groups().part(&permit, &parent, child.id)? {
            return Err(Error::NotFound);
        }
        let moved = Diff::default().field(NESTED, before, names(deed.repos, &parent)?);
        Ok(deed.entry().plus(moved).changed(&parent, &parent)?.answer(()))
    })
    .await
}

/// The field of a record that tells which groups lie directly in one.
const NESTED: &str = "nested_groups";

/// Both groups, which stay until the transaction ends. The group of all members is held before any other, by all who change what lies
/// where.
fn both(
    repos: &mut dyn Repositories,
    actor: &Principal,
    parent: GroupId,
    child: GroupId,
) -> Result<(Group, Group, Permit<action::Update, resource::Group>), Error> {
    let outer = repos.groups().find(parent)?.ok_or(Error::NotFound)?.group;
    access::readable(repos, actor, &outer)?;
    let permit = access::permit(actor, &outer)?;
    let inner = repos.groups().find(child)?.ok_or(Error::NotFound)?.group;
    access::readable(repos, actor, &inner)?;
    let _inner: Permit<action::Update, resource::Group> = access::permit(actor, &inner)?;
    repos.groups().find_for_update(GroupId(outer.organization_id.0))?;
    let outer = repos.groups().find_for_update(outer.id)?.ok_or(Error::NotFound)?;
    let inner = repos.groups().find_for_update(inner.id)?.ok_or(Error::NotFound)?;
    Ok((outer, inner, permit))
}

fn names(repos: &mut dyn Repositories, group: &Group) -> Result<Value, StoreError> {
    let nested = repos.groups().list_nested(group.id)?;
    Ok(nested.into_iter().map(|found| Value::from(found.group.name.to_string())).collect())
}
