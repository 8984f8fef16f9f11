//! The device grant (RFC 8628): what a device without a browser asks for, and what becomes of it.

use super::{Authorization, OAuthErrorCode};
use crate::ids::{AppId, DeviceAuthorizationId, UserId};
use crate::{Digest, Instant};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use time::Duration;

/// How long a person has to enter a code.
pub const DEVICE_CODE_LIFETIME: Duration = Duration::minutes(15);
/// Seconds between two questions of a device, until it asks too often.
pub const POLL_INTERVAL: i32 = 5;
/// By so many seconds the interval grows with each question that comes too soon (RFC 8628 3.5).
const SLOWER_BY: i32 = 5;
/// And no further than this.
const SLOWEST: i32 = 60;
/// A question may come so much sooner: clocks and networks are not exact.
const TOLERANCE: Duration = Duration::SECOND;

/// A code that a person reads on a device and enters elsewhere: eight letters of an alphabet without vowels, so that they are no
/// words, shown as `XXXX-XXXX` (RFC 8628 6.1).
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

/// A text has not exactly eight letters of the alphabet of user codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has 8 letters, such as WDJB-MJHT")]
pub struct UserCodeError;

impl UserCode {
    /// The letters.
    const ALPHABET: &'static [u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
    /// How many there are in a code.
    const LEN: usize = 8;
    /// The largest multiple of 20 that a byte can be: what is above is passed over, so that each letter is as likely.
    const FAIR: u8 = 240;

    /// The code of random bytes; `None` when too few of them can be used. Of 32, there are enough but once in 10^20 times.
    #[must_use]
    pub fn of_random(bytes: &[u8]) -> Option<Self> {
        let fair = bytes.iter().filter(|byte| **byte < Self::FAIR);
        let letters = fair.filter_map(|byte| Self::ALPHABET.get(usize::from(byte % 20)).copied().map(char::from));
        let code: String = letters.take(Self::LEN).collect();
        (code.len() == Self::LEN).then_some(Self(code))
    }

    /// The letters alone.
    #[must_use]
    pub fn letters(&self) -> &str {
        &self.0
    }
}

/// Reads what somebody typed: in either case, with whatever between.
///
/// ```
/// use doorward_domain::oauth2::UserCode;
/// assert_eq!("wdjb mjht".parse::<UserCode>().unwrap().to_string(), "WDJB-MJHT");
/// assert!("WDJB-MJH0".parse::<UserCode>().is_err());
/// ```
impl FromStr for UserCode {
    type Err = UserCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.bytes().map(|byte| byte.to_ascii_uppercase());
        let letters: String = upper.filter(|byte| Self::ALPHABET.contains(byte)).map(char::from).collect();
        if letters.len() == Self::LEN { Ok(Self(letters)) } else { Err(UserCodeError) }
    }
}

impl fmt::Display for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at_checked(Self::LEN / 2).unwrap_or_default();
        write!(f, "{first}-{second}")
    }
}

/// It lets somebody in who is asked to confirm it.
impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(..)")
    }
}

/// Whether two addresses are of different networks, as far as that can be told: of the first 24 bits, or 48 of IPv6. What is no address is
/// of no other.
///
/// ```
/// use doorward_domain::oauth2::are_other_networks;
/// assert!(are_other_networks("192.0.2.1", "192.0.3.1") && !are_other_networks("192.0.2.1", "::ffff:192.0.2.9"));
/// assert!(are_other_networks("2001:db8:1::1", "2001:db8:2::1") && !are_other_networks("2001:db8:1:2::1", "2001:db8:1::9"));
/// assert!(!are_other_networks("", "192.0.2.1"));
/// ```
#[must_use]
pub fn are_other_networks(one: &str, other: &str) -> bool {
    let network = |text: &str| {
        let address: IpAddr = text.parse().ok()?;
        Some(match address.to_canonical() {
            IpAddr::V4(address) => (4, u128::from(address.to_bits() >> 8)),
            IpAddr::V6(address) => (6, address.to_bits() >> 80),
        })
    };
    network(one).zip(network(other)).is_some_and(|(one, other)| one != other)
}

/// What the person at the browser has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceDecision {
    /// Nothing yet.
    Pending,
    /// This user lets the device act.
    Approved(UserId),
    /// Somebody said that they did not start it.
    Denied,
}

/// What a device asks for, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAuthorization {
    /// Its id.
    pub id: DeviceAuthorizationId,
    /// The part of the device code by which it is found.
    pub prefix: String,
    /// Digest of the part that proves it.
    pub digest: Digest,
    /// Digest of the user code under a key of the server: it has too few letters for a digest alone.
    pub user_code: Digest,
    /// The app that asks.
    pub app_id: AppId,
    /// What it asks for.
    pub authorization: Authorization,
    /// Address of the device.
    pub ip: String,
    /// What the device calls itself.
    pub user_agent: String,
    /// When it asked.
    pub created_at: Instant,
    /// When it stops being good.
    pub expires_at: Instant,
    /// Seconds that the device is to wait between two questions.
    pub interval: i32,
    /// When the device asked last what has become of it.
    pub polled_at: Option<Instant>,
    /// What was decided.
    pub decision: DeviceDecision,
}

/// What a device is told that asks what has become of its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Nobody has decided.
    Pending,
    /// Nobody has decided, or somebody has; it asked too soon, and is to wait for so many seconds from now on.
    SlowDown(i32),
    /// This user has approved: tokens may be issued, once.
    Approved(UserId),
}

/// Why a device code is no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceCodeError {
    /// It belongs to another app.
    #[error("the device code was issued to another client")]
    OtherClient,
    /// It is too old.
    #[error("the device code has expired")]
    Expired,
    /// The person denied it.
    #[error("the user did not allow the request")]
    Denied,
}

impl DeviceCodeError {
    /// The code the client is told (RFC 8628 3.5).
    #[must_use]
    pub const fn oauth_code(self) -> OAuthErrorCode {
        match self {
            Self::OtherClient => OAuthErrorCode::InvalidGrant,
            Self::Expired => OAuthErrorCode::ExpiredToken,
            Self::Denied => OAuthErrorCode::AccessDenied,
        }
    }
}

impl DeviceAuthorization {
    /// What the app is told that presents the device code now.
    pub fn poll(&self, app: AppId, now: Instant) -> Result<Poll, DeviceCodeError> {
        if self.app_id != app {
            return Err(DeviceCodeError::OtherClient);
        }
        if self.expires_at <= now {
            return Err(DeviceCodeError::Expired);
        }
        if self.decision == DeviceDecision::Denied {
            return Err(DeviceCodeError::Denied);
        }
        let earliest = self.polled_at.map(|last| last + Duration::seconds(self.interval.into()) - TOLERANCE);
        // A last question in the future was asked before the clock was set back.
        let is_soon = earliest.is_some_and(|earliest| now < earliest) && self.polled_at.is_some_and(|last| last <= now);
        if is_soon {
            return Ok(Poll::SlowDown((self.interval + SLOWER_BY).min(SLOWEST)));
        }
        Ok(match self.decision {
            DeviceDecision::Approved(user) => Poll::Approved(user),
            DeviceDecision::Pending | DeviceDecision::Denied => Poll::Pending,
        })
    }

    /// Whether a person may still decide.
    #[must_use]
    pub fn is_open(&self, now: Instant) -> bool {
        self.decision == DeviceDecision::Pending && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth2::Scopes;
    use proptest::prelude::*;
    use time::macros::datetime;

    const NOW: Instant = datetime!(2026-05-01 12:00 UTC);

    fn asked() -> DeviceAuthorization {
        DeviceAuthorization {
            id: DeviceAuthorizationId::NIL,
            prefix: "p".to_owned(),
            digest: Digest::of("d"),
            user_code: Digest::of("u"),
            app_id: AppId::NIL,
            authorization: Authorization { scopes: Scopes::all(), resource: None },
            ip: String::new(),
            user_agent: String::new(),
            created_at: NOW,
            expires_at: NOW + DEVICE_CODE_LIFETIME,
            interval: POLL_INTERVAL,
            polled_at: None,
            decision: DeviceDecision::Pending,
        }
    }

    #[test]
    fn a_device_is_told_the_first_thing_that_is_so() {
        let other = AppId(uuid::Uuid::from_u128(1));
        let approved = DeviceAuthorization { decision: DeviceDecision::Approved(UserId::NIL), ..asked() };
        let denied = DeviceAuthorization { decision: DeviceDecision::Denied, ..asked() };
        assert_eq!(asked().poll(AppId::NIL, NOW), Ok(Poll::Pending));
        assert_eq!(approved.poll(AppId::NIL, NOW), Ok(Poll::Approved(UserId::NIL)));
        assert_eq!(denied.poll(AppId::NIL, NOW), Err(DeviceCodeError::Denied));
        for any in [asked(), approved, denied] {
            assert_eq!(any.poll(AppId::NIL, NOW + DEVICE_CODE_LIFETIME), Err(DeviceCodeError::Expired));
            assert_eq!(any.poll(other, NOW + DEVICE_CODE_LIFETIME), Err(DeviceCodeError::OtherClient));
        }
    }

    #[test]
    fn who_asks_too_soon_is_slowed_down_further_each_time() {
        let polled = |interval, ago: Duration| DeviceAuthorization { interval, polled_at: Some(NOW - ago), ..asked() };
        assert_eq!(polled(5, Duration::milliseconds(3999)).poll(AppId::NIL, NOW), Ok(Poll::SlowDown(10)));
        assert_eq!(polled(5, Duration::seconds(4)).poll(AppId::NIL, NOW), Ok(Poll::Pending));
        assert_eq!(polled(10, Duration::seconds(8)).poll(AppId::NIL, NOW), Ok(Poll::SlowDown(15)));
        assert_eq!(polled(58, Duration::seconds(1)).poll(AppId::NIL, NOW), Ok(Poll::SlowDown(60)));
        assert_eq!(polled(60, Duration::seconds(1)).poll(AppId::NIL, NOW), Ok(Poll::SlowDown(60)));
        // The clock was set back.
        assert_eq!(polled(5, Duration::seconds(-100)).poll(AppId::NIL, NOW), Ok(Poll::Pending));
        let approved =
            DeviceAuthorization { decision: DeviceDecision::Approved(UserId::NIL), ..polled(5, Duration::SECOND) };
        assert_eq!(approved.poll(AppId::NIL, NOW), Ok(Poll::SlowDown(10)), "also once it is approved");
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        for typed in ["WDJB-MJHT", "wdjbmjht", " w d j b . m j h t ", "WDJBMJHTO0"] {
            assert_eq!(typed.parse::<UserCode>().unwrap().to_string(), "WDJB-MJHT", "{typed}");
        }
        for wrong in ["", "WDJB-MJH", "WDJB-MJHTT", "AEIO-UYAE", "0000-0000"] {
            assert_eq!(wrong.parse::<UserCode>(), Err(UserCodeError), "{wrong}");
        }
        assert!(!format!("{:?}", "WDJB-MJHT".parse::<UserCode>().unwrap()).contains("WDJB"));
    }

    #[test]
    fn each_letter_is_as_likely() {
        let mut seen = std::collections::BTreeMap::<char, usize>::new();
        for byte in 0..=u8::MAX {
            if let Some(code) = UserCode::of_random(&[byte; 8]) {
                *seen.entry(code.letters().chars().next().unwrap()).or_default() += 1;
            }
        }
        assert_eq!(seen.len(), 20);
        assert!(seen.values().all(|times| *times == 12), "{seen:?}");
        assert_eq!(UserCode::of_random(&[255; 64]), None);
    }

    proptest! {
        #[test]
        fn what_is_made_is_read_again(bytes in proptest::collection::vec(any::<u8>(), 32)) {
            if let Some(code) = UserCode::of_random(&bytes) {
                prop_assert_eq!(code.to_string().parse::<UserCode>(), Ok(code));
            }
        }
    }
}
