//! The syntax of `scope` (RFC 6749 3.3). What the names mean is decided in [`crate::roles`].

use std::collections::HashSet;

/// Longest `scope` parameter, in bytes.
pub const SCOPE_MAX: usize = 4096;
/// Most names in one `scope` parameter: clients that know nothing better ask for all that is advertised.
const NAMES_MAX: usize = 512;

/// Why a `scope` parameter cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("scope has at most {NAMES_MAX} names of printable ASCII characters, separated by single spaces")]
pub struct ScopeSyntaxError;

/// Splits a `scope` parameter into its names, each once, in the order of first mention.
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
            names.push(name.to_owned());
        }
    }
    if names.len() > NAMES_MAX { Err(ScopeSyntaxError) } else { Ok(names) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_once_in_order() {
        assert_eq!(parse_scope_list(" b a  b ").unwrap(), ["b", "a"]);
        assert_eq!(parse_scope_list("").unwrap(), Vec::<String>::new());
        for bad in ["a\tb", "a\"", "é", &"x ".repeat(3000)] {
            assert!(parse_scope_list(bad).is_err());
        }
    }
}
