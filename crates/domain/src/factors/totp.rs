//! Codes of authenticator apps (RFC 6238): SHA-1, six digits, a new one every thirty seconds.

use crate::ids::UserId;
use crate::{Instant, Secret};
use data_encoding::BASE32_NOPAD;
use ring::hmac;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use time::Duration;

/// Bytes of a secret (RFC 4226 4: 160 bits are recommended).
pub const TOTP_SECRET_BYTES: usize = 20;
/// Seconds of a time step.
const PERIOD: i64 = 30;
/// Digits of a code.
const DIGITS: usize = 6;
/// The number that a code is smaller than.
const MODULUS: u32 = 1_000_000;
/// How many steps before and after that of now are accepted, for clocks that differ (RFC 6238 5.2).
const WINDOW: i64 = 1;
/// For how long an app that is being set up waits for its first code.
pub const PENDING_FOR: Duration = Duration::minutes(10);
/// After so many wrong codes within an hour no more are taken.
pub const FAILURES_MAX: i32 = 100;

/// The time step of a moment.
#[must_use]
pub const fn step_of(now: Instant) -> i64 {
    now.unix_timestamp().div_euclid(PERIOD)
}

/// What an authenticator app and this server share.
#[derive(Clone, Debug)]
pub struct TotpSecret(Secret<[u8; TOTP_SECRET_BYTES]>);

impl TotpSecret {
    /// A secret of random bytes.
    #[must_use]
    pub const fn new(random: [u8; TOTP_SECRET_BYTES]) -> Self {
        Self(Secret::new(random))
    }

    /// A secret that was stored; `None` if these bytes are none.
    #[must_use]
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }

    /// Its bytes, to be sealed.
    #[must_use]
    pub fn to_stored(&self) -> Secret<Vec<u8>> {
        Secret::new(self.0.expose().to_vec())
    }

    /// The secret as people type it into an app: base32 without padding.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        Secret::new(BASE32_NOPAD.encode(self.0.expose()))
    }

    /// The address that an app reads from a QR code.
    #[must_use]
    pub fn url(&self, issuer: &str, username: &str) -> Secret<String> {
        let encoded =
            |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
        let (issuer, username, secret) = (encoded(issuer), encoded(username), self.text());
        let secret = secret.expose();
        Secret::new(format!(
            "otpauth://totp/{issuer}:{username}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={PERIOD}"
        ))
    }

    /// The code of a time step.
    #[must_use]
    pub fn code(&self, step: i64) -> Secret<String> {
        Secret::new(format!("{:0DIGITS$}", self.number(step)))
    }

    /// RFC 4226 5.3, with the time step as the counter.
    fn number(&self, step: i64) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.expose());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let offset = usize::from(bytes.last().copied().unwrap_or_default() & 0xf);
        let chosen = bytes.get(offset..).and_then(<[u8]>::first_chunk::<4>).copied().unwrap_or_default();
        (u32::from_be_bytes(chosen) & 0x7fff_ffff) % MODULUS
    }

    /// The time step whose code somebody typed, if it is one of now. Blanks do not matter. Takes the same time whichever it is.
    #[must_use]
    pub fn step_of_code(&self, typed: &str, now: Instant) -> Option<i64> {
        let digits: Vec<u8> = typed.bytes().filter(|byte| !byte.is_ascii_whitespace()).take(DIGITS + 1).collect();
        let (mut is_right, mut found) = (Choice::from(0), 0);
        for step in step_of(now) - WINDOW..=step_of(now) + WINDOW {
            let is_it = self.code(step).expose().as_bytes().ct_eq(&digits);
            found.conditional_assign(&step, is_it);
            is_right |= is_it;
        }
        bool::from(is_right).then_some(found)
    }
}

/// Wrong codes of the last hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many there were.
    pub count: i32,
    /// Since when they are counted.
    pub since: Option<Instant>,
}

impl Failures {
    /// After one more. An hour after the first of them they are counted anew.
    #[must_use]
    pub fn and_one(self, now: Instant) -> Self {
        match self.since {
            Some(since) if now >= since && now - since < Duration::HOUR => {
                Self { count: self.count.saturating_add(1), since: self.since }
            }
            _ => Self { count: 1, since: Some(now) },
        }
    }

    /// Whether there were so many that no more codes are taken.
    #[must_use]
    pub const fn are_too_many(self) -> bool {
        self.count >= FAILURES_MAX
    }
}

/// An app that is being set up.
#[derive(Clone, Debug)]
pub struct PendingTotp {
    /// Its secret, as it is stored.
    pub sealed: Secret<Vec<u8>>,
    /// Until when its first code is waited for.
    pub expires_at: Instant,
}

/// The authenticator app of a user, as it is stored.
#[derive(Clone, Debug)]
pub struct Totp {
    /// The user.
    pub user_id: UserId,
    /// The sealed secret, once a code of the app was right.
    pub sealed: Option<Secret<Vec<u8>>>,
    /// When that was.
    pub confirmed_at: Option<Instant>,
    /// The time step of the last code that was used.
    pub last_step: i64,
    /// Another one, or the first, that is being set up.
    pub pending: Option<PendingTotp>,
    /// Wrong codes.
    pub failures: Failures,
    /// Since when no code is taken any more.
    pub locked_at: Option<Instant>,
}

impl Totp {
    /// Whether the user has a second factor by it.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.sealed.is_some() && self.confirmed_at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn secret() -> TotpSecret {
        TotpSecret::new(*b"12345678901234567890")
    }

    /// RFC 4226, appendix D.
    #[test]
    fn the_codes_are_those_of_rfc_4226() {
        let codes: Vec<_> = (0..10).map(|counter| secret().code(counter).into_exposed()).collect();
        let expected =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        assert_eq!(codes, expected);
    }

    /// RFC 6238, appendix B, of whose eight digits these are the last six.
    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Instant::from_unix_timestamp(seconds).unwrap();
            assert_eq!(secret().code(step_of(now)).expose(), code, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_taken_one_step_early_and_one_late_and_no_other() {
        let now = datetime!(2026-01-02 03:04:05 UTC);
        let step = step_of(now);
        for (away, is_taken) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let code = secret().code(step + away);
            let found = secret().step_of_code(code.expose(), now);
            assert_eq!(found, is_taken.then_some(step + away), "{away}");
        }
        let code = secret().code(step).into_exposed();
        let spaced = format!(" {} {}\n", &code[..3], &code[3..]);
        assert_eq!(secret().step_of_code(&spaced, now), Some(step));
        for wrong in ["", "12345", &format!("{code}0"), &format!("0{code}"), "abcdef", "\u{661}\u{662}\u{663}456"] {
            assert_eq!(secret().step_of_code(wrong, now), None, "{wrong}");
        }
    }

    #[test]
    fn apps_read_a_url_in_which_nothing_breaks_out() {
        let url = secret().url("door.example", "ann").into_exposed();
        let expected = "otpauth://totp/door.example:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=door.example\
                        &algorithm=SHA1&digits=6&period=30";
        assert_eq!(url, expected);
        assert!(secret().url("a b&c", "d:e").expose().starts_with("otpauth://totp/a%20b%26c:d%3Ae?"));
    }

    #[test]
    fn a_secret_is_read_as_it_was_stored_and_not_printed() {
        let stored = secret().to_stored();
        assert_eq!(TotpSecret::from_stored(stored.expose()).unwrap().text().expose(), secret().text().expose());
        assert!(TotpSecret::from_stored(b"short").is_none());
        assert_eq!(format!("{:?}", secret()), "TotpSecret(Secret(..))");
    }

    #[test]
    fn a_hundred_wrong_codes_within_an_hour_are_too_many() {
        let begin = datetime!(2026-01-02 03:04:05 UTC);
        let mut failures = Failures::default();
        for at in 0..99 {
            failures = failures.and_one(begin + Duration::seconds(at));
        }
        assert!(!failures.are_too_many());
        assert!(failures.and_one(begin + Duration::minutes(59)).are_too_many());
        assert_eq!(failures.and_one(begin + Duration::HOUR).count, 1, "an hour later they are counted anew");
        assert_eq!(failures.and_one(begin - Duration::HOUR).count, 1, "a clock that was set back locks nobody out");
    }
}
