//! Resource indicators (RFC 8707): for which server a token is meant.

use std::fmt;
use url::Url;

/// Longest resource indicator, in bytes.
pub const RESOURCE_MAX: usize = 2048;

/// Why a text is not a resource indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// It is no absolute URI (RFC 8707 2).
    #[error("resource must be an absolute URI")]
    NotAbsolute,
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
        if text.contains('#') {
            return Err(ResourceError::Fragment);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(ResourceError::NotAbsolute);
        }
        let url = Url::parse(text).or(Err(ResourceError::NotAbsolute))?;
        if matches!(url.scheme(), "http" | "https") && (!text.contains("://") || url.host().is_none()) {
            return Err(ResourceError::NotAbsolute);
        }
        Ok(Self(text.to_owned()))
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
        let (mine, base) = (self.normalized(), other.normalized());
        let base = base.strip_suffix('/').unwrap_or(&base);
        mine.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
    }

    /// Scheme and host in lower case and ASCII, no default port, no dot segments, no trailing slash on a longer path.
    fn normalized(&self) -> String {
        let Ok(mut url) = Url::parse(&self.0) else { return self.0.clone() };
        url.set_fragment(None);
        let path = url.path();
        if path.len() > 1 && path.ends_with('/') {
            let shorter = path.strip_suffix('/').unwrap_or(path).to_owned();
            url.set_path(&shorter);
        }
        url.into()
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
            ("https://bücher.example/", "https://xn--bcher-kva.example/", true),
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
        for bad in ["", "a", "/a", "https://", "https:a", "https://a b", "//a.example"] {
            assert_eq!(Resource::parse(bad), Err(ResourceError::NotAbsolute), "{bad}");
        }
        assert_eq!(Resource::parse("https://a.example/#"), Err(ResourceError::Fragment));
        assert!(Resource::parse("urn:example:api").is_ok());
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
