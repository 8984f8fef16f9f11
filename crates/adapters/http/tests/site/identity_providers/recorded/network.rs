//! The network on which a product is: each of its hosts has an address, and answers by TLS on port 443.

use super::{Asked, Product};
use async_trait::async_trait;
use doorward_outbound::{Connection, FetchSettings, Network, Outbound};
use doorward_ports::fetch::ChosenBy;
use doorward_testkit::settings::changed;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The first of the addresses, which are public.
const FIRST: Ipv4Addr = Ipv4Addr::new(93, 184, 215, 1);

/// An authority that is trusted, with its certificate in a file.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "ours");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// Speaks TLS with a certificate for this name.
    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

impl Product {
    /// The way out to it.
    pub(super) fn outbound(&self) -> Outbound {
        let extra_ca = self.authority.folder.path().join("ca.pem");
        let settings = changed(|fetch: &mut FetchSettings| fetch.extra_ca = extra_ca);
        Outbound::with_network(&settings, self.clone()).unwrap()
    }

    /// Answers one request.
    async fn serve(self, host: String, stream: DuplexStream) {
        let Ok(mut tls) = self.authority.acceptor(&host).accept(stream).await else { return };
        let asked = read(&host, &mut tls).await;
        let answer = {
            let mut state = self.state();
            state.asked.push(asked.clone());
            state.answer(&asked)
        };
        let (status, body) = answer.map_or(("404 Not Found", "{}".to_owned()), |body| ("200 OK", body.to_string()));
        let head = "Content-Type: application/json; charset=utf-8\r\nCache-Control: no-store\r\nConnection: close";
        let answer = format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        drop(tls.write_all(answer.as_bytes()).await);
        drop(tls.shutdown().await);
    }
}

async fn read(host: &str, tls: &mut TlsStream<DuplexStream>) -> Asked {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tls.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let path = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<_, _> = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    assert_eq!(headers["host"], host);
    assert!(headers["user-agent"].starts_with("Doorward/"), "GitHub answers nobody without a name");
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    tls.read_exact(&mut body).await.unwrap();
    let form = url::form_urlencoded::parse(&body).into_owned().collect();
    Asked { url: format!("https://{host}{path}"), headers, form }
}

#[async_trait]
impl Network for Product {
    async fn resolve(&self, name: &str, chosen_by: ChosenBy) -> io::Result<Vec<IpAddr>> {
        let mut state = self.state();
        let at = state.hosts.iter().position(|(known, _)| known == name).unwrap_or(state.hosts.len());
        if at == state.hosts.len() {
            state.hosts.push((name.to_owned(), chosen_by));
        }
        state.hosts[at].1 = chosen_by;
        let address = Ipv4Addr::from_bits(FIRST.to_bits() + u32::try_from(at).unwrap());
        Ok(vec![address.into()])
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
        let IpAddr::V4(ip) = address.ip() else { return Err(io::ErrorKind::ConnectionRefused.into()) };
        let at = usize::try_from(ip.to_bits() - FIRST.to_bits()).unwrap();
        let host = self.state().hosts[at].0.clone();
        assert_eq!(address.port(), 443, "{host}");
        let (ours, theirs) = tokio::io::duplex(1024 * 1024);
        tokio::spawn(self.clone().serve(host, theirs));
        Ok(Connection::new(ours))
    }
}
