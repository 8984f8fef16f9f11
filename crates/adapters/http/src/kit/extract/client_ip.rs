//! The address of the client.

use crate::kit::settings::Network;
use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use std::net::{IpAddr, Ipv4Addr};

/// The peer, or, when the peer is a trusted proxy, the last address in `X-Forwarded-For` that is not one: everything
/// left of it may be invented by the client.
pub(crate) fn client_ip(request: &HttpRequest, trusted: &[Network]) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    if trusted.is_empty() { peer } else { behind_proxies(peer, request.headers(), trusted) }
}

fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(ip));
    let mut client = peer;
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").filter_map(|line| line.to_str().ok()).collect();
    // A proxy that adds to an empty header leaves empty elements, which are to be ignored (RFC 9110 5.6.1).
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')).map(str::trim).filter(|hop| !hop.is_empty()) {
        if !is_trusted(client) {
            break;
        }
        let Some(ip) = address(hop) else { break };
        client = ip;
    }
    client
}

/// An address, with or without port and brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(text);
    let ip = bare.parse().ok().or_else(|| text.parse().ok().map(|with_port: std::net::SocketAddr| with_port.ip()));
    ip.map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn ip_of(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut request = TestRequest::get().peer_addr(format!("{peer}:1").parse().unwrap());
        for line in forwarded {
            request = request.append_header(("X-Forwarded-For", *line));
        }
        let trusted: Vec<Network> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client_ip(&request.to_http_request(), &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for (peer, forwarded, trusted, expected) in [
            ("192.0.2.1", &["10.0.0.1"][..], &[][..], "192.0.2.1"),
            ("192.0.2.1", &["10.0.0.1"], &["127.0.0.0/8"], "192.0.2.1"),
            ("192.0.2.1", &["10.0.0.1"], &["192.0.2.1"], "10.0.0.1"),
            ("127.0.0.1", &[], &["127.0.0.0/8"], "127.0.0.1"),
            ("127.0.0.1", &["6.6.6.6, 192.0.2.7"], &["127.0.0.0/8"], "192.0.2.7"),
            ("127.0.0.1", &["6.6.6.6, 192.0.2.7, 127.0.0.2"], &["127.0.0.0/8"], "192.0.2.7"),
            ("127.0.0.1", &["192.0.2.7", "127.0.0.3"], &["127.0.0.0/8"], "192.0.2.7"),
            ("127.0.0.1", &["192.0.2.7, ", ",, "], &["127.0.0.0/8"], "192.0.2.7"),
            ("127.0.0.1", &[" , "], &["127.0.0.0/8"], "127.0.0.1"),
            ("127.0.0.1", &["192.0.2.7, junk"], &["127.0.0.0/8"], "127.0.0.1"),
            ("127.0.0.1", &["[2001:db8::1]:443"], &["127.0.0.0/8"], "2001:db8::1"),
            ("127.0.0.1", &["192.0.2.9:5000"], &["127.0.0.0/8"], "192.0.2.9"),
            ("[::ffff:192.0.2.1]", &[], &[], "192.0.2.1"),
        ] {
            assert_eq!(ip_of(peer, forwarded, trusted), expected, "{peer} {forwarded:?}");
        }
    }
}
