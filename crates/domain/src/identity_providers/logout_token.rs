//! What a logout token must say (OpenID Connect Back-Channel Logout 1.0, 2.6). Its signature and the kind in its header were
//! verified before.

use super::id_token::{AudienceDefect, SUBJECT_MAX, check_audience, session_id};
use super::issuer::IssuerDefect;
use super::provider::Provider;
use crate::Instant;
use crate::jws::{Claims, WrongTypeError};
use time::Duration;

/// How old a logout token may be when it comes.
pub const LOGOUT_TOKEN_AGE: Duration = Duration::minutes(5);
/// Longest `jti`, in bytes.
const TOKEN_ID_MAX: usize = 256;
/// The member of `events` that makes it a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A logout token that was believed. Whether it was believed before is for whoever keeps ids of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// The issuer under which a link is stored.
    pub issuer: String,
    /// Who is signed out; with a session, only of that one.
    pub subject: Option<String>,
    /// The session that ends. One of the two is there.
    pub session_id: Option<String>,
    /// Its id, which is used once.
    pub id: String,
    /// Until when its id must be remembered: after that it is too old by itself.
    pub remember_until: Instant,
}

/// Why a logout token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogoutTokenDefect {
    /// A claim is of another type.
    #[error(transparent)]
    Type(#[from] WrongTypeError),
    /// A claim is missing.
    #[error("the logout token has no `{0}`")]
    Missing(&'static str),
    /// It is of somebody else.
    #[error(transparent)]
    Issuer(#[from] IssuerDefect),
    /// It is for somebody else.
    #[error(transparent)]
    Audience(#[from] AudienceDefect),
    /// It is over, or was issued too long ago.
    #[error("the logout token is too old")]
    TooOld,
    /// It is from the future.
    #[error("the logout token is not valid yet; the clocks of the two servers may differ")]
    NotYet,
    /// It is another kind of token.
    #[error("the token is no logout token")]
    Event,
    /// It has a nonce, so it may be an ID token.
    #[error("a logout token must not have a nonce")]
    Nonce,
    /// Its id, subject or session is empty or too long.
    #[error("`{0}` of the logout token is empty or too long")]
    Length(&'static str),
}

/// Checks the claims of a logout token of this provider.
pub fn check_logout_token(
    claims: &Claims,
    provider: &Provider,
    now: Instant,
    skew: Duration,
) -> Result<LogoutToken, LogoutTokenDefect> {
    let issuer = provider.issuer_of(claims)?;
    check_audience(claims, provider)?;
    let issued_at = claims.instant("iat")?.ok_or(LogoutTokenDefect::Missing("iat"))?;
    let expires_at = claims.instant("exp")?.ok_or(LogoutTokenDefect::Missing("exp"))?;
    if issued_at - now > skew {
        return Err(LogoutTokenDefect::NotYet);
    }
    if now - issued_at > LOGOUT_TOKEN_AGE || now - expires_at >= skew {
        return Err(LogoutTokenDefect::TooOld);
    }
    // The name of the event has dots, so it is no path.
    let events = claims.get("events").and_then(|events| events.as_object());
    if !events.and_then(|events| events.get(EVENT)).is_some_and(serde_json::Value::is_object) {
        return Err(LogoutTokenDefect::Event);
    }
    if claims.members().contains_key("nonce") {
        return Err(LogoutTokenDefect::Nonce);
    }
    let subject = claims.text("sub")?;
    if subject.is_some_and(|subject| subject.is_empty() || subject.len() > SUBJECT_MAX) {
        return Err(LogoutTokenDefect::Length("sub"));
    }
    let session_id = match (claims.text("sid")?, session_id(claims)) {
        (Some(_), None) => return Err(LogoutTokenDefect::Length("sid")),
        (None, _) if subject.is_none() => return Err(LogoutTokenDefect::Missing("sub")),
        (_, session_id) => session_id,
    };
    let id = claims.text("jti")?.ok_or(LogoutTokenDefect::Missing("jti"))?;
    if id.is_empty() || id.len() > TOKEN_ID_MAX {
        return Err(LogoutTokenDefect::Length("jti"));
    }
    Ok(LogoutToken {
        issuer,
        subject: subject.map(str::to_owned),
        session_id,
        id: id.to_owned(),
        remember_until: now.saturating_add(LOGOUT_TOKEN_AGE).saturating_add(skew * 2),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: i64 = 1_700_000_060;

    fn check(changes: Value) -> Result<LogoutToken, LogoutTokenDefect> {
        let token = json!({
            "iss": "https://id.example", "aud": "me", "sub": "ann", "sid": "s1", "iat": 1_700_000_000,
            "exp": 1_700_000_120, "jti": "j1", "events": { EVENT: {} },
        });
        let (Value::Object(mut members), Value::Object(changes)) = (token, changes) else { panic!("no object") };
        for (name, value) in changes {
            if value == json!("absent") {
                members.remove(&name)
            } else {
                members.insert(name, value)
            };
        }
        let provider =
            Provider { issuer: "https://id.example".to_owned(), client_id: "me".to_owned(), ..Provider::default() };
        let now = Instant::from_unix_timestamp(NOW).unwrap();
        check_logout_token(&Claims::from_members(members), &provider, now, Duration::minutes(1))
    }

    #[test]
    fn a_good_token_says_who_or_what_ends() {
        let both = check(json!({})).unwrap();
        assert_eq!((both.subject.as_deref(), both.session_id.as_deref()), (Some("ann"), Some("s1")));
        assert_eq!((both.issuer.as_str(), both.id.as_str()), ("https://id.example", "j1"));
        assert!(check(json!({ "sid": "absent" })).unwrap().session_id.is_none());
        assert!(check(json!({ "sub": "absent" })).unwrap().subject.is_none());
        assert_eq!(check(json!({ "sub": "absent", "sid": "absent" })), Err(LogoutTokenDefect::Missing("sub")));
    }

    #[test]
    fn an_id_token_is_no_logout_token() {
        assert_eq!(check(json!({ "nonce": "n" })), Err(LogoutTokenDefect::Nonce));
        assert_eq!(check(json!({ "nonce": null })), Err(LogoutTokenDefect::Nonce));
        for events in [json!("absent"), json!(null), json!({}), json!([EVENT]), json!({ EVENT: 1 }), json!({ "x": {} })]
        {
            assert_eq!(check(json!({ "events": events })), Err(LogoutTokenDefect::Event), "{events}");
        }
    }

    #[test]
    fn it_is_of_this_provider_for_this_server() {
        assert_eq!(check(json!({ "iss": "https://x" })), Err(LogoutTokenDefect::Issuer(IssuerDefect::Other)));
        assert_eq!(check(json!({ "aud": "you" })), Err(AudienceDefect::Other.into()));
        assert_eq!(check(json!({ "aud": ["me", "you"] })), Err(AudienceDefect::Untrusted.into()));
        assert_eq!(check(json!({ "aud": "absent" })), Err(AudienceDefect::Missing.into()));
        assert!(check(json!({ "aud": ["me"] })).is_ok());
    }

    #[test]
    fn it_is_at_most_five_minutes_old_and_used_once() {
        for (changes, defect) in [
            (json!({ "iat": NOW - 300 }), None),
            (json!({ "iat": NOW - 301 }), Some(LogoutTokenDefect::TooOld)),
            (json!({ "iat": NOW + 60 }), None),
            (json!({ "iat": NOW + 61 }), Some(LogoutTokenDefect::NotYet)),
            (json!({ "exp": NOW - 59 }), None),
            (json!({ "exp": NOW - 60 }), Some(LogoutTokenDefect::TooOld)),
            (json!({ "iat": "absent" }), Some(LogoutTokenDefect::Missing("iat"))),
            (json!({ "exp": "absent" }), Some(LogoutTokenDefect::Missing("exp"))),
            (json!({ "jti": "absent" }), Some(LogoutTokenDefect::Missing("jti"))),
            (json!({ "jti": "" }), Some(LogoutTokenDefect::Length("jti"))),
            (json!({ "jti": "j".repeat(257) }), Some(LogoutTokenDefect::Length("jti"))),
            (json!({ "sub": "" }), Some(LogoutTokenDefect::Length("sub"))),
            (json!({ "sid": "" }), Some(LogoutTokenDefect::Length("sid"))),
        ] {
            assert_eq!(check(changes.clone()).err(), defect, "{changes}");
        }
        // A token of the latest `iat` that is taken now is too old by then.
        let latest = check(json!({ "iat": NOW + 60 })).unwrap();
        assert!(latest.remember_until.unix_timestamp() > NOW + 60 + 300);
    }
}
