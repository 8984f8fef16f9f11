//! The keys of the server: what they are for, which one signs now, which ones still verify, and how one replaces another.
//!
//! Each purpose has keys of its own. A rotation adds one, which signs from its start on; the one before verifies until
//! everything that was made with it has expired, and is removed then.

mod ring;

pub use ring::{DerivationKeys, KeyRing, NoKeyError, SharedKey};

use crate::text_enum::{UnknownValueError, text_enum};
use crate::{Instant, Secret};
use std::fmt;
use std::str::FromStr;
use time::Duration;

/// How long before its start a new key is stored, so that every server has read it by then.
pub const LEAD: Duration = Duration::seconds(60);

/// For how long a key still verifies after it has signed for the last time, beside the lifetime of what it made: clocks of
/// servers differ, and a server may learn of its successor late.
pub const MARGIN: Duration = Duration::HOUR;

/// For how long forms and set-up links are accepted after their key was replaced.
pub const FORMS_KEPT: Duration = Duration::DAY;

text_enum! {
    /// What a key is for.
    KeyPurpose {
        /// Derives refresh tokens and their successors.
        RefreshTokens = "refresh_tokens",
        /// Derives what pages hold: the tokens of forms, and the set-up link.
        Forms = "forms",
        /// Derives the keys that workspace proxies share with this server.
        WorkspaceApps = "workspace_apps",
        /// Signs ID tokens by RS256.
        SignRs256 = "sign_rs256",
        /// Signs ID tokens by ES256.
        SignEs256 = "sign_es256",
        /// Signs ID tokens by `EdDSA`.
        SignEdDsa = "sign_eddsa",
    }
}

/// For how long proxies verify with a key after it was replaced: what they sign with it lives for minutes.
pub const WORKSPACE_APPS_KEPT: Duration = Duration::DAY;

impl KeyPurpose {
    /// How keys of this purpose are used.
    #[must_use]
    pub const fn algorithm(self) -> KeyAlgorithm {
        match self {
            Self::RefreshTokens | Self::Forms | Self::WorkspaceApps => KeyAlgorithm::HmacSha256,
            Self::SignRs256 => KeyAlgorithm::Rs256,
            Self::SignEs256 => KeyAlgorithm::Es256,
            Self::SignEdDsa => KeyAlgorithm::EdDsa,
        }
    }

    /// Whether its keys are private ones whose public parts are published. They are made when the first is needed.
    #[must_use]
    pub const fn is_published(self) -> bool {
        matches!(self, Self::SignRs256 | Self::SignEs256 | Self::SignEdDsa)
    }

    /// How much later than the one before a new key starts at least.
    const fn least_gap(self) -> Duration {
        match self {
            Self::RefreshTokens | Self::Forms | Self::SignRs256 | Self::SignEs256 | Self::SignEdDsa => {
                Duration::MICROSECOND
            }
            // Proxies know a key by the second at which it starts.
            Self::WorkspaceApps => Duration::SECOND,
        }
    }
}

text_enum! {
    /// How a key is used.
    KeyAlgorithm {
        /// HMAC-SHA-256; refresh tokens name the key.
        HmacSha256 = "hmac-sha256",
        /// The same, and there may be refresh tokens of it that do not name it: the key of a deployment that is older than
        /// names.
        HmacSha256Unnamed = "hmac-sha256-unnamed",
        /// RSASSA-PKCS1-v1_5 with SHA-256; a private key in PKCS #8.
        Rs256 = "RS256",
        /// ECDSA with P-256 and SHA-256; a private key in PKCS #8.
        Es256 = "ES256",
        /// Ed25519; a private key in PKCS #8.
        EdDsa = "EdDSA",
    }
}

/// What tells the keys of one purpose apart: a letter from `a` to `z`, which refresh tokens carry. After `z` comes `a`
/// again, if its key is gone.
///
/// ```
/// use doorward_domain::keys::KeyId;
///
/// let id: KeyId = "b".parse().unwrap();
/// assert_eq!((id.as_char(), id.next().to_string().as_str()), ('b', "c"));
/// assert!("B".parse::<KeyId>().is_err() && "ab".parse::<KeyId>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(u8);

impl KeyId {
    /// The id of the first key of a purpose.
    pub const FIRST: Self = Self(b'a');
    /// How many there are.
    pub const COUNT: usize = 26;

    /// The letter.
    #[must_use]
    pub const fn as_char(self) -> char {
        self.0 as char
    }

    /// The letter after this one; after `z` comes `a`.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.0 >= b'z' { Self::FIRST } else { Self(self.0 + 1) }
    }

    /// The id of this letter, if it is one.
    #[must_use]
    pub const fn of(letter: u8) -> Option<Self> {
        if letter.is_ascii_lowercase() { Some(Self(letter)) } else { None }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_char().encode_utf8(&mut [0; 4]))
    }
}

impl FromStr for KeyId {
    type Err = UnknownValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            [letter] => Self::of(*letter),
            _ => None,
        }
        .ok_or_else(|| UnknownValueError::new(text))
    }
}

/// A key, as it is stored.
#[derive(Clone, Debug)]
pub struct CryptoKey {
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Tells it from the other keys of its purpose.
    pub id: KeyId,
    /// How it is used.
    pub algorithm: KeyAlgorithm,
    /// The key itself, in the form in which it is stored: perhaps sealed.
    pub stored: Secret<Vec<u8>>,
    /// From when on it signs.
    pub starts_at: Instant,
    /// Until when it verifies; `None` as long as no other one replaces it.
    pub ends_at: Option<Instant>,
}

/// What a key does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It will sign from its start on, and verifies already.
    Next,
    /// It signs and verifies.
    Signs,
    /// It verifies what was made with it.
    Verifies,
    /// It does nothing any more, and is removed soon.
    Ended,
}

impl KeyState {
    /// The state in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Signs => "signs",
            Self::Verifies => "verifies",
            Self::Ended => "ended",
        }
    }
}

impl CryptoKey {
    /// To what the sealed form is bound, so that it opens nowhere else.
    #[must_use]
    pub fn place(&self) -> String {
        format!("crypto_keys/{}/{}", self.purpose, self.id)
    }

    /// What the key does now, `among` all stored ones.
    #[must_use]
    pub fn state(&self, among: &[Self], now: Instant) -> KeyState {
        let later =
            |other: &Self| other.purpose == self.purpose && other.starts_at <= now && other.order() > self.order();
        if self.ends_at.is_some_and(|ends_at| ends_at <= now) {
            KeyState::Ended
        } else if self.starts_at > now {
            KeyState::Next
        } else if among.iter().any(later) {
            KeyState::Verifies
        } else {
            KeyState::Signs
        }
    }

    /// Keys follow each other by their start.
    const fn order(&self) -> (Instant, KeyId) {
        (self.starts_at, self.id)
    }
}

/// One key that replaces another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRotation {
    /// What both are for.
    pub purpose: KeyPurpose,
    /// The id of the new key.
    pub new: KeyId,
    /// When the new key begins to sign.
    pub starts_at: Instant,
    /// The id of the key that is replaced.
    pub old: KeyId,
    /// When the key that is replaced stops verifying.
    pub old_ends_at: Instant,
}

/// Why no key can be replaced now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRotationError {
    /// There is no key to be replaced.
    #[error("there is no key to be replaced")]
    NoKey,
    /// The last rotation has not taken effect.
    #[error("the key {id} replaces the one before at {starts_at} already")]
    Pending {
        /// The key.
        id: KeyId,
        /// When it begins to sign.
        starts_at: Instant,
    },
    /// All ids belong to keys that still verify.
    #[error("all {} ids are taken by keys that still verify", KeyId::COUNT)]
    NoIdLeft,
}

impl KeyRotation {
    /// Plans to replace the newest of `keys` of a purpose: the new one starts after `lead`, and the old one verifies for
    /// `kept` after that.
    pub fn plan(
        keys: &[CryptoKey],
        purpose: KeyPurpose,
        now: Instant,
        lead: Duration,
        kept: Duration,
    ) -> Result<Self, KeyRotationError> {
        let ours = || keys.iter().filter(|key| key.purpose == purpose);
        let newest = ours().max_by_key(|key| key.order()).ok_or(KeyRotationError::NoKey)?;
        if newest.starts_at > now {
            return Err(KeyRotationError::Pending { id: newest.id, starts_at: newest.starts_at });
        }
        let mut new = newest.id.next();
        while ours().any(|key| key.id == new) {
            new = new.next();
            if new == newest.id {
                return Err(KeyRotationError::NoIdLeft);
            }
        }
        // Later than the one before, whatever is asked: keys follow each other by their start.
        let starts_at = (now + lead).max(newest.starts_at + purpose.least_gap());
        Ok(Self { purpose, new, starts_at, old: newest.id, old_ends_at: starts_at + kept })
    }

    /// Whether the newest of `keys` of a purpose has signed for so long that its successor is to be stored, which then signs
    /// after `lead`.
    #[must_use]
    pub fn is_due(keys: &[CryptoKey], purpose: KeyPurpose, now: Instant, lead: Duration, every: Duration) -> bool {
        let newest = keys.iter().filter(|key| key.purpose == purpose).map(|key| key.starts_at).max();
        newest.is_some_and(|starts_at| starts_at <= now && starts_at.saturating_add(every) <= now.saturating_add(lead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: Instant = datetime!(2026-03-04 05:06:07 UTC);

    fn key(id: char, started_ago: Duration, ends_at: Option<Instant>) -> CryptoKey {
        CryptoKey {
            purpose: KeyPurpose::RefreshTokens,
            id: KeyId::of(id as u8).unwrap(),
            algorithm: KeyAlgorithm::HmacSha256,
            stored: Secret::new(vec![0; 33]),
            starts_at: NOW - started_ago,
            ends_at,
        }
    }

    fn plan(keys: &[CryptoKey]) -> Result<KeyRotation, KeyRotationError> {
        KeyRotation::plan(keys, KeyPurpose::RefreshTokens, NOW, LEAD, Duration::DAY)
    }

    #[test]
    fn one_key_replaces_another_and_the_letters_go_round() {
        let rotation = plan(&[key('a', Duration::DAY, None)]).unwrap();
        assert_eq!((rotation.old, rotation.new), (KeyId::FIRST, KeyId::FIRST.next()));
        assert_eq!((rotation.starts_at, rotation.old_ends_at), (NOW + LEAD, NOW + LEAD + Duration::DAY));

        let kept = Some(NOW + Duration::HOUR);
        let rotation = plan(&[key('a', Duration::DAY, kept), key('z', Duration::HOUR, None)]).unwrap();
        assert_eq!((rotation.old.as_char(), rotation.new.as_char()), ('z', 'b'));
    }

    #[test]
    fn nothing_is_replaced_before_it_has_begun_nor_without_an_id() {
        assert_eq!(plan(&[]), Err(KeyRotationError::NoKey));
        let pending = key('b', -Duration::SECOND, None);
        let refused = plan(&[key('a', Duration::DAY, Some(NOW + Duration::DAY)), pending.clone()]);
        assert_eq!(refused, Err(KeyRotationError::Pending { id: pending.id, starts_at: pending.starts_at }));
        let other = CryptoKey { purpose: KeyPurpose::Forms, ..pending };
        assert!(plan(&[key('a', Duration::DAY, None), other]).is_ok(), "of another purpose");
        let all: Vec<_> = ('a'..='z').map(|id| key(id, Duration::seconds(200 - i64::from(id as u8)), None)).collect();
        assert_eq!(plan(&all), Err(KeyRotationError::NoIdLeft));
    }

    #[test]
    fn a_successor_is_due_so_early_that_it_can_be_published_first() {
        let is_due = |started_ago: Duration| {
            let keys = [key('a', Duration::days(300), Some(NOW)), key('b', started_ago, None)];
            KeyRotation::is_due(&keys, KeyPurpose::RefreshTokens, NOW, Duration::DAY, Duration::days(90))
        };
        assert!(is_due(Duration::days(89)) && is_due(Duration::days(400)));
        assert!(!is_due(Duration::days(89) - Duration::MICROSECOND), "too early");
        assert!(!is_due(-Duration::SECOND), "the last rotation has not taken effect");
        assert!(
            !KeyRotation::is_due(&[], KeyPurpose::SignRs256, NOW, Duration::DAY, Duration::DAY),
            "nothing to replace"
        );
    }

    #[test]
    fn a_key_waits_signs_verifies_and_ends() {
        let keys = [
            key('a', Duration::DAY, Some(NOW)),
            key('b', Duration::HOUR, Some(NOW + Duration::MICROSECOND)),
            key('c', Duration::ZERO, None),
            key('d', -Duration::MICROSECOND, None),
        ];
        let states = keys.each_ref().map(|key| key.state(&keys, NOW));
        assert_eq!(states, [KeyState::Ended, KeyState::Verifies, KeyState::Signs, KeyState::Next]);
        assert_eq!(states.map(KeyState::as_str), ["ended", "verifies", "signs", "next"]);
    }

    #[test]
    fn the_words_of_storage_are_read_again() {
        for purpose in KeyPurpose::ALL {
            assert_eq!(purpose.as_str().parse::<KeyPurpose>().as_ref(), Ok(purpose));
        }
        for algorithm in KeyAlgorithm::ALL {
            assert_eq!(algorithm.as_str().parse::<KeyAlgorithm>().as_ref(), Ok(algorithm));
        }
        for bad in ["", "A", "1", "aa", "é"] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad}");
        }
    }
}
