//! Where a request goes: the URL, judged before anything is asked.

use crate::addresses::{embedded, is_forbidden};
use crate::settings::FetchSettings;
use doorward_ports::fetch::{ChosenBy, FailureClass, FetchError};
use std::net::IpAddr;
use url::{Host, Url};

/// Names that are never public, each with all names below it.
const RESERVED: [&str; 5] = ["localhost", "local", "internal", "home.arpa", "onion"];

/// A place that may be asked, as far as its URL tells.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: Url,
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
    pub(crate) chosen_by: ChosenBy,
    permitted: Permitted,
}

/// Which addresses the host may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Permitted {
    Public,
    Any,
    Loopback,
}

impl Target {
    /// Judges a URL.
    pub(crate) fn judge(text: &str, chosen_by: ChosenBy, settings: &FetchSettings) -> Result<Self, FetchError> {
        let no_url = |why: &str| FetchError::new(FailureClass::Request, format!("the URL {why}"));
        let forbidden = |why: &str| FetchError::new(FailureClass::ForbiddenAddress, format!("the host {why}"));
        // The parser of browsers forgives these, and servers read them in different ways.
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'\\') {
            return Err(no_url("has a space, a control character or a backslash"));
        }
        let url = Url::parse(text).map_err(|error| no_url(&format!("is none: {error}")))?;
        let host = url.host().ok_or_else(|| no_url("has no host"))?.to_owned();
        let port = url.port_or_known_default().ok_or_else(|| no_url("has no port"))?;
        let is_local = url.scheme() == "http"
            && settings.development
            && matches!(&host, Host::Domain(name) if name == "localhost");
        if url.scheme() != "https" && !is_local {
            return Err(no_url("is not https"));
        }
        // The parser forgives any number of slashes, and drops a user part that is empty.
        let rest = text.get(url.scheme().len()..).and_then(|rest| rest.strip_prefix("://"));
        let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
        match authority.unwrap_or_default() {
            "" => return Err(no_url("has not two slashes before the host")),
            authority if authority.contains('@') => return Err(no_url("has a user part")),
            _ => {}
        }
        if url.fragment().is_some() {
            return Err(no_url("has a fragment"));
        }
        let permitted = if is_local {
            Permitted::Loopback
        } else if chosen_by == ChosenBy::Operator || settings.allows(&host, port) {
            Permitted::Any
        } else {
            Permitted::Public
        };
        match &host {
            // It would be a second spelling of a host, and no certificate has it.
            Host::Domain(name) if name.ends_with('.') => return Err(forbidden("ends with a dot")),
            Host::Domain(name) if permitted == Permitted::Public => {
                if is_reserved(name) {
                    return Err(forbidden("has a name that is never public"));
                }
                if !name.contains('.') {
                    return Err(forbidden("has a name without a dot"));
                }
            }
            Host::Ipv4(_) | Host::Ipv6(_) if permitted == Permitted::Public => {
                return Err(forbidden("is an address and no name"));
            }
            Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => {}
        }
        let is_bound_to_ports = matches!(chosen_by, ChosenBy::Stranger | ChosenBy::Trusted);
        if !is_local && is_bound_to_ports && !settings.allows_port(&host, port) {
            return Err(FetchError::new(FailureClass::ForbiddenAddress, format!("port {port} may not be asked")));
        }
        Ok(Self { url, host, port, chosen_by, permitted })
    }

    /// The host as it is logged, and as the limits know it.
    pub(crate) fn name(&self) -> String {
        self.host.to_string()
    }

    /// Host and port for `Host` and `CONNECT`; a port that goes without saying only in the latter.
    pub(crate) fn authority(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_string(),
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Judges all addresses of the host; one that is forbidden refuses the host, for a mixed answer is the mark of rebinding.
    pub(crate) fn judge_addresses(&self, addresses: &[IpAddr], settings: &FetchSettings) -> Result<(), FetchError> {
        let denied = |address: &IpAddr| match self.permitted {
            Permitted::Any => false,
            Permitted::Loopback => !address.to_canonical().is_loopback(),
            Permitted::Public => is_forbidden(*address) || is_denied(*address, settings),
        };
        match addresses.iter().find(|address| denied(address)) {
            Some(address) => {
                Err(FetchError::new(FailureClass::ForbiddenAddress, format!("the host has the address {address}")))
            }
            None => Ok(()),
        }
    }
}

fn is_reserved(name: &str) -> bool {
    RESERVED
        .iter()
        .any(|reserved| name.strip_suffix(reserved).is_some_and(|before| before.is_empty() || before.ends_with('.')))
}

/// Whether the settings forbid the address, or the IPv4 address in it.
fn is_denied(address: IpAddr, settings: &FetchSettings) -> bool {
    let inner = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => embedded(address).map(IpAddr::V4),
    };
    let denies = |address: &IpAddr| settings.deny_networks.iter().any(|network| network.contains(address));
    denies(&address) || inner.is_some_and(|inner| denies(&inner))
}

/// The address that a host is, if it is no name.
pub(crate) fn literal(host: &Host<String>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(IpAddr::V4(*address)),
        Host::Ipv6(address) => Some(IpAddr::V6(*address)),
    }
}
