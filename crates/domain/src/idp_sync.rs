//! What members, groups and roles follow the claims of an identity provider (`enterprise-identity.md` 4): settings, and what
//! becomes of somebody who signs in with a set of claims.
//!
//! [`SyncClaims`] say of each claim whether it is there, and whether that means anything. [`Rules`] are the settings that hold for
//! somebody, [`Known`] is what there is, [`Held`] what somebody has, and [`Rules::plan`] says what is gained and lost.

mod admission;
mod claims;
mod effects;
mod filter;
mod mapping;
mod plan;
mod record;
mod wanted;

pub use admission::{NotAdmitted, admit};
pub(crate) use claims::find;
pub use claims::{ClaimError, ClaimValues, SyncClaims, VALUES_MAX, Values};
pub use effects::{Because, Effect, Followed, Ignored, NOTES_MAX, Note, Plan, Unsyncable};
pub use filter::{Filter, FilterError};
pub use mapping::{Mapping, MappingChange, Pair};
pub use plan::{Held, Known, KnownGroup};
pub use record::{SyncOutcome, SyncRecord};
pub use wanted::Rules;

use crate::ids::{GroupId, OrganizationId};
use crate::roles::resource;
use crate::runtime_settings::RuntimeSetting;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The longest name of a claim, in bytes.
pub const FIELD_MAX: usize = 256;
/// The longest regular expression, in bytes.
pub const FILTER_MAX: usize = 2048;
/// The most pairs of a mapping.
pub const PAIRS_MAX: usize = 10_000;

/// How members of organizations follow claims; for the whole deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganizationSync {
    /// The claim; empty: members do not follow.
    pub field: String,
    /// Organizations by the value of the claim; `None` while it has never been set.
    pub mapping: Option<Mapping<OrganizationId>>,
    /// Whether everybody belongs to the default organization.
    #[serde(rename = "organization_assign_default")]
    pub assign_default: bool,
}

/// Everybody belongs to the default organization, and nothing else follows.
impl Default for OrganizationSync {
    fn default() -> Self {
        Self { field: String::new(), mapping: None, assign_default: true }
    }
}

/// How memberships in the groups of an organization follow claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupSync {
    /// The claim; empty: groups do not follow.
    pub field: String,
    /// Groups by the value of the claim; `None` while it has never been set. A value that is not in it is the name of a group.
    pub mapping: Option<Mapping<GroupId>>,
    /// Only values in which this is found count.
    pub regex_filter: Option<Filter>,
    /// Whether groups that are named and not there are made.
    pub auto_create_missing_groups: bool,
    /// Names of groups by the value of the claim, from the settings file of old deployments.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub legacy_group_name_mapping: BTreeMap<String, String>,
}

/// How the roles of members of an organization follow claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoleSync {
    /// The claim; empty: roles do not follow.
    pub field: String,
    /// Roles by the value of the claim; `None` while it has never been set. A value that is not in it is the name of a role.
    pub mapping: Option<Mapping<String>>,
}

/// How the roles of users on the site follow claims; for the whole deployment, and set by its settings file only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteRoleSync {
    /// The claim.
    pub field: String,
    /// Roles by the value of the claim. A value that is not in it is the name of a role.
    pub mapping: Mapping<String>,
    /// The roles that everybody has.
    pub defaults: Vec<String>,
}

impl RuntimeSetting for OrganizationSync {
    const NAME: &'static str = "organization_sync";
    type Resource = resource::IdpsyncSettings;
}

impl RuntimeSetting for GroupSync {
    const NAME: &'static str = "group_sync";
    type Resource = resource::IdpsyncSettings;
}

impl RuntimeSetting for RoleSync {
    const NAME: &'static str = "role_sync";
    type Resource = resource::IdpsyncSettings;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_stored_as_clients_see_them() {
        let unset = serde_json::to_value(GroupSync::default()).unwrap();
        assert_eq!(
            unset,
            json!({ "field": "", "mapping": null, "regex_filter": null, "auto_create_missing_groups": false }),
        );
        assert_eq!(serde_json::to_value(RoleSync::default()).unwrap(), json!({ "field": "", "mapping": null }));
        assert_eq!(
            serde_json::to_value(OrganizationSync::default()).unwrap(),
            json!({ "field": "", "mapping": null, "organization_assign_default": true }),
        );
        let stored = json!({
            "field": "groups", "mapping": { "b": [], "a": ["00000000-0000-0000-0000-000000000001"] }, "regex_filter": "^x",
            "auto_create_missing_groups": true, "legacy_group_name_mapping": { "old": "new" },
        });
        let read: GroupSync = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), stored);
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_told_in_one_line() {
        for text in ["(", "[", "*", r"(?=x)", r"(a)\1", "(a{1000}){1000}", &"a".repeat(FILTER_MAX + 1)] {
            let told = text.parse::<Filter>().unwrap_err().to_string();
            assert!(!told.is_empty() && !told.contains('\n'), "{told}");
        }
        assert!("".parse::<Filter>().unwrap().passes("anything"));
    }
}
