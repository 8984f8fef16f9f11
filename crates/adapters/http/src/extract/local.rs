//! Whether a request comes from the machine itself.

use crate::settings::Network;
use actix_web::HttpRequest;
use actix_web::http::header;
use std::net::{IpAddr, Ipv6Addr};

/// Headers by which proxies tell whom they ask for, beside those that begin with [`FORWARDED`].
const BY_PROXIES: [&str; 9] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "true-client-ip",
    "cf-connecting-ip",
    "fly-client-ip",
];
const FORWARDED: &str = "x-forwarded";

/// Whether a person or program on this machine asks, without a proxy in between: the peer has a loopback address and is no
/// trusted proxy, no header tells of another client, and the request is to a loopback address too. A page of another
/// site whose name leads here (DNS rebinding) has its own name in `Host`.
pub(crate) fn is_local(request: &HttpRequest, proxies: &[Network]) -> bool {
    let Some(peer) = request.peer_addr().map(|peer| peer.ip().to_canonical()) else { return false };
    let is_proxied = request.headers().keys().any(|name| {
        let name = name.as_str();
        name.starts_with(FORWARDED) || BY_PROXIES.contains(&name)
    });
    peer.is_loopback() && !is_proxied && !proxies.iter().any(|proxy| proxy.contains(peer)) && asks_loopback(request)
}

fn asks_loopback(request: &HttpRequest) -> bool {
    let Some(host) = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()) else { return true };
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address.parse().is_ok_and(|address: Ipv6Addr| address.is_loopback());
    }
    let name = host.split(':').next().unwrap_or_default();
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn only_a_loopback_peer_that_asks_for_itself_is_local() {
        let from = |peer: &str| TestRequest::post().peer_addr(peer.parse().unwrap());
        let proxies: Vec<Network> = vec!["127.0.0.9".parse().unwrap()];
        for peer in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(is_local(&from(peer).to_http_request(), &proxies), "{peer}");
        }
        for peer in ["192.0.2.1:1", "10.0.0.1:1", "[2001:db8::1]:1", "127.0.0.9:1"] {
            assert!(!is_local(&from(peer).to_http_request(), &proxies), "{peer}");
        }
        assert!(!is_local(&TestRequest::post().to_http_request(), &proxies));
        for name in ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via", "CF-Connecting-IP"] {
            let request = from("127.0.0.1:1").insert_header((name, "127.0.0.1"));
            assert!(!is_local(&request.to_http_request(), &proxies), "{name}");
        }
        for (host, local) in [
            ("localhost:3000", true),
            ("127.0.0.1:3000", true),
            ("[::1]:3000", true),
            ("evil.example:3000", false),
            ("127.0.0.1.evil.example", false),
            ("[2001:db8::1]:3000", false),
            ("door.example", false),
        ] {
            let request = from("127.0.0.1:1").insert_header((header::HOST, host));
            assert_eq!(is_local(&request.to_http_request(), &proxies), local, "{host}");
        }
    }
}
