//! One-time passcodes, by which somebody who has forgotten the password chooses another one (`identity.md` 2.6).
//!
//! A passcode is made of random text by a key of the server, so that nothing stored tells it. Its digest is stored, and of every
//! user only that of the last one.

use crate::ids::UserId;
use crate::{Digest, Instant, Secret};
use uuid::Uuid;

/// For what the key of the server makes text.
pub const PASSCODE: &str = "one-time passcode";

/// A passcode that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passcode {
    /// For whom.
    pub user_id: UserId,
    /// Its digest.
    pub digest: Digest,
    /// When it was made.
    pub created_at: Instant,
    /// Until when it can be used.
    pub expires_at: Instant,
}

impl Passcode {
    /// Whether this is the passcode, and can still be used.
    #[must_use]
    pub fn is(&self, presented: &Digest, now: Instant) -> bool {
        let is_same = self.digest == *presented;
        is_same && now < self.expires_at
    }
}

/// The passcode that comes of text which only this server can make: a UUID, as clients expect it.
#[must_use]
pub fn passcode_of(text: &Secret<String>) -> Secret<String> {
    let digest = Digest::of(text.expose());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.as_bytes().first_chunk::<16>().unwrap_or(&[0; 16]));
    Secret::new(uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string())
}

/// The digest of a passcode as somebody typed it: blanks around it and capitals do not matter.
#[must_use]
pub fn digest_of(typed: &str) -> Digest {
    let typed = typed.trim();
    let normal = Uuid::try_parse(typed).map_or_else(|_no_uuid| typed.to_owned(), |uuid| uuid.to_string());
    Digest::of(normal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    #[test]
    fn a_passcode_is_a_uuid_that_can_be_typed_in_any_case_until_it_expires() {
        let code = passcode_of(&Secret::from("text"));
        let uuid = Uuid::parse_str(code.expose()).unwrap();
        assert_eq!((uuid.get_version_num(), code.expose() == passcode_of(&Secret::from("text")).expose()), (8, true));
        assert_ne!(code.expose(), passcode_of(&Secret::from("other")).expose());
        let now = Instant::UNIX_EPOCH;
        let given = Passcode {
            user_id: UserId::NIL,
            digest: digest_of(code.expose()),
            created_at: now,
            expires_at: now + Duration::MINUTE,
        };
        assert!(given.is(&digest_of(&format!(" {} ", code.expose().to_uppercase())), now));
        assert!(!given.is(&digest_of(code.expose()), now + Duration::MINUTE));
        assert!(!given.is(&digest_of(&code.expose()[1..]), now) && !given.is(&digest_of(""), now));
    }
}
