//! One group of a directory: found, made, changed, ended.

use super::answer::{self, Place, Shown, expect_version};
use super::members;
use super::refusal::Refusal;
use crate::Principal;
use crate::audit::Diff;
use crate::context::Context;
use crate::deed::{Deed, Done};
use crate::groups::access;
use crate::groups::record::Members;
use crate::users::default_organization;
use doorward_domain::groups::{Group, GroupSource};
use doorward_domain::ids::{GroupId, OrganizationId};
use doorward_domain::names::GroupName;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::scim::{
    Difference, GROUP, GroupFields, GroupRecord, Lookup, MEMBERS_TOLD, Member, MembershipChanges, Patch, Preconditions,
    Projection, ProvisionedGroup, Resource, ScimError, ScimType,
};
use doorward_ports::{Repositories, StoreError};
use serde_json::Value;
use std::collections::BTreeSet;

/// So many random characters tell names of groups apart that would be the same.
const SUFFIX: usize = 6;

/// What becomes of the members of a group.
#[derive(Clone, Debug)]
enum Change {
    /// These steps.
    Steps(MembershipChanges),
    /// These are the members, and nobody else.
    All(Vec<Member>),
}

/// Whether a group is shown after its change.
#[derive(Clone, Copy, Debug)]
enum Told {
    Always,
    /// Unless it has more than [`MEMBERS_TOLD`] members.
    UnlessLarge,
}

/// One group.
///
/// Needs a directory. Errors: `NotFound`, `Request` (`tooMany` members to be shown).
pub async fn find_group(ctx: &Context, by: &Principal, id: &str, projection: &Projection) -> Result<Shown, Refusal> {
    let (id, place, projection) = (group_id(id)?, Place::of(ctx, by), projection.clone());
    ctx.look(by, move |look| {
        let found = look.repos.scim().find_group(place.directory, id)?.ok_or(Refusal::not_found(&GROUP))?;
        crate::users::access::may(look.by, doorward_domain::roles::Action::Read, &access::object(&found.group))?;
        let shown = shown(look.repos, &place, &found, &projection)?;
        if projection.shows("members") && shown.resource.get("members").is_none() {
            return Err(members::too_many().into());
        }
        Ok(shown)
    })
    .await
}

/// Makes a group of the default organization. Its name is made of `displayName`, which people see; members must belong to the
/// organization.
///
/// Needs a directory. Errors: `Request` (the document; `invalidValue` for members; `uniqueness`).
pub async fn create_group(
    ctx: &Context,
    by: &Principal,
    body: &Value,
    projection: &Projection,
) -> Result<Shown, Refusal> {
    let mut resource = GROUP.read(body)?;
    let members = resource.take_members();
    let fields = GroupFields::of(&resource)?;
    let (place, projection) = (Place::of(ctx, by), projection.clone());
    ctx.act(by, move |deed| {
        let organization = match place.directory {
            Some(id) => id,
            None => default_organization(deed.repos)?.id,
        };
        let permit = access::permit_new(deed.by, organization)?;
        let lookup = Lookup {
            display_names: vec![doorward_domain::names::key(&fields.name)],
            external_ids: fields.external_id.iter().cloned().collect(),
            ..Lookup::default()
        };
        if !deed.repos.scim().find_groups(place.directory, &lookup, 1)?.is_empty() {
            let detail = "A group with this displayName or externalId already exists.";
            return Err(ScimError::new(ScimType::Uniqueness, detail).into());
        }
        let group = Group {
            id: deed.new_id(),
            organization_id: organization,
            name: free_name(deed, &fields, organization)?,
            display_name: fields.display_name,
            avatar_url: String::new(),
            quota_allowance: 0,
            source: GroupSource::Oidc,
            created_at: deed.now,
            updated_at: deed.now,
        };
        deed.repos.groups().insert(&permit, &group)?;
        let record = GroupRecord {
            display_name: fields.name,
            external_id: fields.external_id,
            version: 1,
            created_at: deed.now,
            updated_at: deed.now,
        };
        let made = ProvisionedGroup { group, record };
        let permit: Permit<action::Update, resource::Group> = access::permit(deed.by, &made.group)?;
        let all = Difference { added: members, removed: Vec::new() };
        let moved = moved(deed, &permit, &place, &made.group, &all)?.unwrap_or_default();
        // Behind the members, who would count as a change of the record.
        deed.repos.scim().store_group(&permit, place.directory, &made.group, &made.record)?;
        let recorded = deed.entry().plus(moved).made(&made)?;
        let shown = shown(deed.repos, &place, &made, &projection)?;
        Ok(recorded.answer(shown))
    })
    .await
}

/// Replaces a group (RFC 7644 3.5.1), members and all. The name of the group itself stays.
///
/// Needs a directory. Errors: `NotFound`, `Stale`, `Request` (the document; `invalidValue` for members; `uniqueness`).
pub async fn replace_group(
    ctx: &Context,
    by: &Principal,
    id: &str,
    body: &Value,
    conditions: Preconditions,
    projection: &Projection,
) -> Result<Shown, Refusal> {
    let id = group_id(id)?;
    // What is wrong with the document is told before the group is looked for.
    GROUP.read(body)?;
    let body = body.clone();
    change(ctx, by, id, conditions, projection, Told::Always, move |stored| {
        let mut resource = GROUP.replace(stored, &body)?;
        let members = resource.take_members();
        Ok((resource, Change::All(members)))
    })
    .await
}

/// Changes a group (RFC 7644 3.5.2): all operations or none. Members are added and removed without reading the others: what is
/// answered is empty if the group has more than [`MEMBERS_TOLD`] and no attributes are asked for.
///
/// Needs a directory. Errors: as [`replace_group`].
pub async fn patch_group(
    ctx: &Context,
    by: &Principal,
    id: &str,
    body: &Value,
    conditions: Preconditions,
    projection: &Projection,
) -> Result<Shown, Refusal> {
    let id = group_id(id)?;
    let patch = Patch::read(body)?;
    let told = if projection.is_asked() { Told::Always } else { Told::UnlessLarge };
    change(ctx, by, id, conditions, projection, told, move |stored| {
        let patched = patch.apply(&GROUP, stored)?;
        Ok((patched.resource, Change::Steps(patched.members)))
    })
    .await
}

/// Deletes a group with its memberships.
///
/// Needs a directory. Errors: `NotFound`, `Stale`.
pub async fn delete_group(ctx: &Context, by: &Principal, id: &str, conditions: Preconditions) -> Result<(), Refusal> {
    let (id, place) = (group_id(id)?, Place::of(ctx, by));
    ctx.act(by, move |deed| {
        if let Some(found) = deed.repos.groups().find(id)? {
            // It leaves the groups in which it lies: whoever changes those holds the group of all members first.
            deed.repos.groups().find_for_update(GroupId(found.group.organization_id.0))?;
        }
        let old = held(deed, &place, id, &conditions)?;
        let permit = access::permit::<action::Delete>(deed.by, &old.group)?;
        let members = Members::read(deed.repos, &old.group)?;
        if !deed.repos.groups().delete(&permit, id)? {
            return Err(Refusal::not_found(&GROUP));
        }
        Ok(deed.entry().plus(members.gone()).ended(&old)?.answer(()))
    })
    .await
}

async fn change(
    ctx: &Context,
    by: &Principal,
    id: GroupId,
    conditions: Preconditions,
    projection: &Projection,
    told: Told,
    edit: impl FnOnce(&Resource) -> Result<(Resource, Change), ScimError> + Clone + Send + 'static,
) -> Result<Shown, Refusal> {
    let (place, projection) = (Place::of(ctx, by), projection.clone());
    ctx.act(by, move |deed| {
        let old = held(deed, &place, id, &conditions)?;
        let permit: Permit<action::Update, resource::Group> = access::permit(deed.by, &old.group)?;
        let (resource, change) = edit(&old.resource())?;
        let fields = GroupFields::of(&resource)?;
        let difference = difference(deed.repos, &old.group, change)?;
        let moved = moved(deed, &permit, &place, &old.group, &difference)?;
        let is_same = (&fields.name, &fields.external_id) == (&old.record.display_name, &old.record.external_id);
        let done: Done<ProvisionedGroup> = if is_same && moved.is_none() {
            deed.unrecorded("nothing changed", old)
        } else {
            store(deed, &permit, &place, &old, fields, moved)?
        };
        Ok(done.map(|new| after(deed.repos, &place, &new, &projection, told)).transpose()?)
    })
    .await
}

/// What is told of a group that has changed.
fn after(
    repos: &mut dyn Repositories,
    place: &Place,
    new: &ProvisionedGroup,
    projection: &Projection,
    told: Told,
) -> Result<Shown, StoreError> {
    let is_told = match told {
        Told::Always => true,
        Told::UnlessLarge => {
            let counts = repos.groups().count_direct_members(std::slice::from_ref(&new.group))?;
            counts.iter().all(|(_, members)| *members <= MEMBERS_TOLD)
        }
    };
    if is_told {
        return shown(repos, place, new, projection);
    }
    Ok(Shown { resource: Resource::default(), ..answer::whole_group(place, new, None) })
}

/// The group, which stays as it is until the transaction ends.
fn held(
    deed: &mut Deed<'_>,
    place: &Place,
    id: GroupId,
    conditions: &Preconditions,
) -> Result<ProvisionedGroup, Refusal> {
    deed.repos.groups().find_for_update(id)?;
    let old = deed.repos.scim().find_group(place.directory, id)?.ok_or(Refusal::not_found(&GROUP))?;
    expect_version(conditions, &old.version())?;
    Ok(old)
}

/// Who is to be added and removed.
fn difference(repos: &mut dyn Repositories, group: &Group, change: Change) -> Result<Difference, StoreError> {
    match change {
        Change::Steps(steps) => match steps.net() {
            Some(net) => Ok(net),
            None => Ok(steps.difference(&members::all(repos, group)?)),
        },
        Change::All(wanted) => {
            let current = members::all(repos, group)?;
            let before: BTreeSet<&str> = current.iter().map(|member| member.value.as_str()).collect();
            let after: BTreeSet<&str> = wanted.iter().map(|member| member.value.as_str()).collect();
            Ok(Difference {
                removed: before.difference(&after).map(|id| (*id).to_owned()).collect(),
                added: wanted.iter().filter(|member| !before.contains(member.value.as_str())).cloned().collect(),
            })
        }
    }
}

/// Adds and removes members; answers what the audit log says of it, or `None` if nobody came or went.
fn moved(
    deed: &mut Deed<'_>,
    permit: &Permit<action::Update, resource::Group>,
    place: &Place,
    group: &Group,
    difference: &Difference,
) -> Result<Option<Diff>, Refusal> {
    if *difference == Difference::default() {
        return Ok(None);
    }
    let before = Members::read(deed.repos, group)?;
    let (added, removed) = members::change(deed.repos, permit, place, group, difference)?;
    if added.is_empty() && removed.is_empty() {
        return Ok(None);
    }
    Ok(Some(before.became(Members::read(deed.repos, group)?, &added, &removed)))
}

fn store(
    deed: &mut Deed<'_>,
    permit: &Permit<action::Update, resource::Group>,
    place: &Place,
    old: &ProvisionedGroup,
    fields: GroupFields,
    moved: Option<Diff>,
) -> Result<Done<ProvisionedGroup>, Refusal> {
    let group = Group { display_name: fields.display_name, updated_at: deed.now, ..old.group.clone() };
    let record = GroupRecord {
        display_name: fields.name,
        external_id: fields.external_id,
        version: old.record.version.saturating_add(1),
        created_at: old.record.created_at,
        // Members may have come and gone by the clock of the database.
        updated_at: deed.now.max(old.record.updated_at),
    };
    if !deed.repos.groups().update(permit, &group)? {
        return Err(Refusal::not_found(&GROUP));
    }
    deed.repos.scim().store_group(permit, place.directory, &group, &record)?;
    let new = ProvisionedGroup { group, record };
    Ok(deed.entry().plus(moved.unwrap_or_default()).changed(old, &new)?.answer(new))
}

/// What of a group was asked for. The answer to a change leaves out members of whom there are too many: the change is done.
fn shown(
    repos: &mut dyn Repositories,
    place: &Place,
    group: &ProvisionedGroup,
    projection: &Projection,
) -> Result<Shown, StoreError> {
    let one = std::slice::from_ref(&group.group);
    let members = if projection.shows("members") { members::read(repos, place, one)? } else { None };
    let members = members.as_ref().map(|all| all.get(&group.group.id).map(Vec::as_slice).unwrap_or_default());
    let whole = answer::whole_group(place, group, members);
    Ok(Shown { resource: projection.apply(&whole.resource), ..whole })
}

/// Reads the id in a path. What is none is the id of nothing.
fn group_id(text: &str) -> Result<GroupId, Refusal> {
    text.parse().map_err(|_not_a_uuid| Refusal::not_found(&GROUP))
}

/// The name of a group, with some random characters if another group has it or nothing is left of it.
fn free_name(deed: &mut Deed<'_>, fields: &GroupFields, organization: OrganizationId) -> Result<GroupName, StoreError> {
    let suggested = fields.suggested_name();
    if let Some(name) = &suggested
        && deed.repos.groups().find_by_name(organization, name.as_str())?.is_none()
    {
        return Ok(name.clone());
    }
    let stem = suggested.as_ref().map_or("group", |name| name.as_str());
    let suffix = deed.random().alphanumeric(SUFFIX).expose().to_lowercase();
    format!("{stem}-{suffix}").parse().map_err(StoreError::other)
}
