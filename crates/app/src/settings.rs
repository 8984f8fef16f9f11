//! Settings: defaults in the binary, then a file, then the environment.
//!
//! Here stands where values come from and how they are shown. What they mean stands with the sections: structs of the crates
//! that use them.

mod database_url;
mod environment;
mod own;
mod secrets;

pub(crate) use database_url::DatabaseUrl;

use crate::logging::LogSettings;
use anyhow::{Context as _, bail};
use config::{Config, ConfigError, File, FileFormat, Value, ValueKind};
use doorward_crypto::PasswordSettings;
use doorward_domain::settings::{HIDDEN, HasSection, Section};
use doorward_http::{
    CompatibilitySettings, CookieSettings, RateLimitSettings, ServerSettings, SettingOption, SettingSource,
};
use doorward_mail::SmtpSettings;
use doorward_outbound::FetchSettings;
use doorward_services::appearance::AppearanceSettings;
use doorward_services::entitlements::LicensingSettings;
use doorward_services::factors::MfaSettings;
use doorward_services::identity_providers::{GithubSettings, OidcSettings};
use doorward_services::idp_sync::IdpSyncSettings;
use doorward_services::notifications::{NotificationSettings, WebhookSettings};
use doorward_services::provisioners::ProvisionerSettings;
use doorward_services::replicas::ReplicaSettings;
use doorward_services::scim::ScimSettings;
use doorward_services::workspace_proxies::ProxySettings;
use doorward_services::workspaces::WorkspaceSettings;
use doorward_services::{
    AuditSettings, CacheSettings, CleanupSettings, OAuth2Settings, QuietHoursSettings, SessionSettings,
};
use own::{BootstrapSettings, DataSettings, DatabaseSettings, ListenSettings, MetricsSettings};
use secrets::SecretsSettings;
use std::collections::BTreeMap;
use std::path::Path;
use url::{Host, Url};

/// Every setting with its comment and default: the one place where they are listed.
pub(crate) const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// Makes `Settings`, one field for each section. A section that is not in the list is neither read nor checked nor shown.
macro_rules! sections {
    ($($(#[$doc:meta])* $field:ident: $section:ty,)+) => {
        #[derive(Clone, Debug)]
        pub(crate) struct Settings {
            $($(#[$doc])* pub(crate) $field: $section,)+
            /// Where each was said.
            sources: BTreeMap<String, SettingSource>,
        }

        impl Settings {
            /// Reads and checks all sections, and tells of all what is wrong with them.
            fn read(merged: &Value) -> Result<Self, Vec<String>> {
                let mut defects = Vec::new();
                $(let $field = read_section::<$section>(merged, &mut defects);)+
                match ($($field,)+) {
                    ($(Some($field),)+) if defects.is_empty() => Ok(Self { $($field,)+ sources: sources(merged) }),
                    _ => Err(defects),
                }
            }

            /// The values of all sections as they are in force, secrets hidden.
            fn values(&self) -> anyhow::Result<toml::Table> {
                let mut values = toml::Table::new();
                $(write_section(&self.$field, &mut values)?;)+
                Ok(values)
            }
        }

        $(impl HasSection<$section> for Settings {
            fn section(&self) -> $section {
                Clone::clone(&self.$field)
            }
        })+
    };
}

sections! {
    data: DataSettings,
    listen: ListenSettings,
    /// How requests are served; the same table as `listen`.
    server: ServerSettings,
    compatibility: CompatibilitySettings,
    metrics: MetricsSettings,
    database: DatabaseSettings,
    /// How the database is used; the same table as `database`.
    storage: doorward_storage::Options,
    session: SessionSettings,
    /// How cookies are sent; the same table as `session`.
    cookies: CookieSettings,
    mfa: MfaSettings,
    passwords: PasswordSettings,
    oauth2: OAuth2Settings,
    rate_limit: RateLimitSettings,
    cache: CacheSettings,
    cleanup: CleanupSettings,
    audit: AuditSettings,
    idp_sync: IdpSyncSettings,
    oidc: OidcSettings,
    github: GithubSettings,
    quiet_hours: QuietHoursSettings,
    scim: ScimSettings,
    licensing: LicensingSettings,
    provisioners: ProvisionerSettings,
    replicas: ReplicaSettings,
    workspace_proxies: ProxySettings,
    appearance: AppearanceSettings,
    workspaces: WorkspaceSettings,
    notifications: NotificationSettings,
    smtp: SmtpSettings,
    webhook: WebhookSettings,
    fetch: FetchSettings,
    secrets: SecretsSettings,
    bootstrap: BootstrapSettings,
    log: LogSettings,
}

impl Settings {
    /// Reads the settings; the error names every key that is wrong and the place where it stands.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        Self::from_sources(file, std::env::vars())
    }

    fn from_sources(file: Option<&Path>, vars: impl Iterator<Item = (String, String)>) -> anyhow::Result<Self> {
        let merged = merge(DEFAULTS, file, vars)?;
        let settings = Self::read(&merged).map_err(|defects| told(&defects))?;
        settings.check_together()?;
        Ok(settings)
    }

    /// What is about several sections.
    fn check_together(&self) -> anyhow::Result<()> {
        let (metrics, listen) = (&self.metrics, &self.listen.listen);
        if metrics.enabled && metrics.listen == *listen && !listen.ends_with(":0") {
            bail!("the settings `metrics.listen` and `server.listen` must not be the same address");
        }
        let asks_itself = |url: &str| url.starts_with("http://");
        if !self.fetch.development && self.webhook.endpoint.as_ref().is_some_and(|url| url.scheme() == "http") {
            bail!("the setting `webhook.endpoint` is a URL with http, which is reached with `fetch.development` only");
        }
        if !self.fetch.development && self.oidc.providers.iter().any(|provider| asks_itself(&provider.issuer)) {
            bail!(
                "the settings `oidc.providers` name an issuer with http, which is reached with `fetch.development` only"
            );
        }
        // Nobody from elsewhere may have this machine ask itself.
        let listens_here = || Url::parse(&format!("http://{listen}")).is_ok_and(|url| is_loopback(&url));
        if self.fetch.development && !(is_loopback(&self.listen.access_url(listen)?) && listens_here()) {
            bail!(
                "the setting `fetch.development` must be false unless `server.access_url` and `server.listen` are loopback \
                 addresses"
            );
        }
        Ok(())
    }

    /// The URL of the database: the given one, or the embedded file.
    pub(crate) fn database_url(&self) -> DatabaseUrl {
        if self.database.url.is_empty() {
            DatabaseUrl::sqlite(&self.data.data_dir.join("doorward.db"))
        } else {
            self.database.url.clone()
        }
    }

    /// The settings for owners who look at them over the API, each with what the defaults say of it. Secrets are blank.
    pub(crate) fn options(&self) -> anyhow::Result<Vec<SettingOption>> {
        let values = toml::Value::Table(self.values()?);
        let defaults = toml::Value::Table(DEFAULTS.parse().context("the defaults cannot be read")?);
        let mut options = Vec::new();
        let (mut section, mut words, mut is_used) = ("", Vec::new(), false);
        for line in DEFAULTS.lines() {
            if let Some(comment) = line.strip_prefix('#') {
                // What stands above several keys is about all of them.
                if std::mem::take(&mut is_used) {
                    words.clear();
                }
                words.push(comment.trim());
            } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                (section, is_used) = (name, false);
                words.clear();
            } else if let Some((name, _)) = line.split_once(" = ") {
                let name = join(section, name);
                let of = |table: &toml::Value| -> anyhow::Result<serde_json::Value> {
                    let value = name.split('.').try_fold(table, |table, part| table.get(part));
                    let mut value = serde_json::to_value(value.with_context(|| format!("there is no `{name}`"))?)?;
                    blank(&mut value);
                    Ok(value)
                };
                options.push(SettingOption {
                    description: words.join(" "),
                    flag: "",
                    env: format!("DOORWARD__{}", name.to_uppercase().replace('.', "__")),
                    default: of(&defaults)?,
                    value: of(&values)?,
                    hidden: false,
                    yaml: name.clone(),
                    source: self.sources.get(&name).copied().unwrap_or_default(),
                    name,
                });
                is_used = true;
            } else {
                words.clear();
            }
        }
        Ok(options)
    }

    /// The settings as TOML with the comments of the defaults, secrets hidden.
    pub(crate) fn to_toml(&self) -> anyhow::Result<String> {
        let values = toml::Value::Table(self.values()?);
        let mut text = String::new();
        let mut section = "";
        for line in DEFAULTS.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name;
                text.push_str(line);
            } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
                let key = join(section, name);
                let value = key.split('.').try_fold(&values, |table, part| table.get(part));
                let value = value.with_context(|| format!("the setting `{key}` is of no section"))?;
                text.extend([name, " = ", &value.to_string()]);
            } else {
                text.push_str(line);
            }
            text.push('\n');
        }
        Ok(text)
    }
}

/// The same without secrets: what stands for one is left out.
fn blank(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) if text == HIDDEN => text.clear(),
        serde_json::Value::Array(entries) => entries.iter_mut().for_each(blank),
        serde_json::Value::Object(members) => members.values_mut().for_each(blank),
        serde_json::Value::String(_)
        | serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_) => {}
    }
}

/// Whether only this machine reaches the URL.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The values of all sources, those of later ones in the place of earlier ones. Every key is one of the defaults.
fn merge(defaults: &str, file: Option<&Path>, vars: impl Iterator<Item = (String, String)>) -> anyhow::Result<Value> {
    let defaults = Config::builder().add_source(File::from_str(defaults, FileFormat::Toml)).build()?;
    let known = keys(&defaults.cache);
    let mut builder = Config::builder().add_source(defaults);
    if let Some(path) = file {
        let source = File::from(path).format(FileFormat::Toml).required(true);
        let own = Config::builder()
            .add_source(source)
            .build()
            .with_context(|| format!("cannot read the settings file {}", path.display()))?;
        let unknown = keys(&own.cache).into_keys().filter(|key| !known.contains_key(key));
        let unknown: Vec<String> = unknown
            .map(|key| format!("unknown setting `{key}` in {}{}", path.display(), suggestion(&key, &known)))
            .collect();
        if !unknown.is_empty() {
            return Err(told(&unknown));
        }
        builder = builder.add_source(own);
    }
    let mut merged = builder.build()?.cache;
    environment::apply(&mut merged, &known, vars)?;
    Ok(merged)
}

/// One error that tells of all.
fn told(defects: &[String]) -> anyhow::Error {
    match defects {
        [only] => anyhow::Error::msg(only.clone()),
        several => anyhow::anyhow!("{} settings are not valid:\n- {}", several.len(), several.join("\n- ")),
    }
}

/// A section with all that is wrong with it; `None` if it cannot be read.
fn read_section<T: Section>(merged: &Value, defects: &mut Vec<String>) -> Option<T> {
    let table = T::NAME.split('.').filter(|part| !part.is_empty()).try_fold(merged, member);
    match T::deserialize(table.cloned().unwrap_or_else(|| Value::new(None, ValueKind::Nil))) {
        Ok(section) => {
            defects.extend(section.defects());
            Some(section)
        }
        Err(error) => {
            defects.push(unreadable(T::NAME, &error, merged));
            None
        }
    }
}

/// Which value cannot be read, why, and where it stands.
fn unreadable(section: &str, error: &ConfigError, merged: &Value) -> String {
    let (key, reason) = match error {
        ConfigError::Type { unexpected, expected, key, .. } => {
            (key.clone(), format!("it is {unexpected}, and must be {expected}"))
        }
        ConfigError::At { error, key, .. } => (key.clone(), error.to_string()),
        ConfigError::NotFound(key) => (Some(key.clone()), "it is missing".to_owned()),
        ConfigError::Frozen
        | ConfigError::PathParse { .. }
        | ConfigError::FileParse { .. }
        | ConfigError::Message(_)
        | ConfigError::Foreign(_)
        | _ => (None, error.to_string()),
    };
    let key = join(section, &with_dots(key.as_deref().unwrap_or_default()));
    let place = origin(merged, &key).map(|place| format!(" in {place}")).unwrap_or_default();
    format!("the setting `{key}`{place} is not valid: {reason}")
}

/// The key with a dot behind each entry of a list, where `config` writes none: `providers[0].issuer`.
fn with_dots(key: &str) -> String {
    key.replace(']', "].").replace("].[", "][").replace("]..", "].").trim_end_matches('.').to_owned()
}

/// Where the value of a key stands; a part of it that is not there stands where the rest does.
fn origin(merged: &Value, key: &str) -> Option<String> {
    let mut found = None;
    let mut value = merged;
    for part in key.split(['.', '[']).map(|part| part.trim_end_matches(']')) {
        let Some(inner) = member(value, part) else { break };
        value = inner;
        found = value.origin().or(found);
    }
    found.map(str::to_owned)
}

/// Where each setting was said. A list of which an entry was said in the environment was said there.
fn sources(merged: &Value) -> BTreeMap<String, SettingSource> {
    fn source(value: &Value) -> SettingSource {
        let own = match value.origin() {
            None => SettingSource::Default,
            Some(place) if environment::is_variable(place) => SettingSource::Environment,
            Some(_) => SettingSource::File,
        };
        let inner = if let ValueKind::Table(table) = &value.kind {
            table.values().map(source).max()
        } else if let ValueKind::Array(entries) = &value.kind {
            entries.iter().map(source).max()
        } else {
            None
        };
        inner.map_or(own, |inner| inner.max(own))
    }
    keys(merged).into_iter().map(|(key, value)| (key, source(&value))).collect()
}

/// What a table has under a key, or a list in a place.
fn member<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    match &value.kind {
        ValueKind::Table(table) => table.get(part),
        ValueKind::Array(entries) => entries.get(part.parse::<usize>().ok()?),
        ValueKind::Nil
        | ValueKind::Boolean(_)
        | ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_)
        | ValueKind::String(_) => None,
    }
}

fn write_section<T: Section>(section: &T, values: &mut toml::Table) -> anyhow::Result<()> {
    let mut table = values;
    for part in T::NAME.split('.').filter(|part| !part.is_empty()) {
        let inner = table.entry(part).or_insert_with(|| toml::Table::new().into());
        table = inner.as_table_mut().with_context(|| format!("`{}` is no section", T::NAME))?;
    }
    let own = toml::Table::try_from(section).with_context(|| format!("cannot show the section `{}`", T::NAME))?;
    table.extend(own);
    Ok(())
}

/// A key within a section.
fn join(section: &str, key: &str) -> String {
    match (section, key) {
        ("", key) => key.to_owned(),
        (section, "") => section.to_owned(),
        (section, key) => format!("{section}.{key}"),
    }
}

/// Every key with its default value, nested ones joined by dots. A list is one key.
fn keys(value: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), value.clone())];
    while let Some((path, value)) = open.pop() {
        if let ValueKind::Table(table) = &value.kind {
            for (key, inner) in table {
                open.push((join(&path, key), inner.clone()));
            }
        } else {
            found.insert(path, value);
        }
    }
    found
}

/// The known key that was probably meant.
fn suggestion(key: &str, known: &BTreeMap<String, Value>) -> String {
    let near = known.keys().map(|other| (strsim::damerau_levenshtein(key, other), other)).min();
    near.filter(|(distance, _)| *distance <= 3)
        .map(|(_, other)| format!("; did you mean `{other}`?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
