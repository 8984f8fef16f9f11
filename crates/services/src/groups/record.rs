//! What stays of a change of a group: its audit record, and the errors that several changes share.

use crate::audit::{Audited, Diff, Snapshot};
use crate::error::{Error, FieldError, VALIDATION_FAILED};
use doorward_domain::audit::AuditResource;
use doorward_domain::groups::Group;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::names::GroupName;
use doorward_ports::groups::MemberScope;
use doorward_ports::{Repositories, StoreError};
use serde_json::{Value, json};

/// Of more members than this, a record says how many there were and are, and who was added and removed.
const LISTED_MEMBERS: u32 = 1000;

/// What clients know the rule of display names by.
pub(super) const DISPLAY_NAME: &str = "group_display_name";

/// A name that another group of the organization has.
pub(super) fn name_taken(name: &GroupName) -> Error {
    Error::taken(format!("A group named {:?} already exists.", name.as_str()), "name")
}

/// The tracked fields are those of `enterprise-platform.md` 9.2 but the members, of whom [`Members`] tells.
impl Audited for Group {
    fn kind(&self) -> AuditResource {
        AuditResource::Group
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.name.to_string()
    }

    fn organization(&self) -> Option<OrganizationId> {
        Some(self.organization_id)
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
            .field("id", self.id.to_string())
            .field("name", self.name.as_str())
            .field("display_name", self.display_name.as_str())
            .field("avatar_url", self.avatar_url.as_str())
            .field("quota_allowance", self.quota_allowance)
    }
}

/// Those who were put into a group at one moment, as a record shows them.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    total: u64,
    /// By user id; `None` when there are too many.
    names: Option<Vec<String>>,
}

impl Members {
    /// Those of now, whoever may see them.
    pub(crate) fn read(repos: &mut dyn Repositories, group: &Group) -> Result<Self, StoreError> {
        let one = std::slice::from_ref(group);
        let found = repos.groups().list_members(one, &MemberScope::Direct, None, LISTED_MEMBERS + 1)?;
        let listed = u64::try_from(found.len()).unwrap_or(u64::MAX);
        if listed <= u64::from(LISTED_MEMBERS) {
            return Ok(Self {
                total: listed,
                names: Some(found.into_iter().map(|m| m.user.username.into_string()).collect()),
            });
        }
        let total = repos.groups().count_direct_members(one)?.first().map_or(listed, |(_, total)| *total);
        Ok(Self { total, names: None })
    }

    /// That all of them are gone.
    pub(crate) fn gone(self) -> Diff {
        match self.names {
            Some(names) => Diff::default().field("members", names, json!([])),
            None => Diff::default().field("members", json!({ "total": self.total }), json!({ "total": 0 })),
        }
    }

    /// That they have become those of `new`.
    pub(crate) fn became(self, new: Self, added: &[UserId], removed: &[UserId]) -> Diff {
        let diff = Diff::default();
        match (self.names, new.names) {
            (Some(old), Some(new)) => diff.field("members", old, new),
            _ if added.is_empty() && removed.is_empty() => diff,
            _ => {
                let ids = |users: &[UserId]| -> Value { users.iter().map(ToString::to_string).collect() };
                let new = json!({ "total": new.total, "added": ids(added), "removed": ids(removed) });
                diff.field("members", json!({ "total": self.total }), new)
            }
        }
    }
}

/// Refuses lists of users with all that is wrong with them. A single defect is the message too.
pub(super) fn refuse_users(errors: Vec<FieldError>) -> Result<(), Error> {
    let message = match errors.as_slice() {
        [] => return Ok(()),
        [only] => only.detail.clone(),
        _ => VALIDATION_FAILED.to_owned(),
    };
    Err(Error::invalid_fields(message, errors))
}

/// A refused list of users; `field` says which.
pub(super) fn bad_users(field: &'static str, message: String) -> Error {
    let fields = vec![FieldError::new(field, message.clone())];
    Error::invalid_fields(message, fields)
}
