//! Settings: defaults in the binary, then a file, then the environment.

use anyhow::{Context as _, bail};
use config::{Config, File, FileFormat, Value, ValueKind};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use time::Duration;

/// Every setting with its comment and default: the one place where they are listed.
pub(crate) const DEFAULTS: &str = include_str!("../../../config/default.toml");
/// No duration is longer: what is later by it than now is a time that both databases can store.
const LONGEST: std::time::Duration = std::time::Duration::from_hours(200 * 366 * 24);
const ENV_PREFIX: &str = "DOORWARD";

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) server: Server,
    pub(crate) compatibility: Compatibility,
    pub(crate) metrics: Metrics,
    pub(crate) database: Database,
    pub(crate) session: Session,
    pub(crate) passwords: Passwords,
    pub(crate) oauth2: OAuth2,
    pub(crate) rate_limit: RateLimit,
    pub(crate) cache: Cache,
    pub(crate) cleanup: Cleanup,
    pub(crate) audit: Audit,
    pub(crate) secrets: Secrets,
    pub(crate) bootstrap: Bootstrap,
    pub(crate) log: Log,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Server {
    pub(crate) listen: String,
    pub(crate) access_url: String,
    pub(crate) workers: usize,
    pub(crate) body_limit: usize,
    pub(crate) trusted_proxies: Vec<String>,
    #[serde(deserialize_with = "duration")]
    pub(crate) shutdown_timeout: Duration,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Compatibility {
    pub(crate) version: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metrics {
    pub(crate) enabled: bool,
    pub(crate) listen: String,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) auto_migrate: bool,
    pub(crate) pool_size: u32,
    #[serde(deserialize_with = "duration")]
    pub(crate) connect_timeout: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) statement_timeout: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) deadline: Duration,
    pub(crate) sqlite_synchronous: Synchronous,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database(..)")
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Synchronous {
    Full,
    Normal,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Session {
    #[serde(deserialize_with = "duration")]
    pub(crate) lifetime: Duration,
    pub(crate) refresh: bool,
    #[serde(deserialize_with = "duration")]
    pub(crate) token_lifetime_default: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) token_lifetime_max: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) token_lifetime_max_owner: Duration,
    pub(crate) password_login: bool,
    pub(crate) secure_cookies: SecureCookies,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SecureCookies {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Passwords {
    pub(crate) concurrency: usize,
    pub(crate) queue: usize,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the settings file")]
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct OAuth2 {
    #[serde(deserialize_with = "duration")]
    pub(crate) access_token_lifetime: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) refresh_token_lifetime: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) refresh_reuse_grace: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) refresh_unused_window: Duration,
    #[serde(deserialize_with = "duration")]
    pub(crate) refresh_unused_window_public: Duration,
    pub(crate) single_grant_per_app: bool,
    pub(crate) revoke_on_code_replay: bool,
    pub(crate) require_pkce: bool,
    pub(crate) require_resource_at_exchange: bool,
    pub(crate) resources: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RateLimit {
    pub(crate) api: i64,
    pub(crate) login: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cache {
    pub(crate) subjects: usize,
    #[serde(deserialize_with = "duration")]
    pub(crate) serve_stale: Duration,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cleanup {
    #[serde(deserialize_with = "duration")]
    pub(crate) interval: Duration,
    pub(crate) batch: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Audit {
    /// `None`: for ever.
    #[serde(deserialize_with = "optional_duration")]
    pub(crate) retention: Option<Duration>,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Secrets {
    pub(crate) seal_keys: Vec<String>,
    pub(crate) seal_keys_file: PathBuf,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Bootstrap {
    pub(crate) email: String,
    pub(crate) username: String,
    pub(crate) password_file: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) filter: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Auto,
    Text,
    Json,
}

impl Settings {
    /// Reads the settings; the error names the key and the place where it stands.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        Self::from_sources(file, std::env::vars())
    }

    fn from_sources(file: Option<&Path>, vars: impl Iterator<Item = (String, String)>) -> anyhow::Result<Self> {
        let defaults = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml)).build()?;
        let known = keys(&defaults.cache);
        let mut builder = Config::builder().add_source(defaults);
        if let Some(path) = file {
            let source = File::from(path).format(FileFormat::Toml).required(true);
            let own = Config::builder()
                .add_source(source)
                .build()
                .with_context(|| format!("cannot read the settings file {}", path.display()))?;
            if let Some(key) = keys(&own.cache).into_keys().find(|key| !known.contains_key(key)) {
                bail!("unknown setting `{key}` in {}{}", path.display(), suggestion(&key, &known));
            }
            builder = builder.add_source(own);
        }
        for (name, text) in vars {
            let Some(path) = name.strip_prefix(ENV_PREFIX).and_then(|rest| rest.strip_prefix("__")) else { continue };
            let key = path.replace("__", ".").to_lowercase();
            let Some(default) = known.get(&key) else {
                bail!("unknown setting `{key}` in the environment variable {name}{}", suggestion(&key, &known));
            };
            let value = from_environment(default, &text)
                .with_context(|| format!("the setting `{key}` in the environment variable {name} is not valid"))?;
            builder =
                builder.set_override(&key, Value::new(Some(&format!("the environment variable {name}")), value))?;
        }
        let settings: Self = builder.build()?.try_deserialize()?;
        settings.check()?;
        crate::wiring::check(&settings)?;
        Ok(settings)
    }

    /// What no type says.
    fn check(&self) -> anyhow::Result<()> {
        let positive = [
            ("session.lifetime", self.session.lifetime),
            ("session.token_lifetime_default", self.session.token_lifetime_default),
            ("session.token_lifetime_max", self.session.token_lifetime_max),
            ("session.token_lifetime_max_owner", self.session.token_lifetime_max_owner),
            ("oauth2.access_token_lifetime", self.oauth2.access_token_lifetime),
            ("database.connect_timeout", self.database.connect_timeout),
            ("database.deadline", self.database.deadline),
            ("cleanup.interval", self.cleanup.interval),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, duration)| *duration < Duration::SECOND) {
            bail!("the setting `{key}` must be at least one second");
        }
        if self.metrics.enabled && self.metrics.listen == self.server.listen && !self.server.listen.ends_with(":0") {
            bail!("the settings `metrics.listen` and `server.listen` must not be the same address");
        }
        if self.database.deadline <= self.database.statement_timeout {
            bail!("the setting `database.deadline` must be longer than `database.statement_timeout`");
        }
        if self.cache.serve_stale > Duration::DAY {
            bail!("the setting `cache.serve_stale` must not be more than one day");
        }
        if self.audit.retention.is_some_and(|kept| kept < Duration::DAY) {
            bail!("the setting `audit.retention` must be at least one day, or empty to keep records for ever");
        }
        if self.oauth2.refresh_token_lifetime <= self.oauth2.access_token_lifetime {
            bail!("the setting `oauth2.refresh_token_lifetime` must be longer than `oauth2.access_token_lifetime`");
        }
        if !is_release(&self.compatibility.version) {
            bail!(
                "the setting `compatibility.version` must be like `v2.24.4`, and is `{}`",
                self.compatibility.version
            );
        }
        if !(1024..=64 * 1024 * 1024).contains(&self.server.body_limit) {
            bail!("the setting `server.body_limit` must lie between 1024 and 67108864");
        }
        if self.cache.subjects > 10_000_000 {
            bail!("the setting `cache.subjects` must not be more than 10000000");
        }
        if self.cleanup.batch == 0 || self.cleanup.batch > 10_000 {
            bail!("the setting `cleanup.batch` must lie between 1 and 10000");
        }
        if self.database.pool_size > 1000 || self.server.workers > 1024 || self.passwords.concurrency > 1024 {
            bail!(
                "`database.pool_size`, `server.workers` and `passwords.concurrency` have at most 1000, 1024 and 1024"
            );
        }
        Ok(())
    }

    /// The URL of the database: the given one, or the embedded file.
    pub(crate) fn database_url(&self) -> String {
        if self.database.url.is_empty() {
            format!("sqlite://{}", self.data_dir.join("doorward.db").display())
        } else {
            self.database.url.clone()
        }
    }

    /// The settings as TOML, passwords of URLs hidden.
    pub(crate) fn to_toml(&self) -> String {
        let quote = |text: &str| format!("{text:?}");
        let list = |texts: &[String]| format!("[{}]", texts.iter().map(|t| quote(t)).collect::<Vec<_>>().join(", "));
        let span = |duration: Duration| {
            quote(&humantime::format_duration(duration.unsigned_abs()).to_string().replace(' ', ""))
        };
        let word = |value: &dyn std::fmt::Debug| quote(&format!("{value:?}").to_lowercase());
        let values: BTreeMap<&str, String> = [
            ("data_dir", quote(&self.data_dir.display().to_string())),
            ("server.listen", quote(&self.server.listen)),
            ("server.access_url", quote(&self.server.access_url)),
            ("server.workers", self.server.workers.to_string()),
            ("server.body_limit", self.server.body_limit.to_string()),
            ("server.trusted_proxies", list(&self.server.trusted_proxies)),
            ("server.shutdown_timeout", span(self.server.shutdown_timeout)),
            ("compatibility.version", quote(&self.compatibility.version)),
            ("metrics.enabled", self.metrics.enabled.to_string()),
            ("metrics.listen", quote(&self.metrics.listen)),
            ("database.url", quote(&without_password(&self.database.url))),
            ("database.auto_migrate", self.database.auto_migrate.to_string()),
            ("database.pool_size", self.database.pool_size.to_string()),
            ("database.connect_timeout", span(self.database.connect_timeout)),
            ("database.statement_timeout", span(self.database.statement_timeout)),
            ("database.deadline", span(self.database.deadline)),
            ("database.sqlite_synchronous", word(&self.database.sqlite_synchronous)),
            ("session.lifetime", span(self.session.lifetime)),
            ("session.refresh", self.session.refresh.to_string()),
            ("session.token_lifetime_default", span(self.session.token_lifetime_default)),
            ("session.token_lifetime_max", span(self.session.token_lifetime_max)),
            ("session.token_lifetime_max_owner", span(self.session.token_lifetime_max_owner)),
            ("session.password_login", self.session.password_login.to_string()),
            ("session.secure_cookies", word(&self.session.secure_cookies)),
            ("passwords.concurrency", self.passwords.concurrency.to_string()),
            ("passwords.queue", self.passwords.queue.to_string()),
            ("oauth2.access_token_lifetime", span(self.oauth2.access_token_lifetime)),
            ("oauth2.refresh_token_lifetime", span(self.oauth2.refresh_token_lifetime)),
            ("oauth2.refresh_reuse_grace", span(self.oauth2.refresh_reuse_grace)),
            ("oauth2.refresh_unused_window", span(self.oauth2.refresh_unused_window)),
            ("oauth2.refresh_unused_window_public", span(self.oauth2.refresh_unused_window_public)),
            ("oauth2.single_grant_per_app", self.oauth2.single_grant_per_app.to_string()),
            ("oauth2.revoke_on_code_replay", self.oauth2.revoke_on_code_replay.to_string()),
            ("oauth2.require_pkce", self.oauth2.require_pkce.to_string()),
            ("oauth2.require_resource_at_exchange", self.oauth2.require_resource_at_exchange.to_string()),
            ("oauth2.resources", list(&self.oauth2.resources)),
            ("rate_limit.api", self.rate_limit.api.to_string()),
            ("rate_limit.login", self.rate_limit.login.to_string()),
            ("cache.subjects", self.cache.subjects.to_string()),
            ("cache.serve_stale", span(self.cache.serve_stale)),
            ("cleanup.interval", span(self.cleanup.interval)),
            ("cleanup.batch", self.cleanup.batch.to_string()),
            ("audit.retention", self.audit.retention.map_or_else(|| quote(""), span)),
            ("secrets.seal_keys", list(&vec![HIDDEN.to_owned(); self.secrets.seal_keys.len()])),
            ("secrets.seal_keys_file", quote(&self.secrets.seal_keys_file.display().to_string())),
            ("bootstrap.email", quote(&self.bootstrap.email)),
            ("bootstrap.username", quote(&self.bootstrap.username)),
            ("bootstrap.password_file", quote(&self.bootstrap.password_file.display().to_string())),
            ("log.format", word(&self.log.format)),
            ("log.filter", quote(&self.log.filter)),
        ]
        .into();
        let mut text = String::new();
        let mut section = "";
        for line in DEFAULTS.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name;
                text.push_str(line);
            } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
                let key = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
                let value = values.get(key.as_str()).map_or("", String::as_str);
                text.extend([name, " = ", value]);
            } else {
                text.push_str(line);
            }
            text.push('\n');
        }
        text
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

/// What is printed in the place of a password.
const HIDDEN: &str = "********";

/// A database URL that may be printed: without the password, which PostgreSQL takes in the query too.
pub(crate) fn without_password(url: &str) -> String {
    if url.is_empty() {
        return String::new();
    }
    // What is no URL (`host=.. password=..`) is not taken apart, for nobody knows where its password stands.
    if !["postgres:", "postgresql:", "sqlite:"].iter().any(|scheme| url.starts_with(scheme)) {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let is_word = |scheme: &&str| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return scheme.filter(is_word).map_or_else(|| HIDDEN.to_owned(), |scheme| format!("{scheme}://{HIDDEN}"));
    }
    let (before, query) = url.split_once('?').map_or((url, None), |(before, query)| (before, Some(query)));
    // The `?` may be part of a password, which then goes on to the `@`.
    if query.is_some_and(|query| query.contains('@')) && !before.starts_with("sqlite:") {
        return HIDDEN.to_owned();
    }
    // A password that is not escaped may hold any character, so it goes on to the last `@`, whatever stands before.
    let mut shown = match before.split_once("://") {
        _ if before.starts_with("sqlite:") => before.to_owned(),
        None => return HIDDEN.to_owned(),
        Some((scheme, rest)) => match rest.rsplit_once('@').map(|(user, place)| (user.split_once(':'), place)) {
            Some((Some((name, _)), place)) => format!("{scheme}://{name}:{HIDDEN}@{place}"),
            Some((None, _)) | None => before.to_owned(),
        },
    };
    for (n, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        shown.push(if n == 0 { '?' } else { '&' });
        let name = pair.split('=').next().unwrap_or_default();
        let decoded = url::form_urlencoded::parse(name.as_bytes()).next().map(|(name, _)| name.to_lowercase());
        if matches!(decoded.as_deref(), Some("password" | "sslpassword")) {
            shown.extend([name, "=", HIDDEN]);
        } else {
            shown.push_str(pair);
        }
    }
    shown
}

/// Every key with its default value, nested ones joined by dots.
fn keys(value: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), value.clone())];
    while let Some((path, value)) = open.pop() {
        if let ValueKind::Table(table) = &value.kind {
            for (key, inner) in table {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                open.push((path, inner.clone()));
            }
        } else {
            found.insert(path, value);
        }
    }
    found
}

/// Text of the environment as the kind of value that the default is.
fn from_environment(default: &Value, text: &str) -> anyhow::Result<ValueKind> {
    Ok(match default.kind {
        ValueKind::Boolean(_) => ValueKind::Boolean(text.parse().context("it must be true or false")?),
        ValueKind::I64(_) => ValueKind::I64(text.parse().context("it must be a whole number")?),
        ValueKind::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            ValueKind::Array(items.map(|item| Value::new(None, item.to_owned())).collect())
        }
        ValueKind::Nil
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_)
        | ValueKind::String(_)
        | ValueKind::Table(_) => ValueKind::String(text.to_owned()),
    })
}

/// The known key that was probably meant.
fn suggestion(key: &str, known: &BTreeMap<String, Value>) -> String {
    let near = known.keys().map(|other| (strsim::damerau_levenshtein(key, other), other)).min();
    near.filter(|(distance, _)| *distance <= 3)
        .map(|(_, other)| format!("; did you mean `{other}`?"))
        .unwrap_or_default()
}

/// A duration, or nothing.
fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    duration(serde::de::value::StringDeserializer::new(text)).map(Some)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parsed = humantime::parse_duration(&text).map_err(|error| {
        serde::de::Error::custom(format!("`{text}` is not a duration such as 90s, 15m, 24h or 30d: {error}"))
    })?;
    if parsed > LONGEST {
        return Err(serde::de::Error::custom(format!("`{text}` is longer than 200 years")));
    }
    Duration::try_from(parsed).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests;
