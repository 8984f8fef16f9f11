//! Where requests to a provider may go.

use crate::oauth2::uri::{self, is_loopback};

/// Longest address of a provider, in bytes.
pub(super) const ADDRESS_MAX: usize = 2048;

/// Whether a text is the address of a provider, or of one of its endpoints: absolute, with https, or with http on this very
/// machine; without fragment and credentials.
pub(super) fn is_endpoint(text: &str) -> bool {
    text.len() <= ADDRESS_MAX
        && uri::parse(text).is_ok_and(|url| match url.scheme() {
            "https" => true,
            "http" => is_loopback(&url),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_or_http_on_this_machine() {
        for good in [
            "https://id.example",
            "https://id.example/realms/a?x=1",
            "http://127.0.0.1:8080/a",
            "http://localhost",
            "http://[::1]:1",
        ] {
            assert!(is_endpoint(good), "{good}");
        }
        let long = format!("https://id.example/{}", "a".repeat(ADDRESS_MAX));
        for bad in [
            "",
            "id.example",
            "/a",
            "http://id.example",
            "http://127.0.0.1.evil.example",
            "http://127.0.0.2",
            "https://user:secret@id.example",
            "https://id.example/#a",
            "ftp://id.example",
            "javascript:alert(1)",
            "https://id.example/\u{0}",
            &long,
        ] {
            assert!(!is_endpoint(bad), "{bad}");
        }
    }
}
