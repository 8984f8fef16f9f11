//! How things are at the server, as far as a file speaks of them.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Values of the API by their names there.
pub(crate) type Fields = BTreeMap<String, Value>;
/// Names by the value of a claim.
pub(crate) type Mapping = BTreeMap<String, BTreeSet<String>>;

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    /// The user name of whoever applies the file: who makes an organization belongs to it.
    pub(crate) me: String,
    /// By name.
    pub(crate) organizations: BTreeMap<String, Organization>,
    /// By name.
    pub(crate) apps: BTreeMap<String, App>,
    /// Absent where no file speaks of it.
    pub(crate) member_sync: Option<MemberSync>,
}

impl State {
    /// The members of an organization that has just been made.
    pub(crate) fn first_members(&self) -> BTreeMap<String, BTreeSet<String>> {
        Some(&self.me).filter(|me| !me.is_empty()).map(|me| (me.clone(), BTreeSet::new())).into_iter().collect()
    }
}

/// An organization. Of what a file does not speak of nothing is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Organization {
    /// Empty until it is made.
    pub(crate) id: String,
    pub(crate) fields: Fields,
    /// Custom roles by name.
    pub(crate) roles: BTreeMap<String, Role>,
    /// By name.
    pub(crate) groups: BTreeMap<String, Group>,
    /// Their roles by user name.
    pub(crate) members: BTreeMap<String, BTreeSet<String>>,
    pub(crate) group_sync: Option<GroupSync>,
    pub(crate) role_sync: Option<RoleSync>,
}

/// A custom role.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Role {
    pub(crate) display_name: String,
    pub(crate) permissions: BTreeSet<String>,
    pub(crate) own: BTreeSet<String>,
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Group {
    /// Empty until it is made.
    pub(crate) id: String,
    pub(crate) fields: Fields,
    /// User names; known where a file speaks of them.
    pub(crate) members: BTreeSet<String>,
    /// Whether it is that of all members, which nobody joins or leaves.
    pub(crate) everyone: bool,
    /// Whether an identity provider has made it.
    pub(crate) of_provider: bool,
}

/// An app.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct App {
    /// Empty until it is made.
    pub(crate) id: String,
    pub(crate) fields: Fields,
    /// Whether it registered itself.
    pub(crate) registered_itself: bool,
}

/// How members of organizations follow a claim.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct MemberSync {
    pub(crate) field: String,
    pub(crate) mapping: Mapping,
    pub(crate) assign_default: bool,
}

/// How groups follow a claim.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct GroupSync {
    pub(crate) field: String,
    pub(crate) mapping: Mapping,
    pub(crate) regex_filter: String,
    pub(crate) auto_create_missing_groups: bool,
}

/// How roles follow a claim.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RoleSync {
    pub(crate) field: String,
    pub(crate) mapping: Mapping,
}
