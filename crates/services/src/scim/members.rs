//! Members of groups, as directories name them.

use super::answer::{Place, ShownMember};
use super::refusal::Refusal;
use doorward_domain::groups::{Group, GroupMember};
use doorward_domain::ids::{GroupId, UserId};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::scim::{Difference, MEMBERS_MAX, Member, ScimError, ScimType, USER};
use doorward_ports::groups::MemberScope;
use doorward_ports::{Repositories, StoreError};
use std::collections::BTreeMap;

/// How many ids of strangers are told.
const TOLD: usize = 5;

/// The members of these groups, by group; `None` if there are more of them than are shown at once.
pub(super) fn read(
    repos: &mut dyn Repositories,
    place: &Place,
    groups: &[Group],
) -> Result<Option<BTreeMap<GroupId, Vec<ShownMember>>>, StoreError> {
    let most = u32::try_from(MEMBERS_MAX).unwrap_or(u32::MAX);
    let members = repos.groups().list_members(groups, &MemberScope::Direct, None, most.saturating_add(1))?;
    if members.len() > MEMBERS_MAX {
        return Ok(None);
    }
    by_group(repos, place, members).map(Some)
}

/// The members, by group, and of each whether the directory has it.
pub(super) fn by_group(
    repos: &mut dyn Repositories,
    place: &Place,
    members: Vec<GroupMember>,
) -> Result<BTreeMap<GroupId, Vec<ShownMember>>, StoreError> {
    // The directory of the deployment has everybody with an address.
    let known = if place.directory.is_some() {
        let mut users: Vec<UserId> = members.iter().map(|member| member.user.id).collect();
        users.sort_unstable();
        users.dedup();
        Some(repos.scim().users_among(place.directory, &users)?)
    } else {
        None
    };
    let mut by_group: BTreeMap<GroupId, Vec<ShownMember>> = BTreeMap::new();
    for member in members {
        let is_known = match &known {
            None => !member.user.is_service_account(),
            Some(known) => known.binary_search(&member.user.id).is_ok(),
        };
        by_group.entry(member.group_id).or_default().push(ShownMember { member, is_known });
    }
    Ok(by_group)
}

/// More members would have to be shown than are at once.
pub(super) fn too_many() -> ScimError {
    let detail = format!(
        "the groups have more than {MEMBERS_MAX} members, who are not shown at once: ask with excludedAttributes=members"
    );
    ScimError::new(ScimType::TooMany, detail)
}

/// All members of a group, as a PATCH that selects some of them looks at them.
pub(super) fn all(repos: &mut dyn Repositories, group: &Group) -> Result<Vec<Member>, StoreError> {
    let members = repos.groups().list_members(std::slice::from_ref(group), &MemberScope::Direct, None, u32::MAX)?;
    let member = |member: GroupMember| Member {
        value: member.user.id.to_string(),
        kind: Some(USER.name.to_owned()),
        display: Some(member.user.username.into_string()),
    };
    Ok(members.into_iter().map(member).collect())
}

/// Reads an id. It is `caseExact`, and has one spelling: another one would be a member who is there and a stranger at once.
fn user_id(text: &str) -> Option<UserId> {
    text.parse::<UserId>().ok().filter(|id| id.to_string() == text)
}

/// Those of the users whom the directory sees. That of an organization sees those whom it has made, and nobody else by adding them.
fn seen(repos: &mut dyn Repositories, place: &Place, users: Vec<UserId>) -> Result<Vec<UserId>, StoreError> {
    if place.directory.is_none() || users.is_empty() {
        return Ok(users);
    }
    repos.scim().users_among(place.directory, &users)
}

/// Adds and removes members; answers whom. All who are added must belong to the organization of the group, and stay in it until
/// the transaction ends. Who is a member already, or none, is no error.
pub(super) fn change(
    repos: &mut dyn Repositories,
    permit: &Permit<action::Update, resource::Group>,
    place: &Place,
    group: &Group,
    difference: &Difference,
) -> Result<(Vec<UserId>, Vec<UserId>), Refusal> {
    let mut unknown = Vec::new();
    let mut added = Vec::new();
    for Member { value, .. } in &difference.added {
        match user_id(value) {
            Some(id) => added.push(id),
            None => unknown.push(value.clone()),
        }
    }
    added.sort();
    added.dedup();
    let known = repos.groups().members_for_key_share(group.organization_id, &added)?;
    let known = seen(repos, place, known)?;
    unknown.extend(added.iter().filter(|id| known.binary_search(id).is_err()).map(ToString::to_string));
    if !unknown.is_empty() {
        let told = unknown.iter().take(TOLD).map(|id| id.chars().take(64).collect::<String>());
        let told = told.collect::<Vec<_>>().join(", ");
        let detail = format!(
            "members: not users of the organization of the group, or not known to the directory: {told} ({} in all)",
            unknown.len()
        );
        return Err(ScimError::new(ScimType::InvalidValue, detail).into());
    }
    let there = repos.scim().members_among(group.id, &added)?;
    added.retain(|id| there.binary_search(id).is_err());
    if !added.is_empty() {
        repos.groups().insert_members(permit, group, &added)?;
    }
    let removed: Vec<UserId> = difference.removed.iter().filter_map(|id| user_id(id)).collect();
    let removed =
        if removed.is_empty() { Vec::new() } else { repos.groups().delete_members(permit, group, &removed)? };
    Ok((added, removed))
}
