//! What a signed answer of the userinfo endpoint must say (OpenID Connect Core 1.0, 5.3.2). Its signature was verified before.

use super::claims::{Claims, WrongTypeError};
use super::issuer::IssuerDefect;
use super::provider::Provider;
use crate::Instant;
use time::Duration;

/// Why a signed answer of the userinfo endpoint is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UserinfoDefect {
    /// A claim is of another type.
    #[error(transparent)]
    Type(#[from] WrongTypeError),
    /// It is of somebody else.
    #[error(transparent)]
    Issuer(#[from] IssuerDefect),
    /// It is for somebody else, or does not say for whom it is.
    #[error("the signed answer of the userinfo endpoint is not for this server")]
    Audience,
    /// It is over.
    #[error("the signed answer of the userinfo endpoint has expired")]
    Expired,
}

/// Checks the claims of a signed answer of the userinfo endpoint: it is of this provider and for this server, and not over, where it
/// says until when it holds. That it is about the person of the ID token is for [`merge`](super::merge).
pub fn check_userinfo(
    claims: &Claims,
    provider: &Provider,
    now: Instant,
    skew: Duration,
) -> Result<(), UserinfoDefect> {
    provider.issuer_of(claims)?;
    let audiences = claims.texts("aud")?.unwrap_or_default();
    if !audiences.contains(&provider.client_id.as_str()) {
        return Err(UserinfoDefect::Audience);
    }
    match claims.instant("exp")? {
        Some(expires_at) if now - expires_at >= skew => Err(UserinfoDefect::Expired),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: i64 = 1_700_000_000;

    fn check(claims: Value) -> Result<(), UserinfoDefect> {
        let Value::Object(members) = claims else { panic!("no object") };
        let provider =
            Provider { issuer: "https://id.example".to_owned(), client_id: "me".to_owned(), ..Provider::default() };
        let now = Instant::from_unix_timestamp(NOW).unwrap();
        check_userinfo(&Claims::from_members(members), &provider, now, Duration::minutes(1))
    }

    #[test]
    fn it_is_of_the_provider_and_for_this_server() {
        let iss = "https://id.example";
        assert_eq!(check(json!({ "iss": iss, "aud": "me" })), Ok(()));
        assert_eq!(check(json!({ "iss": iss, "aud": ["you", "me"], "exp": NOW - 59 })), Ok(()));
        for aud in [json!("you"), json!(["you"]), json!([]), json!(null)] {
            assert_eq!(check(json!({ "iss": iss, "aud": aud })), Err(UserinfoDefect::Audience), "{aud}");
        }
        assert_eq!(check(json!({ "aud": "me" })), Err(IssuerDefect::Missing.into()));
        assert_eq!(check(json!({ "iss": "https://evil.example", "aud": "me" })), Err(IssuerDefect::Other.into()));
        assert_eq!(check(json!({ "iss": iss, "aud": "me", "exp": NOW - 60 })), Err(UserinfoDefect::Expired));
        assert!(matches!(check(json!({ "iss": iss, "aud": 7 })), Err(UserinfoDefect::Type(_))));
    }
}
