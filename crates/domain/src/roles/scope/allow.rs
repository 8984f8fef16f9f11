//! The objects that a scope is limited to.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::super::{Id, ResourceType};

/// What stands for all types, and for all ids.
const ANY: &str = "*";

/// An entry of an allow list: objects of any type, or of one, with that id; `*` as id means all.
///
/// Its text is `<type or *>:<UUID or *>`:
///
/// ```
/// use doorward_domain::roles::{AllowEntry, ResourceType};
///
/// let entry: AllowEntry = "template:6ba7b810-9dad-11d1-80b4-00c04fd430c8".parse()?;
/// assert_eq!(entry.resource(), Some(ResourceType::Template));
/// assert_eq!("*:*".parse(), Ok(AllowEntry::every()));
/// assert_eq!("workspace:*".parse::<AllowEntry>()?.to_string(), "workspace:*");
/// assert!("spaceship:*".parse::<AllowEntry>().is_err());
/// # Ok::<(), doorward_domain::roles::scope::AllowEntryError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AllowEntry {
    resource: Option<ResourceType>,
    id: Id,
}

/// Why a text is not an entry of an allow list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllowEntryError {
    /// It has not the form `type:id`.
    #[error("`{0}` must have the form `type:id`, with `*` for all in either place")]
    Form(String),
    /// There is no such type of resources.
    #[error("`{0}` names an unknown resource type")]
    Type(String),
    /// The id is neither a UUID nor `*`.
    #[error("the id in `{0}` must be a UUID or `*`")]
    Id(String),
    /// The list is too long.
    #[error("at most {max} entries are allowed, not {0}", max = AllowEntry::LIST_MAX)]
    TooMany(usize),
}

impl AllowEntry {
    /// Most entries of the list of one credential.
    pub const LIST_MAX: usize = 128;

    /// Reads the list of a credential, each entry kept once. `None` when it limits nothing: without entries, or with
    /// one for everything.
    ///
    /// ```
    /// use doorward_domain::roles::AllowEntry;
    ///
    /// assert_eq!(AllowEntry::parse_list(&["user:*", "user:*"])?.map(|list| list.len()), Some(1));
    /// assert_eq!(AllowEntry::parse_list(&["user:*", "*:*"])?, None);
    /// # Ok::<(), doorward_domain::roles::scope::AllowEntryError>(())
    /// ```
    pub fn parse_list(texts: &[impl AsRef<str>]) -> Result<Option<Vec<Self>>, AllowEntryError> {
        if texts.len() > Self::LIST_MAX {
            return Err(AllowEntryError::TooMany(texts.len()));
        }
        let mut list = Vec::with_capacity(texts.len());
        for text in texts {
            let entry = text.as_ref().parse()?;
            if !list.contains(&entry) {
                list.push(entry);
            }
        }
        Ok(Some(list).filter(|list| !list.is_empty() && !list.iter().any(Self::is_every)))
    }

    /// Every object.
    #[must_use]
    pub fn every() -> Self {
        Self::any_type(ANY)
    }

    /// The object of that id, whatever its type. The empty id stands for objects without id.
    #[must_use]
    pub fn any_type(id: impl Into<Id>) -> Self {
        Self { resource: None, id: id.into() }
    }

    /// The object of that type and id.
    #[must_use]
    pub fn typed(resource: ResourceType, id: impl Into<Id>) -> Self {
        Self { resource: Some(resource), id: id.into() }
    }

    /// The type it is limited to.
    #[must_use]
    pub const fn resource(&self) -> Option<ResourceType> {
        self.resource
    }

    /// The id; `*` for all.
    #[must_use]
    pub const fn id(&self) -> &Id {
        &self.id
    }

    /// Whether it admits every object of every type.
    #[must_use]
    pub fn is_every(&self) -> bool {
        self.admits_type(None)
    }

    /// Whether it admits every object of the type.
    pub(in super::super) fn admits_type(&self, resource: Option<ResourceType>) -> bool {
        self.id.is(ANY) && (self.resource.is_none() || self.resource == resource)
    }

    pub(super) fn admits(&self, resource: Option<ResourceType>, id: &Id) -> bool {
        self.admits_type(resource) || self.id == *id && (self.resource.is_none() || self.resource == resource)
    }

    /// Whether it admits every object that `other` admits.
    pub(super) fn covers(&self, other: &Self) -> bool {
        (self.resource.is_none() || self.resource == other.resource) && (self.id.is(ANY) || self.id == other.id)
    }

    /// The entry that admits what both admit; `None` when that is nothing.
    pub(super) fn meet(&self, other: &Self) -> Option<Self> {
        let resource = match (self.resource, other.resource) {
            (Some(own), Some(theirs)) if own != theirs => return None,
            (own, theirs) => own.or(theirs),
        };
        let id = if self.id.is(ANY) {
            &other.id
        } else if other.id.is(ANY) || self.id == other.id {
            &self.id
        } else {
            return None;
        };
        Some(Self { resource, id: id.clone() })
    }
}

impl fmt::Display for AllowEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.resource.map_or(ANY, ResourceType::as_str), self.id)
    }
}

impl FromStr for AllowEntry {
    type Err = AllowEntryError;

    fn from_str(text: &str) -> Result<Self, AllowEntryError> {
        let (resource, id) = text.split_once(':').ok_or_else(|| AllowEntryError::Form(text.to_owned()))?;
        let resource = match resource {
            ANY => None,
            "" => return Err(AllowEntryError::Form(text.to_owned())),
            name => Some(ResourceType::parse(name).ok_or_else(|| AllowEntryError::Type(text.to_owned()))?),
        };
        let id = match id {
            ANY => Id::from(ANY),
            // Other spellings of UUIDs, such as those in braces, are not.
            id if id.len() == uuid::fmt::Hyphenated::LENGTH => {
                Id::from(Uuid::try_parse(id).map_err(|_defect| AllowEntryError::Id(text.to_owned()))?)
            }
            _ => return Err(AllowEntryError::Id(text.to_owned())),
        };
        Ok(Self { resource, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

    #[test]
    fn either_place_may_say_all() {
        for text in ["*:*", "user:*", &format!("*:{ID}"), &format!("template:{ID}")] {
            let entry: AllowEntry = text.parse().unwrap();
            assert_eq!(entry.to_string(), text);
            assert_eq!(entry.is_every(), text == "*:*");
        }
        let upper = format!("user:{}", ID.to_uppercase());
        assert_eq!(upper.parse::<AllowEntry>().unwrap().to_string(), format!("user:{ID}"));
    }

    #[test]
    fn whatever_else_is_refused_by_what_is_wrong() {
        for text in ["", "*", "user", ":", &format!(":{ID}"), ":*"] {
            assert_eq!(text.parse::<AllowEntry>(), Err(AllowEntryError::Form(text.to_owned())));
        }
        for text in ["spaceship:*", "User:*", " user:*", "**:*"] {
            assert_eq!(text.parse::<AllowEntry>(), Err(AllowEntryError::Type(text.to_owned())));
        }
        let simple = ID.replace('-', "");
        for id in ["", "x", "**", "* ", &simple, &format!("{{{ID}}}"), &format!("{ID}:"), &"z".repeat(36)] {
            let text = format!("user:{id}");
            assert_eq!(text.parse::<AllowEntry>(), Err(AllowEntryError::Id(text)));
        }
    }

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        assert_eq!(AllowEntry::parse_list(&[""; 0]), Ok(None));
        assert!(AllowEntry::parse_list(&["user:*", "user"]).is_err());
        let long = |n| AllowEntry::parse_list(&vec!["user:*"; n]).map(|list| list.map(|list| list.len()));
        assert_eq!(long(128), Ok(Some(1)));
        assert_eq!(long(129), Err(AllowEntryError::TooMany(129)));
        assert_eq!(AllowEntryError::TooMany(129).to_string(), "at most 128 entries are allowed, not 129");
    }
}
