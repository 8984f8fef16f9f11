//! Identifiers, compared as text but at the price of a number.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

const SHORT: usize = 22;

/// The id of a user, organization, group or object. Empty means unset.
///
/// Ids are equal when their text is equal, byte by byte: an upper-case UUID is not its lower-case twin. A canonical
/// UUID is held as a number, text up to 22 bytes in place, and only longer text on the heap.
///
/// ```
/// use doorward_domain::roles::Id;
/// use uuid::Uuid;
///
/// let id = Id::from("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
/// assert_eq!(id, Id::from(Uuid::NAMESPACE_DNS));
/// assert_ne!(id, Id::from("6BA7B810-9DAD-11D1-80B4-00C04FD430C8"));
/// assert!(Id::default().is_empty());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Repr);

// INVARIANT: every text has exactly one representation, so that derived equality is equality of text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Uuid(Uuid),
    Short(u8, [u8; SHORT]),
    Long(Arc<str>),
}

impl Id {
    /// The unset id.
    pub const EMPTY: Self = Self(Repr::Short(0, [0; SHORT]));

    /// Whether it is unset.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, Repr::Short(0, _))
    }

    /// Whether it is the all-zero UUID.
    #[must_use]
    pub const fn is_nil(&self) -> bool {
        matches!(&self.0, Repr::Uuid(uuid) if uuid.is_nil())
    }

    /// The UUID, when the text is a canonical one.
    #[must_use]
    pub const fn as_uuid(&self) -> Option<Uuid> {
        match &self.0 {
            Repr::Uuid(uuid) => Some(*uuid),
            Repr::Short(..) | Repr::Long(_) => None,
        }
    }

    /// Whether the text of the id is `text`.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        match &self.0 {
            Repr::Uuid(_) => canonical(text) == self.as_uuid(),
            Repr::Short(len, bytes) => bytes.get(..usize::from(*len)) == Some(text.as_bytes()),
            Repr::Long(long) => &**long == text,
        }
    }

    /// Spreads ids over a table; equal ids have equal hashes. Not for untrusted input of unlimited size.
    pub(super) fn spread(&self) -> u64 {
        let word = match &self.0 {
            Repr::Uuid(uuid) => {
                let (high, low) = uuid.as_u64_pair();
                high.rotate_left(32) ^ low
            }
            Repr::Short(_, bytes) => fold(bytes),
            Repr::Long(text) => fold(text.as_bytes()),
        };
        word.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

fn fold(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The UUID whose canonical text (hyphens, lower case) is `text`.
fn canonical(text: &str) -> Option<Uuid> {
    if text.len() != 36 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    Uuid::try_parse(text).ok()
}

impl Default for Id {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl From<Uuid> for Id {
    fn from(uuid: Uuid) -> Self {
        Self(Repr::Uuid(uuid))
    }
}

impl From<&Uuid> for Id {
    fn from(uuid: &Uuid) -> Self {
        Self::from(*uuid)
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        if let Some(uuid) = canonical(text) {
            return Self(Repr::Uuid(uuid));
        }
        let mut bytes = [0; SHORT];
        match (u8::try_from(text.len()), bytes.get_mut(..text.len())) {
            (Ok(len), Some(head)) => {
                head.copy_from_slice(text.as_bytes());
                Self(Repr::Short(len, bytes))
            }
            _ => Self(Repr::Long(Arc::from(text))),
        }
    }
}

impl From<String> for Id {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Id {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&Self> for Id {
    fn from(id: &Self) -> Self {
        id.clone()
    }
}

/// `None` is the unset id.
impl<T: Into<Self>> From<Option<T>> for Id {
    fn from(id: Option<T>) -> Self {
        id.map_or(Self::EMPTY, Into::into)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Uuid(uuid) => fmt::Display::fmt(uuid, f),
            Repr::Short(len, bytes) => {
                let text = bytes.get(..usize::from(*len)).map(std::str::from_utf8);
                f.pad(text.and_then(Result::ok).unwrap_or_default())
            }
            Repr::Long(text) => f.pad(text),
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer).map(|text| Self::from(&*text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_equality_of_text() {
        let lower = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        let texts = [
            "",
            "*",
            "a",
            "1234567890123456789012",
            "12345678901234567890123",
            lower,
            "6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
            "6ba7b8109dad11d180b400c04fd430c8",
            "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}",
            "00000000-0000-0000-0000-000000000000",
            "a\0",
        ];
        for left in texts {
            for right in texts {
                assert_eq!(Id::from(left) == Id::from(right), left == right, "{left:?} {right:?}");
                assert_eq!(Id::from(left).is(right), left == right, "{left:?} {right:?}");
            }
            assert_eq!(Id::from(left).to_string(), left);
        }
        assert_eq!(size_of::<Id>(), 24);
    }

    #[test]
    fn unset_and_nil_differ() {
        assert!(Id::from("").is_empty() && !Id::from("").is_nil());
        assert!(Id::from(Uuid::nil()).is_nil() && !Id::from(Uuid::nil()).is_empty());
        assert_eq!(Id::from(None::<Uuid>), Id::EMPTY);
    }
}
