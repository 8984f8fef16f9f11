//! Resource indicators (RFC 8707): for which server a token is meant.

use super::uri::{self, UriError};
use std::fmt;

/// Longest resource indicator, in bytes.
pub const RESOURCE_MAX: usize = 2048;

/// Why a text is not a resource indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// It is no absolute URI (RFC 8707 2, RFC 3986 4.3).
    #[error("resource must be an absolute URI, as RFC 3986 writes it")]
    NotAbsolute,
    /// It has a user name or password.
    #[error("resource must not carry credentials")]
    Credentials,
    /// It has a fragment (RFC 8707 2).
    #[error("resource must not have a fragment")]
    Fragment,
    /// It is longer than [`RESOURCE_MAX`].
    #[error("resource has at most {RESOURCE_MAX} bytes")]
    TooLong,
}

/// A resource indicator: kept as it was sent, compared after normalising.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Resource(String);

impl Resource {
    /// Reads a `resource` parameter.
    ///
    /// ```
    /// use doorward_domain::oauth2::{Resource, ResourceError};
    /// assert_eq!(Resource::parse("https://api.example/v1").unwrap().as_str(), "https://api.example/v1");
    /// assert_eq!(Resource::parse("/v1"), Err(ResourceError::NotAbsolute));
    /// assert_eq!(Resource::parse("https://api.example#v1"), Err(ResourceError::Fragment));
    /// ```
    pub fn parse(text: &str) -> Result<Self, ResourceError> {
        if text.len() > RESOURCE_MAX {
            return Err(ResourceError::TooLong);
        }
        match uri::parse(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(UriError::Fragment) => Err(ResourceError::Fragment),
            Err(UriError::Credentials) => Err(ResourceError::Credentials),
            Err(UriError::Syntax | UriError::SchemeMissing | UriError::Host) => Err(ResourceError::NotAbsolute),
        }
    }

    /// Takes a resource that was checked when it was stored.
    #[must_use]
    pub const fn from_storage(text: String) -> Self {
        Self(text)
    }

    /// The resource as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both name the same server, after normalising (`oauth2.md` 10).
    ///
    /// ```
    /// use doorward_domain::oauth2::Resource;
    /// let one = Resource::parse("HTTPS://Door.Example:443/mcp/").unwrap();
    /// let two = Resource::parse("https://door.example/mcp").unwrap();
    /// assert!(one.is_same_as(&two));
    /// ```
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0 == other.0 || self.normalized() == other.normalized()
    }

    /// Whether this names `other` or a path below it, by whole segments, after normalising.
    ///
    /// ```
    /// use doorward_domain::oauth2::Resource;
    /// let server = Resource::parse("https://door.example").unwrap();
    /// assert!(Resource::parse("https://door.example/mcp").unwrap().is_within(&server));
    /// assert!(!Resource::parse("https://door.example.evil/mcp").unwrap().is_within(&server));
    /// ```
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let (Some(mine), Some(base)) = (uri::normalized(&self.0), uri::normalized(&other.0)) else {
            return self.0 == other.0;
        };
        let base = base.as_str().strip_suffix('/').unwrap_or(base.as_str());
        mine.as_str().strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }

    /// The normal form, as text by which it is found.
    #[must_use]
    pub fn to_normal_form(&self) -> String {
        self.normalized()
    }

    /// The normal form. What was stored before the syntax was checked so strictly stays as it is: it equals itself only.
    fn normalized(&self) -> String {
        uri::normalized(&self.0).map_or_else(|| self.0.clone(), String::from)
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resource({})", self.0)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(text: &str) -> Resource {
        Resource::parse(text).unwrap()
    }

    #[test]
    fn normalising() {
        for (a, b, same) in [
            ("https://a.example", "https://a.example/", true),
            ("https://a.example/x/", "https://a.example/x", true),
            ("https://a.example/x/../y", "https://a.example/y", true),
            ("HTTPS://A.Example/%7e", "https://a.example/~", true),
            ("https://a.example/%2f", "https://a.example/%2F", true),
            ("https://a.example/%2f", "https://a.example//", false),
            ("https://a.example/X", "https://a.example/x", false),
            ("https://a.example//x", "https://a.example/x", false),
            ("https://a.example/?q=1", "https://a.example/", false),
            ("http://a.example:80", "http://a.example", true),
            ("http://a.example:443", "http://a.example", false),
        ] {
            assert_eq!(resource(a).is_same_as(&resource(b)), same, "{a} {b}");
        }
    }

    #[test]
    fn syntax() {
        for bad in [
            "",
            "a",
            "/a",
            "https://",
            "https:a",
            "https://a b",
            "//a.example",
            "localhost:3000",
            "http://127.0.0.1:8080\\@evil.example",
            "https://a.example/<x>",
            "https://a.example/é",
            "https://bücher.example/",
            "https://a.example:４４３",
        ] {
            assert_eq!(Resource::parse(bad), Err(ResourceError::NotAbsolute), "{bad}");
        }
        assert_eq!(Resource::parse("https://a.example:1@b.example/"), Err(ResourceError::Credentials));
        assert_eq!(Resource::parse("https://a.example/#"), Err(ResourceError::Fragment));
        assert!(Resource::parse("urn:example:api").is_ok());
    }

    #[test]
    fn what_is_stored_and_no_uri_equals_only_itself() {
        let old = |text: &str| Resource::from_storage(text.to_owned());
        let evil = old("http://127.0.0.1:8080\\@evil.example");
        assert!(evil.is_same_as(&evil) && !evil.is_same_as(&resource("http://127.0.0.1:8080/@evil.example")));
        assert!(!evil.is_within(&resource("http://127.0.0.1:8080")));
        assert!(!old("http://127.0.0.1:8080/\\x").is_within(&resource("http://127.0.0.1:8080/base")));
    }

    #[test]
    fn within_means_whole_segments() {
        let base = resource("https://door.example/base");
        for (inner, within) in [
            ("https://door.example/base", true),
            ("https://DOOR.example:443/base/", true),
            ("https://door.example/base/mcp?x=1", true),
            ("https://door.example/based", false),
            ("https://door.example/base/../other", false),
            ("http://door.example/base", false),
            ("https://door.example", false),
        ] {
            assert_eq!(resource(inner).is_within(&base), within, "{inner}");
        }
    }
}
