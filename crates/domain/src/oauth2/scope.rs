//! The syntax of `scope` (RFC 6749 3.3), and the names of OpenID Connect. What the names of this server's catalogue mean
//! is decided in [`crate::roles`].

use std::collections::HashSet;

/// Longest `scope` parameter, in bytes: several times all names that are advertised.
pub const SCOPE_MAX: usize = 32 * 1024;
/// Most names in one `scope` parameter: clients that know nothing better ask for all that is advertised.
const NAMES_MAX: usize = 1024;

/// The name by which a client asks for refresh tokens (OpenID Connect Core 11). They are issued by grant type here, so it
/// changes nothing: it does not even count as something asked for.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// The names of OpenID Connect and its usual extensions. They are accepted everywhere and grant nothing on this server's
/// API.
pub const OIDC_SCOPES: [&str; 6] = ["openid", "profile", "email", "groups", "roles", OFFLINE_ACCESS];

/// Whether a name is one of [`OIDC_SCOPES`].
///
/// ```
/// use doorward_domain::oauth2::is_oidc_scope;
/// assert!(is_oidc_scope("openid") && is_oidc_scope("offline_access"));
/// assert!(!is_oidc_scope("user:read"));
/// ```
#[must_use]
pub fn is_oidc_scope(name: &str) -> bool {
    OIDC_SCOPES.contains(&name)
}

/// Why a `scope` parameter cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("scope has at most {NAMES_MAX} names of printable ASCII characters, separated by single spaces")]
pub struct ScopeSyntaxError;

/// Splits a `scope` parameter into its names, each once, in the order of first mention. Spaces too many are tolerated.
///
/// ```
/// use doorward_domain::oauth2::parse_scope_list;
/// assert_eq!(parse_scope_list("user:read  workspace:* user:read").unwrap(), ["user:read", "workspace:*"]);
/// assert!(parse_scope_list("user:read\n").is_err());
/// ```
pub fn parse_scope_list(text: &str) -> Result<Vec<String>, ScopeSyntaxError> {
    if text.len() > SCOPE_MAX {
        return Err(ScopeSyntaxError);
    }
    let mut names: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    for name in text.split(' ').filter(|name| !name.is_empty()) {
        if !name.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\') {
            return Err(ScopeSyntaxError);
        }
        if seen.insert(name) {
            if names.len() == NAMES_MAX {
                return Err(ScopeSyntaxError);
            }
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::scope::catalogue;

    #[test]
    fn names_once_in_order() {
        assert_eq!(parse_scope_list(" b a  b ").unwrap(), ["b", "a"]);
        for blank in ["", " ", "   "] {
            assert_eq!(parse_scope_list(blank).unwrap(), Vec::<String>::new());
        }
        for bad in ["a\tb", "a\"", "é", &"x ".repeat(20_000)] {
            assert!(parse_scope_list(bad).is_err());
        }
        let many = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(" ");
        assert!(parse_scope_list(&many(1024)).is_ok() && parse_scope_list(&many(1025)).is_err());
    }

    #[test]
    fn all_names_that_are_advertised_fit_several_times() {
        let names: Vec<String> = catalogue().iter().map(|name| name.as_str().into_owned()).collect();
        assert!(3 * (names.join(" ").len() + OIDC_SCOPES.join(" ").len()) < SCOPE_MAX);
        assert!(3 * (names.len() + OIDC_SCOPES.len()) < NAMES_MAX);
    }

    #[test]
    fn no_name_of_openid_connect_is_one_of_the_catalogue() {
        for name in OIDC_SCOPES {
            assert!(crate::roles::ScopeName::parse(name).is_err(), "{name}");
        }
    }
}
