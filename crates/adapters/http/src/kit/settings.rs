//! Settings of the HTTP adapter.

use ipnet::IpNet;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// How the server listens, how much it takes, and whom it believes.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Threads that serve requests; 0 means one per core.
    pub workers: usize,
    /// Most threads that a worker uses for what blocks: the database, password hashing. Each costs memory.
    pub blocking_threads: usize,
    /// Largest body of a request, in bytes.
    pub body_limit: usize,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// How long a client may take to send the head of a request.
    pub request_timeout: Duration,
    /// How long requests in flight may take to finish after the stop was asked for.
    pub shutdown_timeout: Duration,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Whether cookies are only sent over TLS.
    pub secure_cookies: bool,
    /// `max-age` of `Strict-Transport-Security`; `None` sends no such header.
    pub hsts: Option<Duration>,
    /// Requests per minute, user (or address) and endpoint of the API; 0 or less means any number.
    pub rate_limit_api: i64,
    /// Requests per minute and user (or address) to each endpoint where passwords are checked, and to the OAuth2
    /// endpoints together; 0 or less means any number.
    pub rate_limit_login: i64,
    /// Our own version.
    pub version: String,
    /// The release of Coder whose API is spoken, such as `v2.24.4`: what clients compare with their own version.
    pub compatibility: String,
    /// Identifies this deployment; may be empty.
    pub deployment_id: String,
    /// What the metrics show beside the requests.
    pub gauges: Vec<Gauge>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            workers: 0,
            blocking_threads: 16,
            body_limit: 1024 * 1024,
            keep_alive: Duration::from_secs(75),
            request_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
            secure_cookies: false,
            hsts: None,
            rate_limit_api: 512,
            rate_limit_login: 60,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            compatibility: "v2.24.4".to_owned(),
            deployment_id: String::new(),
            gauges: Vec::new(),
        }
    }
}

/// A number, or one for each value of some labels, that is asked for whenever somebody looks at the metrics.
#[derive(Clone)]
pub struct Gauge {
    /// Name in the Prometheus text format, without prefix. One that ends in `_total` is a counter.
    pub name: &'static str,
    /// One line about it.
    pub help: &'static str,
    /// Names of labels.
    pub labels: &'static [&'static str],
    /// Reads the numbers, each with as many values of labels as there are names; must not block.
    pub read: Arc<dyn Fn() -> Vec<(Vec<String>, f64)> + Send + Sync>,
}

impl Gauge {
    /// A gauge of one number, which calls `read`.
    pub fn new(name: &'static str, help: &'static str, read: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self { name, help, labels: &[], read: Arc::new(move || vec![(Vec::new(), read())]) }
    }

    /// A gauge with labels, which calls `read` for all of its numbers.
    pub fn labelled(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
        read: impl Fn() -> Vec<(Vec<String>, f64)> + Send + Sync + 'static,
    ) -> Self {
        Self { name, help, labels, read: Arc::new(read) }
    }
}

impl std::fmt::Debug for Gauge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gauge").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A network, or a single address: `10.0.0.0/8`, `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        self.0.contains(&ip)
    }
}

/// A text that is neither a network nor an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an IP address nor a network such as `10.0.0.0/8`")]
pub struct NetworkError(String);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let single = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse()
            .or_else(|_not_a_network: ipnet::AddrParseError| single())
            .map(Self)
            .or(Err(NetworkError(text.to_owned())))
    }
}
