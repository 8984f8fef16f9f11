//! Whether a request comes from the machine itself.

use crate::kit::settings::Network;
use actix_web::HttpRequest;
use actix_web::http::header;
use std::net::{IpAddr, Ipv6Addr};
use url::{Host, Url};

/// Headers by which proxies, balancers and content networks tell whom they ask for, or that they were there.
const BY_PROXIES: [&str; 20] = [
    "forwarded",
    "via",
    "cdn-loop",
    "client-ip",
    "true-client-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "do-connecting-ip",
    "proxy-client-ip",
    "wl-proxy-client-ip",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-remote-ip",
    "x-remote-addr",
    "x-proxyuser-ip",
    "x-azure-clientip",
    "x-appengine-user-ip",
    "x-nf-client-connection-ip",
    "x-amzn-trace-id",
];
/// How more such headers begin: `X-Forwarded-For`, `X-Original-Host`, `CF-Connecting-IP`, `X-Envoy-External-Address`.
const BEGINNINGS: [&str; 4] = ["x-forward", "x-original-", "cf-", "x-envoy-"];

/// Whether a person or program on this machine asks, without a proxy in between.
///
/// A server whose access URL leads elsewhere, or is https, which this server does not speak, has a proxy before it or other
/// people to serve: there nobody counts as local, for a proxy on the same machine that adds no header looks like that.
/// Elsewhere the peer must have a loopback address and be no trusted proxy, no header may tell of a proxy, and the request
/// must be to a loopback address too: a page of another site whose name leads here (DNS rebinding) has its own name in
/// `Host`.
pub(crate) fn is_local(request: &HttpRequest, access_url: &Url, proxies: &[Network]) -> bool {
    if !is_on_this_machine(access_url) {
        return false;
    }
    let Some(peer) = request.peer_addr().map(|peer| peer.ip().to_canonical()) else { return false };
    let is_proxied = request.headers().keys().any(|name| {
        let name = name.as_str();
        BY_PROXIES.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
    });
    peer.is_loopback() && !is_proxied && !proxies.iter().any(|proxy| proxy.contains(peer)) && asks_loopback(request)
}

/// Whether an access URL is of use on this machine only, and leads to this server itself.
fn is_on_this_machine(access_url: &Url) -> bool {
    let is_loopback = match access_url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    };
    access_url.scheme() == "http" && is_loopback
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
    fn nobody_is_local_where_the_access_url_leads_elsewhere() {
        for (access_url, local) in [
            ("http://localhost:3000", true),
            ("http://127.0.0.1:3000", true),
            ("http://127.8.0.1", true),
            ("http://[::1]:3000/below", true),
            ("https://localhost", false),
            ("https://door.example", false),
            ("http://door.example", false),
            ("http://192.0.2.1:3000", false),
            ("http://localhost.example", false),
        ] {
            let request = TestRequest::post().peer_addr("127.0.0.1:1".parse().unwrap()).to_http_request();
            assert_eq!(is_local(&request, &access_url.parse().unwrap(), &[]), local, "{access_url}");
        }
    }

    #[test]
    fn only_a_loopback_peer_that_asks_for_itself_is_local() {
        let here: Url = "http://127.0.0.1:3000".parse().unwrap();
        let is_local_here = |request: &HttpRequest, proxies: &[Network]| is_local(request, &here, proxies);
        let from = |peer: &str| TestRequest::post().peer_addr(peer.parse().unwrap());
        let proxies: Vec<Network> = vec!["127.0.0.9".parse().unwrap()];
        for peer in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(is_local_here(&from(peer).to_http_request(), &proxies), "{peer}");
        }
        for peer in ["192.0.2.1:1", "10.0.0.1:1", "[2001:db8::1]:1", "127.0.0.9:1"] {
            assert!(!is_local_here(&from(peer).to_http_request(), &proxies), "{peer}");
        }
        assert!(!is_local_here(&TestRequest::post().to_http_request(), &proxies));
        for name in [
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "X-Real-IP",
            "Via",
            "CF-Connecting-IP",
            "True-Client-IP",
            "Fly-Client-IP",
            "Fastly-Client-IP",
            "X-Client-IP",
            "X-Cluster-Client-IP",
            "X-Original-Forwarded-For",
            "X-Envoy-External-Address",
        ] {
            let request = from("127.0.0.1:1").insert_header((name, "127.0.0.1"));
            assert!(!is_local_here(&request.to_http_request(), &proxies), "{name}");
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
            assert_eq!(is_local_here(&request.to_http_request(), &proxies), local, "{host}");
        }
    }
}
