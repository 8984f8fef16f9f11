//! Which addresses are public: against the same registry, spelled as first and last addresses.

use doorward_outbound::is_forbidden;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// First and last address of what is not public.
const V4: [(&str, &str); 16] = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("168.63.129.16", "168.63.129.16"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "239.255.255.255"),
    ("240.0.0.0", "255.255.255.255"),
];

/// The same for IPv6, without what is judged by the IPv4 address in it.
const V6: [(&str, &str); 6] = [
    ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
];

fn v4(text: &str) -> u32 {
    u32::from_be_bytes(text.parse::<Ipv4Addr>().unwrap().octets())
}

fn v6(text: &str) -> u128 {
    u128::from_be_bytes(text.parse::<Ipv6Addr>().unwrap().octets())
}

fn is_special_v4(address: u32) -> bool {
    V4.iter().any(|(first, last)| v4(first) <= address && address <= v4(last))
}

fn is_special_v6(address: u128) -> bool {
    let last = u32::try_from(address % (1 << 32)).unwrap();
    if (v6("::ffff:0:0")..=v6("::ffff:ffff:ffff")).contains(&address)
        || (v6("64:ff9b::")..=v6("64:ff9b::ffff:ffff")).contains(&address)
    {
        return is_special_v4(last);
    }
    V6.iter().any(|(first, last)| v6(first) <= address && address <= v6(last))
}

/// Addresses anywhere, and close to where something begins or ends.
fn any_v4() -> impl Strategy<Value = u32> {
    let edges = V4.iter().flat_map(|(first, last)| [v4(first), v4(last)]).collect::<Vec<_>>();
    let near = (prop::sample::select(edges), -2_i32..=2).prop_map(|(edge, by)| edge.wrapping_add_signed(by));
    prop_oneof![any::<u32>(), near]
}

fn any_v6() -> impl Strategy<Value = u128> {
    let mut edges = V6.iter().flat_map(|(first, last)| [v6(first), v6(last)]).collect::<Vec<_>>();
    edges.extend(["::ffff:0:0", "::ffff:ffff:ffff", "64:ff9b::", "64:ff9b::ffff:ffff", "64:ff9b:1::"].map(v6));
    let near = (prop::sample::select(edges), -2_i128..=2).prop_map(|(edge, by)| edge.wrapping_add_signed(by));
    let inside = |prefix: &'static str| any_v4().prop_map(move |inner| v6(prefix) + u128::from(inner));
    prop_oneof![any::<u128>(), near, inside("::ffff:0:0"), inside("64:ff9b::"), inside("::"), inside("2001::")]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn ipv4_is_public_or_not(address in any_v4()) {
        prop_assert_eq!(is_forbidden(IpAddr::V4(Ipv4Addr::from(address))), is_special_v4(address));
    }

    #[test]
    fn ipv6_is_public_or_not(address in any_v6()) {
        prop_assert_eq!(is_forbidden(IpAddr::V6(Ipv6Addr::from(address))), is_special_v6(address));
    }
}

#[test]
fn addresses_that_have_been_used_in_attacks_are_forbidden() {
    for address in [
        "127.0.0.1",
        "0.0.0.0",
        "169.254.169.254",
        "168.63.129.16",
        "100.100.100.200",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "100::1",
        "5f00::1",
        "2001::1",
        "2002:7f00:1::",
        "2001:db8::1",
        "3fff::1",
    ] {
        assert!(is_forbidden(address.parse().unwrap()), "{address}");
    }
    for address in ["1.1.1.1", "172.32.0.1", "168.63.129.17", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"] {
        assert!(!is_forbidden(address.parse().unwrap()), "{address}");
    }
}
