//! Devices from which users sign in, as far as they can be told apart.

use crate::Digest;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// So many devices of a user are remembered; those that were not used for longest are forgotten.
pub const DEVICES_MAX: u32 = 32;

/// What a device is told apart by: what kind of program signs in, and from which network.
///
/// ```
/// use doorward_domain::sessions::Device;
/// let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
/// let device = Device::of(agent, "192.0.2.7");
/// assert_eq!(device.name(), "Firefox on Linux");
/// assert_eq!(device.digest(), Device::of(&agent.replace("140", "141"), "192.0.2.99").digest());
/// assert_ne!(device.digest(), Device::of(agent, "198.51.100.7").digest());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    name: String,
    network: String,
}

/// Programs by what their user agents have, those first whose user agents have the mark of others too.
const PROGRAMS: [(&str, &str); 10] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Systems, likewise.
const SYSTEMS: [(&str, &str); 8] = [
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
    ("BSD", "BSD"),
];

/// Longest name that a program gives itself and that is believed, in characters.
const NAME_MAX: usize = 40;

impl Device {
    /// The device that says this of itself, from this address.
    #[must_use]
    pub fn of(user_agent: &str, address: &str) -> Self {
        Self { name: name_of(user_agent), network: network_of(address) }
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is known by.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(format!("{}\n{}", self.name, self.network))
    }
}

fn name_of(user_agent: &str) -> String {
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    let own = || {
        let word = user_agent.split(['/', ' ', '(']).next().unwrap_or_default();
        let word: String =
            word.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(NAME_MAX).collect();
        if word.is_empty() { "an unknown program".to_owned() } else { word }
    };
    let program = find(&PROGRAMS).map_or_else(own, str::to_owned);
    match find(&SYSTEMS) {
        Some(system) => format!("{program} on {system}"),
        None => program,
    }
}

/// The network of an address: 24 bits of IPv4, 48 of IPv6.
fn network_of(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(v4)) => format!("{}/24", Ipv4Addr::from_bits(v4.to_bits() >> 8 << 8)),
        Ok(IpAddr::V6(v6)) => format!("{}/48", Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80)),
        Err(_no_address) => address.to_owned(),
    }
}

/// Whether a device was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquaintance {
    /// It was.
    Known,
    /// It was not, and neither was any other of the user.
    First,
    /// It was not, and others were.
    New,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_systems_are_told_apart() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/139.0 Safari/537.36 Edg/139.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15",
                "Safari on macOS",
            ),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605 CriOS/139 Mobile Safari/604.1", "Chrome on iOS"),
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/139.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("coder-cli/v2.24.4 (linux/amd64; coder)", "coder-cli"),
            ("curl/8.5.0", "curl"),
            ("<script>", "script"),
            ("", "an unknown program"),
        ] {
            assert_eq!(Device::of(agent, "").name(), name);
        }
    }

    #[test]
    fn networks_are_what_one_customer_has() {
        assert_eq!(network_of("192.0.2.7"), "192.0.2.0/24");
        assert_eq!(network_of("::ffff:192.0.2.7"), "192.0.2.0/24");
        assert_eq!(network_of("2001:db8:1:2:3::4"), "2001:db8:1::/48");
        assert_eq!(network_of(""), "");
    }
}
