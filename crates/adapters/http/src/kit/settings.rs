//! Settings of the HTTP adapter.

use doorward_domain::settings::{Defects, Section, Span};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use utoipa::ToSchema;

/// The section `server`: how much the server takes, and whom it believes.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ServerSettings {
    /// Threads that serve requests; 0 means one per core.
    pub workers: usize,
    /// Largest body of a request, in bytes.
    pub body_limit: usize,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// How long requests in flight may take to finish after the stop was asked for.
    pub shutdown_timeout: Span,
}

impl Section for ServerSettings {
    const NAME: &'static str = "server";

    fn check(&self, defects: &mut Defects) {
        let sizes = 1024..=64 * 1024 * 1024;
        defects.unless(self.workers <= 1024, "workers", "must not be more than 1024");
        defects.unless(sizes.contains(&self.body_limit), "body_limit", "must lie between 1024 and 67108864");
    }
}

/// The section `rate_limit`: requests per minute; 0 or less means any number.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct RateLimitSettings {
    /// Per user (or address) and endpoint of the API.
    pub api: i64,
    /// Per user (or address) and each endpoint where passwords are checked, and for the OAuth2 endpoints together.
    pub login: i64,
    /// Per user, downloads of files.
    pub files: i64,
}

impl Section for RateLimitSettings {
    const NAME: &'static str = "rate_limit";

    fn check(&self, _: &mut Defects) {}
}

/// The section `compatibility`: what this server is said to be.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CompatibilitySettings {
    /// The release of Coder whose API is spoken, such as `v2.24.4`: what clients compare with their own version.
    pub version: String,
}

impl CompatibilitySettings {
    /// What clients are told is the version of a server of ours: `v2.24.4+doorward.0.1.0`.
    #[must_use]
    pub fn build_version(&self, own: &str) -> String {
        // Build metadata (what follows the plus) may hold no further plus.
        format!("{}+doorward.{}", self.version, own.replace('+', "."))
    }
}

impl Section for CompatibilitySettings {
    const NAME: &'static str = "compatibility";

    fn check(&self, defects: &mut Defects) {
        let rule = format!("must be like `v2.24.4`, and is `{}`", self.version);
        defects.unless(is_release(&self.version), "version", &rule);
    }
}

/// Whether clients can compare this with their own version: `v`, three numbers, and perhaps a pre-release.
fn is_release(text: &str) -> bool {
    let Some(numbers) = text.strip_prefix('v') else { return false };
    let (numbers, pre) = numbers.split_once('-').map_or((numbers, "rc"), |(numbers, pre)| (numbers, pre));
    let is_number = |part: &str| !part.is_empty() && part.len() <= 9 && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_pre =
        pre.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    numbers.split('.').count() == 3 && numbers.split('.').all(is_number) && is_pre
}

/// The section `session`, as far as it is about cookies.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct CookieSettings {
    /// Whether cookies are only sent over TLS.
    pub secure_cookies: SecureCookies,
}

impl Section for CookieSettings {
    const NAME: &'static str = "session";

    fn check(&self, _: &mut Defects) {}
}

/// Whether cookies are only sent over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecureCookies {
    /// When the access URL is https.
    Auto,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

impl SecureCookies {
    /// Whether cookies of a site with this access URL are.
    #[must_use]
    pub fn apply_to(self, access_url: &Url) -> bool {
        match self {
            Self::Auto => access_url.scheme() == "https",
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Sections of the settings, and what the server is told beside them.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// How much the server takes, and whom it believes.
    pub server: ServerSettings,
    /// Requests per minute.
    pub rate_limit: RateLimitSettings,
    /// What this server is said to be.
    pub compatibility: CompatibilitySettings,
    /// How cookies are sent.
    pub cookies: CookieSettings,
    /// Most threads that a worker uses for what blocks: the database, password hashing. Each costs memory.
    pub blocking_threads: usize,
    /// `max-age` of `Strict-Transport-Security`; `None` sends no such header.
    pub hsts: Option<Duration>,
    /// Our own version.
    pub version: String,
    /// Identifies this deployment; may be empty.
    pub deployment_id: String,
    /// What the metrics show beside the requests.
    pub gauges: Vec<Gauge>,
    /// The settings that are in force, as owners may see them.
    pub options: Vec<SettingOption>,
}

/// A setting, as owners may see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Option)]
pub struct SettingOption {
    /// Its name, with that of its section.
    pub name: String,
    /// What the settings file says of it.
    pub description: String,
    /// The flag of the command line: there is none.
    pub flag: &'static str,
    /// The variable of the environment.
    pub env: String,
    /// Its place in the settings file.
    pub yaml: String,
    /// What holds where nothing is set.
    #[schema(value_type = Object)]
    pub default: serde_json::Value,
    /// What is in force; secrets are blank.
    #[schema(value_type = Object)]
    pub value: serde_json::Value,
    /// Whether it is kept from users: none is.
    pub hidden: bool,
    /// Where what is in force was said.
    pub source: SettingSource,
}

/// Where a setting was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SettingSource {
    /// Nowhere: the default is in force.
    #[default]
    Default,
    /// In the settings file.
    File,
    /// In the environment.
    Environment,
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

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauge").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A network, or a single address: `10.0.0.0/8`, `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
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

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

/// A single address is written without the length of its network.
impl From<Network> for String {
    fn from(Network(network): Network) -> Self {
        if network.prefix_len() == network.max_prefix_len() { network.addr().to_string() } else { network.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_testkit::settings::{changed, defaults};

    #[test]
    fn a_network_is_written_as_it_is_read() {
        for text in ["10.0.0.0/8", "::1", "192.0.2.7", "2001:db8::/32"] {
            assert_eq!(String::from(text.parse::<Network>().unwrap()), text);
        }
        let error = serde_json::from_str::<Network>(r#""10.0.0.0/33""#).unwrap_err().to_string();
        assert!(error.contains("`10.0.0.0/33` is neither an IP address nor a network"), "{error}");
    }

    #[test]
    fn all_that_is_wrong_with_the_server_is_told_at_once() {
        let usual: ServerSettings = defaults(ServerSettings::NAME);
        assert!(usual.defects().is_empty());
        let wrong = ServerSettings { workers: 1025, body_limit: 1023, ..usual };
        assert_eq!(
            wrong.defects(),
            [
                "the setting `server.workers` must not be more than 1024",
                "the setting `server.body_limit` must lie between 1024 and 67108864",
            ]
        );
    }

    #[test]
    fn a_release_is_what_clients_can_compare() {
        for (version, is_release) in
            [("v2.24.4", true), ("v2.24.4-rc.1", true), ("2.24.4", false), ("v2.24", false), ("v2.24.x", false)]
        {
            let settings = changed(|api: &mut CompatibilitySettings| api.version = version.to_owned());
            assert_eq!(settings.defects().is_empty(), is_release, "{version}");
        }
    }

    #[test]
    fn cookies_are_secure_where_the_access_url_is_or_as_is_said() {
        for (setting, url, expected) in [
            (SecureCookies::Auto, "https://door.example", true),
            (SecureCookies::Auto, "http://localhost:3000", false),
            (SecureCookies::Always, "http://localhost:3000", true),
            (SecureCookies::Never, "https://door.example", false),
        ] {
            assert_eq!(setting.apply_to(&url.parse().unwrap()), expected);
        }
    }
}
