//! Which addresses a stranger may not have this server ask.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(first: u16, second: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), length)
}

/// Networks that are no public part of the internet, by the registry of special addresses (RFC 6890), and one address that
/// looks public.
const FORBIDDEN_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    // With the metadata services of clouds at 169.254.169.254.
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    // Multicast, and what is reserved above it up to the broadcast address.
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    // The host of a virtual machine at Azure.
    v4(168, 63, 129, 16, 32),
];

/// All public addresses are in here: loopback, link-local, unique local, site-local, multicast, discard-only and local NAT64 are not.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);

/// What is not public in there: Teredo and ORCHID, documentation, 6to4, documentation again.
const FORBIDDEN_V6: [Ipv6Net; 4] = [v6(0x2001, 0, 23), v6(0x2001, 0x0db8, 32), v6(0x2002, 0, 16), v6(0x3fff, 0, 20)];

/// The well-known prefix of NAT64 (RFC 6052), behind which IPv4 is reached.
const NAT64: Ipv6Net = v6(0x0064, 0xff9b, 96);

/// Whether the address is none that a stranger may name: not public, or of a special kind. An IPv4 address inside an IPv6 one
/// (mapped, or NAT64) is judged as what it is.
#[must_use]
pub fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => FORBIDDEN_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => is_forbidden(IpAddr::V4(inner)),
            None => !GLOBAL_V6.contains(&address) || FORBIDDEN_V6.iter().any(|network| network.contains(&address)),
        },
    }
}

/// The IPv4 address that is reached by way of this one.
pub(crate) fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let last = || Ipv4Addr::from_bits(u32::try_from(address.to_bits() & u128::from(u32::MAX)).unwrap_or(0));
    address.to_ipv4_mapped().or_else(|| NAT64.contains(&address).then(last))
}
