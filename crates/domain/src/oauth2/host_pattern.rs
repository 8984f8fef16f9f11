//! Hosts, as operators list them.

use std::fmt;
use std::str::FromStr;
use url::Host;

/// A host, `app.example`, or all below one, `*.app.example`.
///
/// ```
/// use doorward_domain::oauth2::HostPattern;
/// let below: HostPattern = "*.app.example".parse()?;
/// assert!(below.matches("eu.app.example") && below.matches("A.EU.App.Example"));
/// assert!(!below.matches("app.example") && !below.matches("evil-app.example"));
/// # Ok::<(), doorward_domain::oauth2::HostPatternError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize, serde::Serialize),
    serde(try_from = "String", into = "String")
)]
pub struct HostPattern {
    host: String,
    below: bool,
}

/// A text that is no pattern of hosts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` must be a host, such as `app.example` or `[::1]`, or `*.` and the name of one")]
pub struct HostPatternError(String);

impl HostPattern {
    /// Whether it stands for this host. Letter case does not matter.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        if !self.below {
            return host == self.host;
        }
        host.strip_suffix(&*self.host).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    }
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let (host, below) = text.strip_prefix("*.").map_or((text, false), |host| (host, true));
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        // A number alone is a slip in a list, such as a port.
        let is_number = host.bytes().all(|byte| byte.is_ascii_digit());
        // As hosts are written in URLs, with which it is compared: `127.1` is 127.0.0.1 there.
        let host = match Host::parse(host) {
            Ok(Host::Domain(name)) if name.len() <= 253 && name.split('.').all(is_label) => name,
            Ok(address @ (Host::Ipv4(_) | Host::Ipv6(_))) if !below && !is_number => address.to_string(),
            Ok(_) | Err(_) => return Err(HostPatternError(text.to_owned())),
        };
        Ok(Self { host, below })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.below { "*." } else { "" }, self.host)
    }
}

impl TryFrom<String> for HostPattern {
    type Error = HostPatternError;

    fn try_from(text: String) -> Result<Self, HostPatternError> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_host_or_all_below_one() {
        let pattern = |text: &str| text.parse::<HostPattern>().unwrap();
        assert!(pattern("App.Example").matches("app.example") && !pattern("app.example").matches("x.app.example"));
        assert!(pattern("[::1]").matches("[::1]") && pattern("127.0.0.1").matches("127.0.0.1"));
        assert!(!pattern("*.example").matches(".example"));
        assert_eq!(pattern("*.App.example").to_string(), "*.app.example");
        for bad in [
            "",
            "*",
            "*.",
            "a..b",
            "https://a.example",
            "a.example/x",
            "a.*.example",
            "a b",
            "*.[::1]",
            "a.example:8",
            "5",
        ] {
            assert!(bad.parse::<HostPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_it_stands_for_is_written_as_in_urls_or_refused() {
        for (text, written) in [
            ("[0:0:0:0:0:0:0:1]", "[::1]"),
            ("[::FFFF:127.0.0.1]", "[::ffff:7f00:1]"),
            ("127.1", "127.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("*.B\u{fc}cher.example", "*.xn--bcher-kva.example"),
        ] {
            let pattern: HostPattern = text.parse().unwrap();
            assert_eq!(pattern.to_string(), written, "{text}");
            let host = url::Url::parse(&format!("https://{text}/").replace("*.", "x.")).unwrap();
            assert!(pattern.matches(host.host_str().unwrap()), "{text}");
        }
        for bad in ["[zz]", "[::1", "::1", "[]", "1.2.3.4.5", "256.1.1.1", "*.127.1", "a.0x1", "a%2eb.example."] {
            assert!(bad.parse::<HostPattern>().is_err(), "{bad}");
        }
    }
}
