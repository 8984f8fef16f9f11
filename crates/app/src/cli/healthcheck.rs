//! `doorward healthcheck`: for containers and supervisors that have no other way to ask.

use super::print;
use crate::settings::Settings;
use anyhow::{Context as _, bail};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the server on this machine whether it is well.
pub(super) fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let url = format!("http://{}/healthz", own_address(&settings.listen.listen)?);
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).max_redirects(0);
    let answer = config.build().new_agent().get(&url).call().with_context(|| format!("{url} does not answer"))?;
    if answer.status() != 200 {
        bail!("{url} answers {}", answer.status());
    }
    print("ok\n")
}

/// Where this machine reaches what listens there: at every address means at its own.
fn own_address(listen: &str) -> anyhow::Result<SocketAddr> {
    let mut addresses =
        listen.to_socket_addrs().with_context(|| format!("`{listen}` is no address (server.listen)"))?;
    let mut address = addresses.next().with_context(|| format!("`{listen}` has no address (server.listen)"))?;
    if address.port() == 0 {
        bail!("the port of `{listen}` is chosen anew at each start, so nobody knows it (server.listen)");
    }
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        } else {
            IpAddr::V6(Ipv6Addr::LOCALHOST)
        });
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::own_address;

    #[test]
    fn every_address_is_asked_at_its_own() {
        for (listen, own) in [
            ("0.0.0.0:3000", "127.0.0.1:3000"),
            ("[::]:3000", "[::1]:3000"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            assert_eq!(own_address(listen).unwrap().to_string(), own);
        }
        assert!(own_address("0.0.0.0:0").is_err() && own_address("nonsense").is_err());
    }
}
