//! Keys with which daemons come in.

use crate::ids::{OrganizationId, ProvisionerKeyId};
use crate::names;
use crate::provisioners::tags::Tags;
use crate::{Digest, Instant};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// Characters of a key.
pub const SECRET_LEN: usize = 43;
/// Most keys of one organization.
pub const KEYS_MAX: usize = 1000;

/// Stands where the name of a key stands in paths.
const API_WORD: &str = "daemons";

/// What daemons of an organization present. Only a digest of it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionerKey {
    /// Its id.
    pub id: ProvisionerKeyId,
    /// When it was made.
    pub created_at: Instant,
    /// The organization whose jobs its daemons take.
    pub organization_id: OrganizationId,
    /// What people call it.
    pub name: KeyName,
    /// The digest of the key.
    pub digest: Digest,
    /// The tags of its daemons.
    pub tags: Tags,
}

/// The name of a key: 1 to 64 bytes, lower-cased, nothing that does not show, no name of the server's own.
///
/// ```
/// use doorward_domain::provisioners::{KeyName, KeyNameError};
/// assert_eq!("Rack 7/GPU".parse::<KeyName>().unwrap().as_str(), "rack 7/gpu");
/// assert_eq!("PSK".parse::<KeyName>(), Err(KeyNameError::Reserved));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// Which rule the name of a key breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyNameError {
    /// There is none.
    #[error("the name of the key is required")]
    Empty,
    /// It is too long.
    #[error("the name may have at most 64 characters")]
    TooLong,
    /// It is one of the server's own, or a word of the API.
    #[error("this is a reserved name, which the server uses itself")]
    Reserved,
    /// It holds characters that nobody sees.
    #[error("the name must not hold characters that do not show")]
    Hidden,
}

impl KeyName {
    /// Longest name, in bytes.
    pub const MAX: usize = 64;

    /// A name that was stored.
    #[must_use]
    pub const fn from_storage(text: String) -> Self {
        Self(text)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        let name = names::key(text);
        if text.is_empty() {
            Err(KeyNameError::Empty)
        } else if text.len() > Self::MAX || name.len() > Self::MAX {
            Err(KeyNameError::TooLong)
        } else if ReservedKey::named(&name).is_some() || name == API_WORD {
            Err(KeyNameError::Reserved)
        } else if names::hidden_in_name(&name).is_some() {
            Err(KeyNameError::Hidden)
        } else {
            Ok(Self(name))
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What stands in the place of a key for daemons that came in otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservedKey {
    /// Daemons inside the server.
    BuiltIn,
    /// Daemons that a user has started.
    UserAuth,
    /// Daemons with the key that all share.
    Psk,
}

impl ReservedKey {
    /// All of them, in the order of their ids.
    pub const ALL: [Self; 3] = [Self::BuiltIn, Self::UserAuth, Self::Psk];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::UserAuth => "user-auth",
            Self::Psk => "psk",
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(self) -> ProvisionerKeyId {
        ProvisionerKeyId(Uuid::from_u128(match self {
            Self::BuiltIn => 1,
            Self::UserAuth => 2,
            Self::Psk => 3,
        }))
    }

    /// The one of this name, without regard to letter case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = names::key(name);
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// The one with this id.
    #[must_use]
    pub fn with_id(id: ProvisionerKeyId) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.id() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_lower_cased_short_and_not_those_of_the_server() {
        let parse = str::parse::<KeyName>;
        assert_eq!(parse("Big Iron!").unwrap().as_str(), "big iron!");
        assert_eq!(parse(""), Err(KeyNameError::Empty));
        assert!(parse(&"a".repeat(64)).is_ok());
        assert_eq!(parse(&"a".repeat(65)), Err(KeyNameError::TooLong));
        for name in ["built-in", "User-Auth", "PSK", "daemons"] {
            assert_eq!(parse(name), Err(KeyNameError::Reserved));
        }
        for hidden in ["a\0b", "k\u{202e}abc", "k\u{200b}abc"] {
            assert_eq!(parse(hidden), Err(KeyNameError::Hidden), "{hidden:?}");
        }
        assert_eq!(ReservedKey::with_id(ReservedKey::Psk.id()), Some(ReservedKey::Psk));
        assert_eq!(ReservedKey::BuiltIn.id().to_string(), "00000000-0000-0000-0000-000000000001");
    }

    proptest! {
        #[test]
        fn a_name_is_read_as_itself(text in ".{0,70}") {
            if let Ok(name) = text.parse::<KeyName>() {
                prop_assert_eq!(name.as_str().parse(), Ok(name.clone()));
            }
        }
    }
}
