//! The way to a provider and back: where a visitor goes afterwards, and what an answer says.

use super::profile::cut;
use super::provider::Provider;
use crate::names::hidden_in_name;
use std::collections::HashMap;
use std::fmt;

/// Longest return target, in bytes.
const TARGET_MAX: usize = 2048;
/// Longest parameter of an answer, in bytes: some codes are whole tokens.
const PARAMETER_MAX: usize = 8 * 1024;
/// As much of a provider's words is shown, in characters.
const SHOWN_MAX: usize = 200;

/// Where a visitor goes after signing in: the path and query of a text that came with the request. Scheme and host are dropped, so
/// that nobody is sent to another server; what is no path of this one is `/`.
///
/// ```
/// use doorward_domain::identity_providers::return_target;
/// assert_eq!(return_target("/templates?filter=a"), "/templates?filter=a");
/// assert_eq!(return_target("https://evil.example/login"), "/login");
/// assert_eq!(return_target("//evil.example/"), "/");
/// assert_eq!(return_target(r"/\evil.example/"), "/");
/// ```
#[must_use]
pub fn return_target(text: &str) -> String {
    let path = match text.split_once("://") {
        Some((scheme, rest)) if matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") => {
            let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
            rest.get(end..).unwrap_or_default()
        }
        _ => text,
    };
    // A fragment is for the page that it was on.
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
    if is_path(&path) { path } else { "/".to_owned() }
}

/// Browsers take `\` for `/`, and drop tabs and ends of lines before they read: `/<tab>/evil.example` is another server.
fn is_path(text: &str) -> bool {
    let second = text.chars().nth(1);
    text.starts_with('/')
        && !matches!(second, Some('/' | '\\'))
        && text.len() <= TARGET_MAX
        && !text.chars().any(char::is_control)
}

/// What a request to the callback is.
#[derive(Clone, PartialEq, Eq)]
pub enum Callback {
    /// The beginning: the visitor is sent to the provider.
    Start {
        /// The state of somebody who converts their account, if one is given.
        merge_state: Option<String>,
        /// Where to afterwards: see [`return_target`].
        return_target: String,
        /// The visitor wants to authenticate anew, whatever session they have at the provider.
        anew: bool,
    },
    /// The provider has answered with a code.
    Code {
        /// The code.
        code: String,
        /// The state.
        state: String,
        /// The issuer, if it says so (RFC 9207).
        issuer: Option<String>,
    },
    /// The provider has answered that it does not. The state is verified before anything of this is shown.
    Failed {
        /// The state; `None` if the provider has left it out.
        state: Option<String>,
        /// The issuer, if it says so.
        issuer: Option<String>,
        /// What it says.
        error: ProviderError,
    },
}

/// Codes and states are secrets.
impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { .. } => f.write_str("Start(..)"),
            Self::Code { .. } => f.write_str("Code(..)"),
            Self::Failed { error, .. } => f.debug_tuple("Failed").field(error).finish(),
        }
    }
}

/// Why a request to the callback, or an answer of a provider, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// A parameter stands twice.
    #[error("a parameter must not stand twice")]
    Repeated,
    /// A parameter is longer than any.
    #[error("a parameter is too long")]
    TooLong,
    /// A code without a state.
    #[error("`state` must be given")]
    StateMissing,
    /// The answer is of another provider.
    #[error("the answer is of another provider")]
    OtherIssuer,
    /// The provider says who it is, in all its answers but this one.
    #[error("the answer does not say of which provider it is")]
    IssuerMissing,
}

/// An error that a provider answers, in words that can be shown in text. Pages escape them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderError {
    /// The code, if it is a known one; `unknown_error` otherwise.
    pub code: &'static str,
    /// What the provider says of it, at most 200 characters, without control characters.
    pub description: String,
    /// Where it says more, at most 200 characters; text, not a link.
    pub more: String,
}

impl ProviderError {
    /// Reads an error of an authorization response, or of a token response.
    ///
    /// ```
    /// use doorward_domain::identity_providers::ProviderError;
    /// assert_eq!(ProviderError::read("access_denied", "", "").code, "access_denied");
    /// assert_eq!(ProviderError::read("<b>", "no\n", "").code, "unknown_error");
    /// ```
    #[must_use]
    pub fn read(code: &str, description: &str, more: &str) -> Self {
        let code = KNOWN_ERRORS.iter().find(|known| **known == code);
        Self { code: code.copied().unwrap_or("unknown_error"), description: shown(description), more: shown(more) }
    }
}

/// RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 1.0 3.1.2.6, and those of GitHub and Entra that people meet.
const KNOWN_ERRORS: [&str; 26] = [
    "access_denied",
    "account_selection_required",
    "application_suspended",
    "bad_verification_code",
    "consent_required",
    "incorrect_client_credentials",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_request_object",
    "invalid_request_uri",
    "invalid_resource",
    "invalid_scope",
    "login_required",
    "redirect_uri_mismatch",
    "registration_not_supported",
    "request_not_supported",
    "request_uri_not_supported",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unmet_authentication_requirements",
    "unsupported_grant_type",
    "unsupported_response_type",
    "unverified_user_email",
];

/// The beginning of a text, without what changes how it is read.
fn shown(text: &str) -> String {
    // Looked at in bytes first, so that a long text costs no more than a short one.
    cut(text, 4 * SHOWN_MAX)
        .chars()
        .filter(|c| hidden_in_name(c.encode_utf8(&mut [0; 4])).is_none())
        .take(SHOWN_MAX)
        .collect()
}

impl Callback {
    /// Reads the parameters of a request to the callback, decoded. None stands twice, whatever it is called: programs take different
    /// ones of two.
    pub fn read<'p>(parameters: impl Iterator<Item = (&'p str, &'p str)>) -> Result<Self, CallbackError> {
        let mut given: HashMap<&str, &str> = HashMap::new();
        for (name, value) in parameters {
            if value.len() > PARAMETER_MAX {
                return Err(CallbackError::TooLong);
            }
            if given.insert(name, value).is_some() {
                return Err(CallbackError::Repeated);
            }
        }
        let value = |name: &str| given.get(name).copied().filter(|value| !value.is_empty());
        let owned = |name: &str| value(name).map(str::to_owned);
        if let Some(error) = value("error") {
            let text = |name: &str| value(name).unwrap_or_default();
            let error = ProviderError::read(error, text("error_description"), text("error_uri"));
            return Ok(Self::Failed { state: owned("state"), issuer: owned("iss"), error });
        }
        let Some(code) = owned("code") else {
            let return_target = return_target(value("redirect").unwrap_or_default());
            let anew = value("reauthenticate") == Some("true");
            return Ok(Self::Start { merge_state: owned("oidc_merge_state"), return_target, anew });
        };
        Ok(Self::Code { code, state: owned("state").ok_or(CallbackError::StateMissing)?, issuer: owned("iss") })
    }
}

/// Checks the issuer in an authorization response (RFC 9207 2.4): one that is there must be the provider's, and where the discovery
/// document says that there is one, it must be there.
pub fn check_response_issuer(
    issuer: Option<&str>,
    provider: &Provider,
    is_always_sent: bool,
) -> Result<(), CallbackError> {
    match issuer {
        Some(issuer) if provider.is_response_issuer(issuer) => Ok(()),
        Some(_) => Err(CallbackError::OtherIssuer),
        None if is_always_sent => Err(CallbackError::IssuerMissing),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::Url;

    #[test]
    fn targets_are_paths_of_this_server() {
        for (text, target) in [
            ("", "/"),
            ("/", "/"),
            ("/a/b?c=d&e=%2F", "/a/b?c=d&e=%2F"),
            ("/a#b", "/a"),
            ("https://a.example", "/"),
            ("https://a.example?x=1", "/?x=1"),
            ("HTTPS://a.example/x?y#z", "/x?y"),
            ("http://a.example:80/x", "/x"),
            ("https://a.example//evil.example", "/"),
            (r"https://a.example\evil.example", "/"),
            (r"https://a.example/\evil.example", "/"),
            ("//evil.example", "/"),
            ("///evil.example", "/"),
            (r"/\evil.example", "/"),
            (r"\\evil.example", "/"),
            ("/\t/evil.example", "/"),
            ("/\n/evil.example", "/"),
            ("/a\r\nSet-Cookie: x", "/"),
            ("/\u{0}", "/"),
            ("javascript:alert(1)", "/"),
            ("javascript://a/%0aalert(1)", "/"),
            ("a", "/"),
            (" /a", "/"),
            ("?a", "/?a"),
        ] {
            assert_eq!(return_target(text), target, "{text:?}");
        }
        assert_eq!(return_target(&format!("/{}", "a".repeat(TARGET_MAX))), "/");
    }

    fn read(parameters: &[(&str, &str)]) -> Result<Callback, CallbackError> {
        Callback::read(parameters.iter().copied())
    }

    #[test]
    fn a_request_without_code_and_error_is_the_beginning() {
        let start = |merge_state: Option<&str>, target: &str| Callback::Start {
            merge_state: merge_state.map(str::to_owned),
            return_target: target.to_owned(),
            anew: false,
        };
        assert_eq!(read(&[]), Ok(start(None, "/")));
        assert_eq!(read(&[("redirect", "https://x/a"), ("oidc_merge_state", "m")]), Ok(start(Some("m"), "/a")));
        assert_eq!(read(&[("code", "")]), Ok(start(None, "/")));
    }

    #[test]
    fn an_answer_has_a_code_and_a_state() {
        let code = |issuer: Option<&str>| Callback::Code {
            code: "c".to_owned(),
            state: "s".to_owned(),
            issuer: issuer.map(str::to_owned),
        };
        assert_eq!(read(&[("code", "c"), ("state", "s"), ("session_state", "x")]), Ok(code(None)));
        assert_eq!(read(&[("code", "c"), ("state", "s"), ("iss", "i")]), Ok(code(Some("i"))));
        assert_eq!(read(&[("code", "c")]), Err(CallbackError::StateMissing));
        assert_eq!(read(&[("code", "c"), ("state", "")]), Err(CallbackError::StateMissing));
        assert_eq!(format!("{:?}", code(None)), "Code(..)");
    }

    #[test]
    fn no_parameter_stands_twice_and_none_is_long() {
        for twice in [
            [("code", "c"), ("code", "c")],
            [("state", "a"), ("state", "b")],
            [("iss", ""), ("iss", "i")],
            [("other", "1"), ("other", "2")],
        ] {
            assert_eq!(read(&twice), Err(CallbackError::Repeated), "{twice:?}");
        }
        let long = "x".repeat(PARAMETER_MAX + 1);
        assert_eq!(read(&[("code", &long)]), Err(CallbackError::TooLong));
    }

    #[test]
    fn errors_are_known_words_and_short_texts() {
        let long = "é".repeat(SHOWN_MAX + 1);
        let given = [("error", "access_denied"), ("error_description", long.as_str()), ("state", "s"), ("code", "c")];
        let Ok(Callback::Failed { state, error, .. }) = read(&given) else { panic!("no error") };
        assert_eq!((state.as_deref(), error.code), (Some("s"), "access_denied"));
        assert_eq!(error.description.chars().count(), SHOWN_MAX);
        let odd = ProviderError::read("Access_Denied", "a\u{202e}b\nc\u{0}", "x\ty");
        assert_eq!((odd.code, odd.description.as_str(), odd.more.as_str()), ("unknown_error", "abc", "xy"));
        assert!(KNOWN_ERRORS.is_sorted());
    }

    #[test]
    fn an_answer_of_another_provider_is_refused() {
        let own = Provider { issuer: "https://id.example".to_owned(), ..Provider::default() };
        assert_eq!(check_response_issuer(None, &own, false), Ok(()));
        assert_eq!(check_response_issuer(None, &own, true), Err(CallbackError::IssuerMissing));
        assert_eq!(check_response_issuer(Some("https://id.example"), &own, true), Ok(()));
        for other in ["https://id.example/", "https://ID.example", "https://evil.example"] {
            assert_eq!(check_response_issuer(Some(other), &own, false), Err(CallbackError::OtherIssuer), "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_leads_to_another_server(text in "(https?:)?[/\\\\?#\t\na.:@]{0,12}(evil\\.example)?[/?#a]{0,3}") {
            let here = Url::parse("https://door.example/users/oidc/callback").unwrap();
            let there = here.join(&return_target(&text)).unwrap();
            prop_assert_eq!(there.host_str(), Some("door.example"));
            prop_assert_eq!(there.scheme(), "https");
        }
    }
}
