//! What is particular about an app as a relying party.

use super::profile::AppProfile;
use crate::jws::SignatureAlgorithm;
use crate::oauth2::uri::{self, UriError, is_loopback};
use crate::oauth2::{REDIRECT_URI_MAX, RedirectUri};
use serde::{Deserialize, Serialize};

/// What is particular about an app as a relying party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a rule of its own")]
pub struct AppRules {
    /// By which algorithm its tokens are signed.
    pub id_token_signed_response_alg: SignatureAlgorithm,
    /// Whether what it may know stands in the ID token too, for programs that ask nobody else.
    pub claims_in_id_token: bool,
    /// How many seconds ago a user may have signed in at most, if the app does not say it itself.
    pub default_max_age: Option<u32>,
    /// Whether an administrator vouches for it, so that nobody is asked.
    pub trusted: bool,
    /// Where users may be sent after they have signed out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session has ended.
    pub backchannel_logout_uri: Option<String>,
    /// Whether it must be told which session has ended, and not only whose.
    pub backchannel_logout_session_required: bool,
    /// Whether its grants end with the session in which they were given.
    pub end_with_session: bool,
    /// What people are shown of it.
    pub profile: AppProfile,
}

impl Default for AppRules {
    fn default() -> Self {
        Self {
            id_token_signed_response_alg: SignatureAlgorithm::Rs256,
            claims_in_id_token: false,
            default_max_age: None,
            trusted: false,
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
            end_with_session: false,
            profile: AppProfile::default(),
        }
    }
}

impl AppRules {
    /// Whether it matters to it, or to its grants, that a session ends.
    #[must_use]
    pub const fn follows_sessions(&self) -> bool {
        self.backchannel_logout_uri.is_some() || self.end_with_session
    }

    /// Whether users may be sent to this address after they have signed out: it is registered, letter by letter, and still one to
    /// which anybody is sent.
    #[must_use]
    pub fn leads_to(&self, text: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|known| known == text) && RedirectUri::register(text, false).is_ok()
    }
}

/// Why an app cannot be told of the end of sessions at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogoutUriError {
    /// It is too long.
    #[error("at most {REDIRECT_URI_MAX} bytes are allowed")]
    TooLong,
    /// It is no URL, or one that programs read in different ways, or has a user name.
    #[error("must be an absolute URL without a user name, as RFC 3986 has it")]
    Syntax,
    /// It has a fragment.
    #[error("must have no fragment")]
    Fragment,
    /// Everybody on the way could read it.
    #[error("must begin with https:// (or http:// on a loopback host, which works in development only)")]
    Scheme,
}

/// Checks the address at which an app is told of the end of sessions (OpenID Connect Back-Channel Logout 1.0, 2.2).
///
/// ```
/// use doorward_domain::openid::{LogoutUriError, check_logout_uri};
/// assert_eq!(check_logout_uri("https://app.example/logout?a=b"), Ok(()));
/// assert_eq!(check_logout_uri("http://app.example/logout"), Err(LogoutUriError::Scheme));
/// assert_eq!(check_logout_uri("https://app.example/#x"), Err(LogoutUriError::Fragment));
/// ```
pub fn check_logout_uri(text: &str) -> Result<(), LogoutUriError> {
    if text.len() > REDIRECT_URI_MAX {
        return Err(LogoutUriError::TooLong);
    }
    let url = uri::parse(text).map_err(|error| match error {
        UriError::Fragment => LogoutUriError::Fragment,
        UriError::Syntax | UriError::SchemeMissing | UriError::Host | UriError::Credentials => LogoutUriError::Syntax,
    })?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        _ => Err(LogoutUriError::Scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_from_before_a_rule_takes_its_default() {
        let rules: AppRules = serde_json::from_str(r#"{"trusted": true, "unheard_of": 1}"#).unwrap();
        assert_eq!(rules, AppRules { trusted: true, ..AppRules::default() });
    }

    #[test]
    fn users_are_sent_only_to_what_is_registered_letter_by_letter() {
        let registered = ["https://app.example/bye?a=1".to_owned(), "javascript:alert(1)".to_owned()];
        let rules = AppRules { post_logout_redirect_uris: registered.to_vec(), ..AppRules::default() };
        assert!(rules.leads_to("https://app.example/bye?a=1"));
        for other in [
            "https://app.example/bye",
            "https://app.example/bye?a=1&b=2",
            "https://app.example:443/bye?a=1",
            "https://APP.example/bye?a=1",
            "javascript:alert(1)",
            "",
        ] {
            assert!(!rules.leads_to(other), "{other}");
        }
    }

    #[test]
    fn apps_are_told_at_addresses_that_nobody_else_reads() {
        for good in ["https://app.example/l", "https://app.example:8443/", "http://localhost:9/l", "http://127.0.0.1/l"]
        {
            assert_eq!(check_logout_uri(good), Ok(()), "{good}");
        }
        let long = format!("https://app.example/{}", "x".repeat(REDIRECT_URI_MAX));
        for (bad, why) in [
            ("http://app.example/l", LogoutUriError::Scheme),
            ("ftp://app.example/l", LogoutUriError::Scheme),
            ("cursor://app/l", LogoutUriError::Scheme),
            ("https://app.example/l#", LogoutUriError::Fragment),
            ("https://ann@app.example/l", LogoutUriError::Syntax),
            ("/l", LogoutUriError::Syntax),
            ("", LogoutUriError::Syntax),
            (&long, LogoutUriError::TooLong),
        ] {
            assert_eq!(check_logout_uri(bad), Err(why), "{bad:.40}");
        }
    }
}
