//! Signing out at the wish of an app, and telling apps of it (OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0).

use crate::Instant;
use crate::ids::{AppId, UserId};
use serde_json::{Map, Value, json};
use time::Duration;
use url::Url;
use uuid::Uuid;

/// The `typ` of logout tokens.
pub const LOGOUT_TOKEN: &str = "logout+jwt";
/// The longest `state` that comes back, in bytes.
pub const LOGOUT_STATE_MAX: usize = 4 * 1024;

/// What makes a token a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// For so long a logout token is good.
const LIFETIME: Duration = Duration::minutes(2);
/// How long it is waited after each attempt in vain. After the last one nobody tries any more.
const PAUSES: [Duration; 4] =
    [Duration::seconds(5), Duration::seconds(30), Duration::seconds(120), Duration::seconds(600)];

/// An app is to be told that a session has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutNotice {
    /// Tells it from others.
    pub id: i64,
    /// Whom to tell.
    pub app_id: AppId,
    /// Whose session it was.
    pub user_id: UserId,
    /// Which one it was; `None`: all of them.
    pub sid: Option<Uuid>,
    /// Which attempt this is: the first is 1.
    pub attempt: u32,
}

impl LogoutNotice {
    /// How long to wait after this attempt was in vain; `None` when it was the last one.
    #[must_use]
    pub fn pause_before_retry(&self) -> Option<Duration> {
        let at = usize::try_from(self.attempt).ok()?.checked_sub(1)?;
        PAUSES.get(at).copied()
    }
}

/// What a logout token says (Back-Channel Logout 1.0, 2.4). It never has a nonce, so that it is no ID token.
#[derive(Clone, Copy, Debug)]
pub struct LogoutToken<'a> {
    /// Who says it.
    pub issuer: &'a str,
    /// To whom.
    pub audience: AppId,
    /// Whose sessions have ended.
    pub subject: UserId,
    /// Which one; `None`: all of them.
    pub sid: Option<Uuid>,
    /// Tells it from all others.
    pub id: Uuid,
    /// When.
    pub issued_at: Instant,
}

impl LogoutToken<'_> {
    /// The claims.
    #[must_use]
    pub fn claims(self) -> Map<String, Value> {
        let mut claims = Map::new();
        let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        set("iss", self.issuer.into());
        set("aud", self.audience.to_string().into());
        set("sub", self.subject.to_string().into());
        set("iat", self.issued_at.unix_timestamp().into());
        set("exp", self.issued_at.saturating_add(LIFETIME).unix_timestamp().into());
        set("jti", self.id.to_string().into());
        set("events", json!({ EVENT: {} }));
        if let Some(sid) = self.sid {
            set("sid", sid.to_string().into());
        }
        claims
    }
}

/// Where somebody goes who has signed out: a registered address, with `state` if the app has sent one. `None` if it is none.
///
/// ```
/// use doorward_domain::openid::after_logout;
/// let bye = "https://app.example/bye?a=1";
/// assert_eq!(after_logout(bye, Some("s t")).as_deref(), Some("https://app.example/bye?a=1&state=s+t"));
/// assert_eq!(after_logout(bye, None).as_deref(), Some(bye));
/// ```
#[must_use]
pub fn after_logout(uri: &str, state: Option<&str>) -> Option<String> {
    let mut url = Url::parse(uri).ok()?;
    let Some(state) = state else { return Some(uri.to_owned()) };
    url.query_pairs_mut().append_pair("state", state);
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn notice(attempt: u32) -> LogoutNotice {
        LogoutNotice {
            id: 1,
            app_id: AppId(Uuid::from_u128(2)),
            user_id: UserId(Uuid::from_u128(1)),
            sid: None,
            attempt,
        }
    }

    #[test]
    fn after_five_attempts_nobody_tries_any_more() {
        let pauses: Vec<_> = (0..7).map(|attempt| notice(attempt).pause_before_retry()).collect();
        let seconds = |seconds| Some(Duration::seconds(seconds));
        assert_eq!(pauses, [None, seconds(5), seconds(30), seconds(120), seconds(600), None, None]);
    }

    #[test]
    fn a_token_says_whose_session_has_ended_and_which_one() {
        let token = LogoutToken {
            issuer: "https://a.example",
            audience: AppId(Uuid::from_u128(2)),
            subject: UserId(Uuid::from_u128(1)),
            sid: Some(Uuid::from_u128(9)),
            id: Uuid::from_u128(5),
            issued_at: datetime!(2023-11-14 22:13:20 UTC),
        };
        let expected = json!({
            "iss": "https://a.example", "sub": "00000000-0000-0000-0000-000000000001",
            "aud": "00000000-0000-0000-0000-000000000002", "iat": 1_700_000_000, "exp": 1_700_000_120,
            "jti": "00000000-0000-0000-0000-000000000005", "sid": "00000000-0000-0000-0000-000000000009",
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        assert_eq!(Value::Object(token.claims()), expected);
        assert!(!LogoutToken { sid: None, ..token }.claims().contains_key("sid"));
    }

    #[test]
    fn state_comes_back_whatever_it_holds() {
        for (uri, state, expected) in [
            ("https://app.example/bye", "", "https://app.example/bye?state="),
            ("https://app.example/bye", "a&b=c#d", "https://app.example/bye?state=a%26b%3Dc%23d"),
            ("cursor://bye", "s", "cursor://bye?state=s"),
        ] {
            assert_eq!(after_logout(uri, Some(state)).as_deref(), Some(expected));
        }
        assert_eq!(after_logout("no address", None), None);
    }
}
