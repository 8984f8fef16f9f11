//! Resources as they are shown.

use super::refusal::Refusal;
use crate::Principal;
use crate::audit::moment;
use crate::context::Context;
use crate::settings::Settings;
use doorward_domain::Instant;
use doorward_domain::groups::GroupMember;
use doorward_domain::ids::OrganizationId;
use doorward_domain::scim::{
    GROUP, Preconditions, Projection, ProvisionedGroup, ProvisionedUser, Resource, ResourceType, USER, Version,
};
use doorward_ports::scim::UserGroup;
use serde_json::{Map, Value, json};
use std::fmt::Display;
use std::sync::Arc;

/// A resource as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The resource, or what of it was asked for. Empty when nothing was, and a group has changed that has more members than are
    /// told unasked.
    pub resource: Resource,
    /// Its version.
    pub version: Version,
    /// Its address.
    pub location: String,
}

/// What became of a request to make a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Created {
    /// The resource.
    pub shown: Shown,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// The address below which SCIM is served, to the directory of an organization or to that of the deployment.
#[must_use]
pub fn base(settings: &Settings, directory: Option<OrganizationId>) -> String {
    match directory {
        None => format!("{}/scim/v2", settings.issuer()),
        Some(organization) => format!("{}/scim/v2/organizations/{organization}", settings.issuer()),
    }
}

/// The settings, and whose directory it is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) settings: Arc<Settings>,
    pub(super) directory: Option<OrganizationId>,
    base: String,
}

impl Place {
    pub(super) fn of(ctx: &Context, by: &Principal) -> Self {
        let (settings, directory) = (Arc::clone(&ctx.settings), by.directory());
        Self { base: base(&settings, directory), settings, directory }
    }

    /// The address of a resource.
    pub(super) fn location(&self, kind: &ResourceType, id: impl Display) -> String {
        format!("{}{}/{id}", self.base, kind.endpoint)
    }
}

/// A user with `meta`, all of it. The groups are those of several users, sorted by them. Those of the user stand beside the version.
pub(super) fn whole_user(place: &Place, user: &ProvisionedUser, groups: &[UserGroup]) -> Shown {
    let mut resource = user.resource();
    let mut version = Version::of(&resource);
    let start = groups.partition_point(|group| group.user_id < user.account.id);
    let mine = groups.iter().skip(start).take_while(|group| group.user_id == user.account.id);
    let mine: Vec<Value> = mine.map(|group| group_of_user(place, group)).collect();
    if !mine.is_empty() {
        let mine = Value::from(mine);
        version = version.beside(&mine);
        resource.insert("groups", mine);
    }
    let location = place.location(&USER, user.account.id);
    let times = (user.account.created_at, user.last_modified());
    resource.insert("meta", meta(&USER, times, &version, &location));
    Shown { resource, version, location }
}

/// What of a user was asked for.
pub(super) fn user(place: &Place, user: &ProvisionedUser, groups: &[UserGroup], projection: &Projection) -> Shown {
    // A filter may have looked at groups that are not shown.
    let shown = whole_user(place, user, if projection.shows("groups") { groups } else { &[] });
    Shown { resource: projection.apply(&shown.resource), ..shown }
}

/// A member of a group, as it is shown.
#[derive(Clone, Debug)]
pub(super) struct ShownMember {
    pub(super) member: GroupMember,
    /// Whether the directory has the user, so that there is something at its address. Others were added by people.
    pub(super) is_known: bool,
}

/// A group with `meta`, and with these members.
pub(super) fn whole_group(place: &Place, group: &ProvisionedGroup, members: Option<&[ShownMember]>) -> Shown {
    let (mut resource, mut version) = (group.resource(), group.version());
    if let Some(members) = members {
        let shown = members_attribute(place, members);
        if !members.is_empty() {
            // A member who gets another name changes what is shown, and not the group.
            version = version.beside(&shown);
        }
        resource.insert("members", shown);
    }
    let location = place.location(&GROUP, group.group.id);
    let times = (group.record.created_at, group.last_modified());
    resource.insert("meta", meta(&GROUP, times, &version, &location));
    Shown { resource, version, location }
}

/// The attribute `members`.
fn members_attribute(place: &Place, members: &[ShownMember]) -> Value {
    let member = |ShownMember { member, is_known }: &ShownMember| {
        let mut shown = Map::new();
        shown.insert("value".to_owned(), member.user.id.to_string().into());
        if *is_known {
            shown.insert("$ref".to_owned(), place.location(&USER, member.user.id).into());
        }
        shown.insert("type".to_owned(), USER.name.into());
        shown.insert("display".to_owned(), member.user.username.as_str().into());
        Value::Object(shown)
    };
    members.iter().map(member).collect()
}

fn group_of_user(place: &Place, group: &UserGroup) -> Value {
    json!({
        "value": group.group_id.to_string(),
        "$ref": place.location(&GROUP, group.group_id),
        "display": group.display_name,
        "type": "direct",
    })
}

fn meta(kind: &ResourceType, (created, modified): (Instant, Instant), version: &Version, location: &str) -> Value {
    json!({
        "resourceType": kind.name,
        "created": moment(Some(created)),
        "lastModified": moment(Some(modified)),
        "location": location,
        "version": version.to_string(),
    })
}

/// Refuses to change another version than the one that was named.
pub(super) fn expect_version(conditions: &Preconditions, version: &Version) -> Result<(), Refusal> {
    if conditions.hold(version) { Ok(()) } else { Err(Refusal::Stale) }
}
