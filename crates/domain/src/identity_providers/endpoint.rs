//! Where requests to a provider may go.

use super::provider::Provider;
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

impl Provider {
    /// Whether an address is at the host of the issuer, which the operator has chosen. Other addresses are those that the provider
    /// names in its discovery document.
    ///
    /// ```
    /// use doorward_domain::identity_providers::Provider;
    /// let provider = Provider { issuer: "https://id.example/realms/a".to_owned(), ..Provider::default() };
    /// assert!(provider.is_at_own_host("https://ID.example:8443/token"));
    /// assert!(!provider.is_at_own_host("https://keys.id.example/"));
    /// ```
    #[must_use]
    pub fn is_at_own_host(&self, address: &str) -> bool {
        // The place of a tenant is no part of the host.
        let host =
            |text: &str| uri::parse(&text.replace("{tenantid}", "tenant")).ok()?.host().map(|host| host.to_owned());
        host(address).is_some_and(|other| host(&self.issuer) == Some(other))
    }
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

    #[test]
    fn only_the_host_of_the_issuer_is_its_own() {
        let provider = Provider { issuer: "https://id.example".to_owned(), ..Provider::default() };
        for other in
            ["https://id.example.evil.example/", "https://evil.example/id.example", "https://10.0.0.1/", "", "x"]
        {
            assert!(!provider.is_at_own_host(other), "{other}");
        }
        let entra = Provider { issuer: "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned(), ..provider };
        assert!(entra.is_at_own_host("https://login.microsoftonline.com/common/oauth2/v2.0/token"));
        assert!(!Provider::default().is_at_own_host("https://id.example/"), "an issuer that is none has no host");
    }
}
