//! Groups of a directory and groups of an organization: what the one says of the other.

use super::account::IDENTIFIER_MAX;
use super::error::ScimError;
use super::resource::Resource;
use super::schema::GROUP;
use super::version::Version;
use crate::Instant;
use crate::groups::{EVERYONE, Group};
use crate::names::{self, DISPLAY_NAME_MAX, DisplayName, GroupName};

/// Longest name of a group that is made of what a directory calls it, in bytes: room is left to tell groups apart that would be
/// called the same.
const NAME_MAX: usize = 200;

/// What a directory has stored about a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// How the directory calls the group; unique in it without regard to letter case.
    pub display_name: String,
    /// The id that the directory gave; unique in it.
    pub external_id: Option<String>,
    /// How many changes the directory has made.
    pub version: i64,
    /// When the directory made the group.
    pub created_at: Instant,
    /// When the directory changed it last.
    pub updated_at: Instant,
}

impl GroupRecord {
    /// The form under which the name is unique.
    #[must_use]
    pub fn display_name_key(&self) -> String {
        names::key(&self.display_name)
    }
}

/// A group that a directory has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionedGroup {
    /// The group.
    pub group: Group,
    /// What the directory has stored.
    pub record: GroupRecord,
}

impl ProvisionedGroup {
    /// The resource, without `members` and `meta`.
    #[must_use]
    pub fn resource(&self) -> Resource {
        let mut resource = Resource::default();
        resource.insert("id", self.group.id.to_string());
        resource.insert("displayName", self.record.display_name.as_str());
        if let Some(id) = &self.record.external_id {
            resource.insert("externalId", id.as_str());
        }
        resource.name_schemas(&GROUP);
        resource
    }

    /// The version: another one after each change by the directory, and after each change of the group itself by somebody else.
    #[must_use]
    pub fn version(&self) -> Version {
        let (record, group) = (&self.record, &self.group);
        Version::of_bytes(format!("{} {} {}", group.id, record.version, group.updated_at.unix_timestamp_nanos()))
    }

    /// When something of it changed last.
    #[must_use]
    pub fn last_modified(&self) -> Instant {
        self.record.updated_at.max(self.group.updated_at)
    }
}

/// What a resource says of the group behind it, but its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFields {
    /// How the directory calls the group.
    pub name: String,
    /// The same as people see it: at most 64 bytes of it.
    pub display_name: DisplayName,
    /// The id that the directory gave.
    pub external_id: Option<String>,
}

impl GroupFields {
    /// Reads a group.
    ///
    /// # Errors
    ///
    /// [`ScimType::InvalidValue`](super::ScimType::InvalidValue) for a name that is missing, too long or has characters that do not
    /// show, and for an external id that is too long.
    pub fn of(resource: &Resource) -> Result<Self, ScimError> {
        let name = resource.text("displayName").unwrap_or_default().trim().to_owned();
        if name.is_empty() {
            return Err(ScimError::value("displayName: is required"));
        }
        let external_id = resource.text("externalId").map(str::to_owned);
        for (place, text) in [("displayName", Some(&name)), ("externalId", external_id.as_ref())] {
            if text.is_some_and(|text| text.len() > IDENTIFIER_MAX) {
                return Err(ScimError::value(format!("{place}: must have at most {IDENTIFIER_MAX} bytes")));
            }
        }
        let mut end = name.len().min(DISPLAY_NAME_MAX);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let shown = name.get(..end).unwrap_or_default().trim_end();
        let display_name = shown.parse().map_err(|error| ScimError::value(format!("displayName: {error}")))?;
        Ok(Self { name, display_name, external_id })
    }

    /// A name for the group: letters and digits of what the directory calls it, with hyphens in the place of all else.
    #[must_use]
    pub fn suggested_name(&self) -> Option<GroupName> {
        let parts = self.name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
        let joined = parts.collect::<Vec<_>>().join("-");
        // Only ASCII is left.
        let text = joined.get(..joined.len().min(NAME_MAX)).unwrap_or_default().trim_end_matches('-');
        let name = text.parse::<GroupName>().or_else(|_reserved| format!("group-{text}").parse());
        name.ok().filter(|name| *name != EVERYONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::ScimType;
    use serde_json::json;

    fn fields(name: &str) -> Result<GroupFields, ScimError> {
        GroupFields::of(&GROUP.read(&json!({ "displayName": name }))?)
    }

    #[test]
    fn a_name_is_made_valid() {
        for (sent, name) in [
            ("Engineering", Some("Engineering")),
            ("R & D (Berlin)", Some("R-D-Berlin")),
            ("new", Some("group-new")),
            ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", Some("group-6ba7b810-9dad-11d1-80b4-00c04fd430c8")),
            ("Everyone", None),
            ("\u{958b}\u{767a}", None),
        ] {
            let found = fields(sent).unwrap().suggested_name();
            assert_eq!(found.as_ref().map(GroupName::as_str), name, "{sent}");
        }
        let long = fields(&"ab ".repeat(150)).unwrap();
        assert_eq!(long.suggested_name().unwrap().as_str().len(), 200);
        assert_eq!(long.display_name.as_str().len(), 64);
    }

    #[test]
    fn what_no_group_can_be_called_is_refused() {
        for name in [" ", "a\u{202e}b", &"x".repeat(IDENTIFIER_MAX + 1)] {
            assert_eq!(fields(name).unwrap_err().kind, ScimType::InvalidValue);
        }
    }
}
