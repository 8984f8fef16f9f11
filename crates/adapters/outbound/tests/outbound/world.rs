//! An internet in memory.

use async_trait::async_trait;
use doorward_outbound::{Connection, FetchSettings, Network, Outbound};
use doorward_ports::fetch::{Answer, ChosenBy, FailureClass, Fetch as _, FetchError, Request};
use doorward_testkit::settings::changed;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A public address, and another one.
pub(crate) const PUBLIC: &str = "93.184.215.14";
pub(crate) const OTHER: &str = "2606:2800:21f:cb07:6820:80da:af6b:8b2c";
/// Long enough for every answer of the tests.
pub(crate) const LIMIT: usize = 1024;
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

pub(crate) type Tls = TlsStream<DuplexStream>;
type Serve = Arc<dyn Fn(DuplexStream) -> BoxFuture<'static, ()> + Send + Sync>;

#[derive(Clone)]
enum Server {
    Silent,
    Serves(Serve),
}

#[derive(Default)]
struct State {
    /// What a name is at the first look, at the second, and so on; the last answer stays. None: the name server is silent.
    names: HashMap<String, Vec<Vec<IpAddr>>>,
    servers: HashMap<SocketAddr, Server>,
    resolved: Vec<String>,
    connected: Vec<SocketAddr>,
    requests: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Internet {
    state: Arc<Mutex<State>>,
    /// Who signs the certificates that are trusted.
    pub(crate) authority: Arc<Authority>,
}

impl Default for Internet {
    fn default() -> Self {
        Self { state: Arc::default(), authority: Arc::new(Authority::new()) }
    }
}

impl Internet {
    /// What a name is, one list for each look.
    pub(crate) fn name(&self, name: &str, answers: &[&[&str]]) {
        let parse = |list: &&[&str]| list.iter().map(|address| address.parse().unwrap()).collect();
        self.state.lock().unwrap().names.insert(name.to_owned(), answers.iter().map(parse).collect());
    }

    /// Accepts connections there and does this with them.
    pub(crate) fn serve<F>(&self, address: &str, port: u16, serve: impl Fn(DuplexStream) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let serve: Serve = Arc::new(move |stream| serve(stream).boxed());
        let at = SocketAddr::new(address.parse().unwrap(), port);
        self.state.lock().unwrap().servers.insert(at, Server::Serves(serve));
    }

    /// Neither accepts connections there nor refuses them.
    pub(crate) fn silent(&self, address: &str, port: u16) {
        let at = SocketAddr::new(address.parse().unwrap(), port);
        self.state.lock().unwrap().servers.insert(at, Server::Silent);
    }

    /// A TLS server there, with a certificate for the name, that reads a request and does this with the connection.
    pub(crate) fn tls<F>(&self, name: &str, address: &str, port: u16, then: impl Fn(Tls) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (acceptor, state, then) = (self.authority.acceptor(name), Arc::clone(&self.state), Arc::new(then));
        self.serve(address, port, move |stream| {
            let (acceptor, state, then) = (acceptor.clone(), Arc::clone(&state), Arc::clone(&then));
            async move {
                // Whoever does not trust the certificate hangs up.
                let Ok(mut tls) = acceptor.accept(stream).await else { return };
                let request = read_request(&mut tls).await;
                state.lock().unwrap().requests.push(request);
                then(tls).await;
            }
        });
    }

    /// A name at `PUBLIC`, with a TLS server on port 443 that gives this answer.
    pub(crate) fn site(&self, name: &str, answer: &str) {
        self.name(name, &[&[PUBLIC]]);
        self.answering(name, PUBLIC, 443, answer);
    }

    /// A TLS server there that gives this answer.
    pub(crate) fn answering(&self, name: &str, address: &str, port: u16, answer: &str) {
        let answer = answer.to_owned();
        self.tls(name, address, port, move |tls| say(tls, answer.clone()));
    }

    pub(crate) fn resolved(&self) -> Vec<String> {
        self.state.lock().unwrap().resolved.clone()
    }

    pub(crate) fn connected(&self) -> Vec<String> {
        self.state.lock().unwrap().connected.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    pub(crate) fn outbound(&self) -> Outbound {
        self.outbound_with(|_| {})
    }

    pub(crate) fn outbound_with(&self, change: impl FnOnce(&mut FetchSettings)) -> Outbound {
        let mut settings = changed(|fetch: &mut FetchSettings| fetch.extra_ca = self.authority.file());
        change(&mut settings);
        Outbound::with_network(&settings, self.clone()).unwrap()
    }
}

#[async_trait]
impl Network for Internet {
    async fn resolve(&self, name: &str, _chosen_by: ChosenBy) -> io::Result<Vec<IpAddr>> {
        let answer = {
            let mut state = self.state.lock().unwrap();
            let looks = state.resolved.iter().filter(|earlier| *earlier == name).count();
            state.resolved.push(name.to_owned());
            let Some(answers) = state.names.get(name) else { return Err(io::Error::other("no such name")) };
            answers.get(looks).or(answers.last()).cloned()
        };
        match answer {
            Some(addresses) => Ok(addresses),
            None => pending().await,
        }
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
        let server = {
            let mut state = self.state.lock().unwrap();
            state.connected.push(address);
            state.servers.get(&address).cloned()
        };
        match server {
            None => Err(io::ErrorKind::ConnectionRefused.into()),
            Some(Server::Silent) => pending().await,
            Some(Server::Serves(serve)) => {
                let (ours, theirs) = tokio::io::duplex(1024 * 1024);
                tokio::spawn(serve(theirs));
                Ok(Connection::new(ours))
            }
        }
    }
}

/// Everything up to the empty line.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // Whoever is not trusted hangs up.
        let Ok(byte) = stream.read_u8().await else { break };
        head.push(byte);
    }
    String::from_utf8(head).unwrap()
}

/// Head and body of a request.
async fn read_request(tls: &mut Tls) -> String {
    let head = read_head(tls).await;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    tls.read_exact(&mut body).await.unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

/// Says this and ends the connection.
pub(crate) async fn say(mut tls: Tls, text: String) {
    drop(tls.write_all(text.as_bytes()).await);
    drop(tls.shutdown().await);
}

/// Says this and then nothing, for ever.
pub(crate) async fn hang(mut tls: Tls, text: &'static str) {
    drop(tls.write_all(text.as_bytes()).await);
    drop(tls.flush().await);
    pending::<()>().await;
}

/// An authority of our own, with its certificate in a file.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "ours");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Speaks TLS with a certificate for this name.
    pub(crate) fn acceptor(&self, name: &str) -> TlsAcceptor {
        self.acceptor_with(name, |_| {})
    }

    pub(crate) fn acceptor_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

pub(crate) fn get(url: &str) -> Request {
    Request::get(url, LIMIT)
}

/// The class of the failure; there must be one.
pub(crate) async fn class(outbound: &Outbound, request: Request) -> FailureClass {
    failure(outbound, request).await.class
}

pub(crate) async fn failure(outbound: &Outbound, request: Request) -> FetchError {
    outbound.fetch(request).await.unwrap_err()
}

/// The body; there must be one.
pub(crate) fn text(answer: Result<Answer, FetchError>) -> String {
    String::from_utf8(answer.unwrap().body.into_exposed()).unwrap()
}
