//! The section `fetch`.

use doorward_domain::settings::{Defects, Section, optional};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use url::{Host, Url};

/// The section `fetch`: requests of this server to other servers.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FetchSettings {
    /// Hosts that may have addresses that are forbidden otherwise.
    pub allow_hosts: Vec<AllowedHost>,
    /// Ports that may be asked.
    pub allow_ports: Vec<u16>,
    /// Networks that are forbidden besides those that are not public.
    pub deny_networks: Vec<IpNet>,
    /// A file with certificates of authorities that are trusted besides those of the system, in PEM; none if empty.
    pub extra_ca: PathBuf,
    /// The proxy through which all requests go.
    #[serde(with = "optional")]
    pub proxy: Option<Proxy>,
    /// Whether `http://localhost` may be asked, on any port.
    pub development: bool,
}

impl Section for FetchSettings {
    const NAME: &'static str = "fetch";

    fn check(&self, defects: &mut Defects) {
        defects.unless(!self.allow_ports.is_empty(), "allow_ports", "must not be empty");
        defects.unless(!self.allow_ports.contains(&0), "allow_ports", "must not contain 0");
    }
}

impl FetchSettings {
    /// Whether the host is listed, on this port or as a whole.
    pub(crate) fn allows(&self, host: &Host<String>, port: u16) -> bool {
        self.allow_hosts
            .iter()
            .any(|allowed| allowed.host == *host && allowed.port.is_none_or(|allowed| allowed == port))
    }

    /// Whether the host is listed on exactly this port.
    pub(crate) fn allows_port(&self, host: &Host<String>, port: u16) -> bool {
        self.allow_ports.contains(&port)
            || self.allow_hosts.iter().any(|allowed| allowed.host == *host && allowed.port == Some(port))
    }
}

/// A host, on one port if it is given: `id.corp.internal`, `10.0.0.5:8443`, `[fd00::5]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct AllowedHost {
    host: Host<String>,
    port: Option<u16>,
}

/// A text that is no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllowedHostError {
    /// It is nothing that could be one.
    #[error("`{0}` is no host such as `id.example.com`, `id.example.com:8443`, `10.0.0.5` or `[fd00::5]:8443`")]
    NoHost(String),
    /// It would stand for many.
    #[error("`{0}` has an asterisk, and there are no wildcards: list every host by its name")]
    Wildcard(String),
}

impl FromStr for AllowedHost {
    type Err = AllowedHostError;

    fn from_str(text: &str) -> Result<Self, AllowedHostError> {
        let (host, port) = authority(text)?;
        Ok(Self { host, port })
    }
}

impl TryFrom<String> for AllowedHost {
    type Error = AllowedHostError;

    fn try_from(text: String) -> Result<Self, AllowedHostError> {
        text.parse()
    }
}

impl From<AllowedHost> for String {
    fn from(allowed: AllowedHost) -> Self {
        allowed.to_string()
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.host.fmt(f),
        }
    }
}

/// Host and port of a text that holds nothing else; the host in the form in which a URL has it.
fn authority(text: &str) -> Result<(Host<String>, Option<u16>), AllowedHostError> {
    let (host, port) = host_and_port(text).ok_or_else(|| AllowedHostError::NoHost(text.to_owned()))?;
    // A URL takes it for a part of the name, as which it would never match. It may have been spelled `%2a`, so the host is looked at.
    if host.to_string().contains('*') {
        return Err(AllowedHostError::Wildcard(text.to_owned()));
    }
    Ok((host, port))
}

fn host_and_port(text: &str) -> Option<(Host<String>, Option<u16>)> {
    if text.is_empty() || text.contains(|c: char| "/\\?#@".contains(c) || c.is_whitespace() || c.is_control()) {
        return None;
    }
    // With a scheme that has no port of its own a URL keeps any port; with https it reads the host as it reads others.
    let host = Url::parse(&format!("https://{text}/")).ok()?.host()?.to_owned();
    let port = text.rsplit_once(':').filter(|(before, _)| before.ends_with(']') || !before.contains(':'));
    let port = port.map(|(_, port)| port.parse().ok().filter(|port| *port != 0));
    match port {
        Some(None) => None,
        port => Some((host, port.flatten())),
    }
}

/// A proxy that connects (`CONNECT`) to hosts: `http://proxy.corp.internal:3128`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
}

/// A text that is no proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no proxy such as `http://proxy.example:3128`, without user and path")]
pub struct ProxyError;

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let rest = text.strip_prefix("http://").ok_or(ProxyError)?;
        let (host, port) = authority(rest.strip_suffix('/').unwrap_or(rest)).or(Err(ProxyError))?;
        Ok(Self { host, port: port.unwrap_or(80) })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_testkit::settings::changed;

    #[test]
    fn hosts_are_read_as_urls_read_them() {
        for (text, shown) in [
            ("Id.Example.COM", "id.example.com"),
            ("id.example.com:443", "id.example.com:443"),
            ("2130706433:8443", "127.0.0.1:8443"),
            ("[0:0::1]", "[::1]"),
            ("[::1]:9", "[::1]:9"),
            ("bücher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(text.parse::<AllowedHost>().unwrap().to_string(), shown);
        }
        for text in
            ["", "a/b", "https://a.example", "u@a.example", "a.example:", "a.example:0", "a.example:99999", "*.a b"]
        {
            assert!(text.parse::<AllowedHost>().is_err(), "{text}");
        }
    }

    #[test]
    fn wildcards_are_refused_as_such() {
        for text in ["*", "*.example.com", "*.example.com:8443", "id.*.example.com", "id*", "%2a.example.com"] {
            let error = text.parse::<AllowedHost>().unwrap_err();
            assert_eq!(error, AllowedHostError::Wildcard(text.to_owned()));
            assert!(error.to_string().contains(text) && error.to_string().contains("no wildcards"), "{error}");
        }
        assert!("http://*.example:3128".parse::<Proxy>().is_err());
    }

    #[test]
    fn a_proxy_has_a_host_and_a_port_and_nothing_else() {
        assert_eq!("http://proxy.example:3128/".parse::<Proxy>().unwrap().to_string(), "http://proxy.example:3128");
        assert_eq!("http://10.0.0.1".parse::<Proxy>().unwrap().to_string(), "http://10.0.0.1:80");
        for text in
            ["proxy.example:3128", "https://proxy.example", "http://u:p@proxy.example", "http://proxy.example/x"]
        {
            assert!(text.parse::<Proxy>().is_err(), "{text}");
        }
    }

    #[test]
    fn ports_are_checked() {
        let none = changed(|fetch: &mut FetchSettings| fetch.allow_ports.clear());
        assert_eq!(none.defects(), ["the setting `fetch.allow_ports` must not be empty"]);
        let zero = changed(|fetch: &mut FetchSettings| fetch.allow_ports = vec![0]);
        assert_eq!(zero.defects(), ["the setting `fetch.allow_ports` must not contain 0"]);
    }
}
