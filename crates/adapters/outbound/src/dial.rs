//! From a judged target to a connection.

use crate::network::{Connection, Network};
use crate::settings::{FetchSettings, Proxy};
use crate::target::{Target, literal};
use crate::tls::Tls;
use doorward_ports::fetch::{ChosenBy, FailureClass, FetchError};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use url::Host;

/// So long may the name servers take.
const RESOLVING: Duration = Duration::from_secs(2);
/// So long may connecting take, over all addresses.
const CONNECTING: Duration = Duration::from_secs(3);
/// So many addresses of a host are tried.
const ADDRESSES: usize = 8;
/// Longest head of an answer, in bytes.
pub(crate) const HEAD: usize = 16 * 1024;

/// A connection over which the request can be sent.
pub(crate) async fn dial(
    network: &dyn Network,
    settings: &FetchSettings,
    tls: &Tls,
    target: &Target,
) -> Result<Connection, FetchError> {
    if !target.is_tls() {
        return direct(network, settings, target).await;
    }
    tls.check()?;
    let stream = match &settings.proxy {
        Some(proxy) if target.chosen_by != ChosenBy::Peer => through(network, proxy, target).await?,
        Some(_) | None => direct(network, settings, target).await?,
    };
    Ok(Connection::new(tls.speak(&target.host, stream).await?))
}

/// Connects to one of the addresses of the target, all of which were judged.
async fn direct(network: &dyn Network, settings: &FetchSettings, target: &Target) -> Result<Connection, FetchError> {
    let addresses = resolve(network, &target.host, target.chosen_by).await?;
    target.judge_addresses(&addresses, settings)?;
    connect(network, &addresses, target.port).await
}

async fn resolve(network: &dyn Network, host: &Host<String>, chosen_by: ChosenBy) -> Result<Vec<IpAddr>, FetchError> {
    if let Some(address) = literal(host) {
        return Ok(vec![address]);
    }
    let failed = |why: String| FetchError::new(FailureClass::Dns, why);
    match timeout(RESOLVING, network.resolve(&host.to_string(), chosen_by)).await {
        Err(_elapsed) => Err(failed(format!("the name servers did not answer within {} s", RESOLVING.as_secs()))),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ResourceBusy => {
            Err(FetchError::new(FailureClass::Busy, error.to_string()))
        }
        Ok(Err(error)) => Err(failed(format!("the name does not resolve: {error}"))),
        Ok(Ok(addresses)) if addresses.is_empty() => Err(failed("the name has no address".to_owned())),
        Ok(Ok(addresses)) => Ok(addresses),
    }
}

/// Tries the addresses in their order. Each gets its share of the time, so that one that is silent does not use it up.
async fn connect(network: &dyn Network, addresses: &[IpAddr], port: u16) -> Result<Connection, FetchError> {
    let end = Instant::now() + CONNECTING;
    let tried = addresses.len().min(ADDRESSES);
    let mut failed = FetchError::new(FailureClass::Connection, "there is no address to connect to");
    for (n, address) in addresses.iter().take(tried).enumerate() {
        let now = Instant::now();
        let left = u32::try_from(tried - n).unwrap_or(1).max(1);
        let share = now + end.saturating_duration_since(now) / left;
        failed = match timeout_at(share, network.connect(SocketAddr::new(*address, port))).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => FetchError::new(FailureClass::Connection, words(&error)),
            Err(_elapsed) => {
                FetchError::new(FailureClass::Timeout, format!("no connection within {} s", CONNECTING.as_secs()))
            }
        };
    }
    Err(failed)
}

/// Without the number that the system gives to errors.
fn words(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::ConnectionRefused { "connection refused".to_owned() } else { error.to_string() }
}

/// Has the proxy connect to the target (RFC 9110 9.3.6). It resolves the name, so the addresses cannot be judged here.
async fn through(network: &dyn Network, proxy: &Proxy, target: &Target) -> Result<Connection, FetchError> {
    let failed = |why: String| FetchError::new(FailureClass::Connection, format!("the proxy {why}"));
    let within = |error: FetchError| FetchError::new(error.class, format!("the proxy: {}", error.detail));
    let addresses = resolve(network, &proxy.host, target.chosen_by).await.map_err(within)?;
    let stream = connect(network, &addresses, proxy.port).await.map_err(within)?;
    let broken = |error: hyper::Error| failed(format!("does not answer as one: {error}"));
    let mut builder = http1::Builder::new();
    let handshake = builder.max_buf_size(HEAD).max_header_size(HEAD).handshake::<_, Empty<Bytes>>(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(broken)?;
    let authority = format!("{}:{}", target.host, target.port);
    let request = Request::builder().method(Method::CONNECT).uri(&authority).header("host", &authority);
    let request = request
        .body(Empty::new())
        .map_err(|error| FetchError::new(FailureClass::Request, format!("the host cannot be sent: {error}")))?;
    let asking = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        match answer.status().as_u16() {
            200..300 => hyper::upgrade::on(answer).await.map_err(broken),
            status => Err(failed(format!("answers {status}"))),
        }
    };
    // The connection ends when it is handed over; when the proxy refuses, nobody waits for its end.
    let (mut asking, connection) = (pin!(asking), pin!(connection.with_upgrades()));
    let tunnel = tokio::select! {
        biased;
        tunnel = &mut asking => tunnel,
        _ = connection => asking.await,
    };
    Ok(Connection::new(TokioIo::new(tunnel?)))
}
