//! How somebody has authenticated at a provider, for the session here.

use super::acr::Acr;
use super::id_token::IdToken;
use super::provider::Provider;
use crate::Instant;
use crate::jws::Claims;

/// The most methods that are kept.
const METHODS_MAX: usize = 16;
/// The longest name of a method, in bytes.
const METHOD_MAX: usize = 64;
/// Somebody else authenticated the person. Not registered in RFC 8176.
const FEDERATED: &str = "fed";
/// Methods that are, or are part of, more than a password (RFC 8176 2).
const STRONG: [&str; 4] = ["mfa", "hwk", "fido", "sc"];

/// What a session keeps of the authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// When it was; never later than now.
    pub authenticated_at: Instant,
    /// By which methods (RFC 8176), `fed` among them.
    pub methods: Vec<String>,
    /// How strong it was.
    pub acr: Acr,
    /// The session at the provider, for signing out.
    pub upstream_session_id: Option<String>,
}

/// Reads how somebody authenticated. What the provider says of methods counts only where the settings trust it; an `acr` counts
/// where the settings say what it means.
#[must_use]
pub fn session_facts(claims: &Claims, id_token: &IdToken, provider: &Provider, now: Instant) -> SessionFacts {
    let mut methods: Vec<String> = Vec::new();
    if provider.trust_amr {
        let named = claims.texts("amr").ok().flatten().unwrap_or_default();
        let kept = named.into_iter().filter(|method| !method.is_empty() && method.len() <= METHOD_MAX);
        for method in kept.take(METHODS_MAX) {
            if !methods.iter().any(|known| known == method) {
                methods.push(method.to_owned());
            }
        }
    }
    let mapped = claims.text("acr").ok().flatten().and_then(|acr| provider.acr_map.get(acr)).copied();
    let is_strong = methods.iter().any(|method| STRONG.contains(&method.as_str()));
    let acr = mapped.unwrap_or(if is_strong { Acr::Mfa } else { Acr::Pwd });
    if !methods.iter().any(|method| method == FEDERATED) {
        methods.push(FEDERATED.to_owned());
    }
    SessionFacts {
        authenticated_at: id_token.authenticated_at.unwrap_or(now).min(now),
        methods,
        acr,
        upstream_session_id: id_token.session_id.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use time::Duration;
    use time::macros::datetime;

    const NOW: Instant = datetime!(2026-03-01 12:00 UTC);

    fn facts(claims: Value, authenticated_at: Option<Instant>, provider: &Provider) -> SessionFacts {
        let Value::Object(members) = claims else { panic!("no object") };
        let id_token = IdToken {
            issuer: String::new(),
            subject: "ann".to_owned(),
            authenticated_at,
            session_id: Some("s1".to_owned()),
            issued_at: NOW,
            expires_at: NOW,
        };
        session_facts(&Claims::from_members(members), &id_token, provider, NOW)
    }

    fn trusting() -> Provider {
        Provider { trust_amr: true, ..Provider::default() }
    }

    #[test]
    fn the_time_is_that_of_the_provider_and_never_the_future() {
        let earlier = NOW - Duration::HOUR;
        assert_eq!(facts(json!({}), Some(earlier), &trusting()).authenticated_at, earlier);
        assert_eq!(facts(json!({}), None, &trusting()).authenticated_at, NOW);
        assert_eq!(facts(json!({}), Some(NOW + Duration::SECOND), &trusting()).authenticated_at, NOW);
    }

    #[test]
    fn methods_count_where_they_are_trusted() {
        let claims = json!({ "amr": ["pwd", "mfa", "pwd"] });
        let trusted = facts(claims.clone(), None, &trusting());
        assert_eq!((trusted.methods, trusted.acr), (vec!["pwd".into(), "mfa".into(), "fed".to_owned()], Acr::Mfa));
        let not = facts(claims, None, &Provider::default());
        assert_eq!((not.methods, not.acr), (vec!["fed".to_owned()], Acr::Pwd));
        for (method, acr) in [("hwk", Acr::Mfa), ("fido", Acr::Mfa), ("otp", Acr::Pwd), ("MFA", Acr::Pwd)] {
            assert_eq!(facts(json!({ "amr": [method] }), None, &trusting()).acr, acr, "{method}");
        }
        assert_eq!(facts(json!({ "amr": 7 }), None, &trusting()).methods, ["fed"]);
    }

    #[test]
    fn a_context_counts_where_the_settings_say_what_it_means() {
        let acr_map = [("urn:strong".to_owned(), Acr::Phr), ("0".to_owned(), Acr::Pwd)].into();
        let mapped = Provider { acr_map, ..trusting() };
        assert_eq!(facts(json!({ "acr": "urn:strong" }), None, &mapped).acr, Acr::Phr);
        assert_eq!(facts(json!({ "acr": "URN:strong" }), None, &mapped).acr, Acr::Pwd);
        // What the settings say of it wins over what the methods look like.
        assert_eq!(facts(json!({ "acr": "0", "amr": ["mfa"] }), None, &mapped).acr, Acr::Pwd);
        assert_eq!(facts(json!({ "acr": "phr" }), None, &trusting()).acr, Acr::Pwd);
        assert!(Acr::Pwd < Acr::Mfa && Acr::Mfa < Acr::Phr);
    }

    #[test]
    fn methods_are_bounded() {
        let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        assert_eq!(facts(json!({ "amr": many }), None, &trusting()).methods.len(), METHODS_MAX + 1);
        assert_eq!(facts(json!({ "amr": ["m".repeat(65), ""] }), None, &trusting()).methods, ["fed"]);
        assert_eq!(facts(json!({}), None, &trusting()).upstream_session_id.as_deref(), Some("s1"));
    }
}
