//! The URL of a database, which carries a password.

use doorward_domain::settings::HIDDEN;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::path::Path;

/// The URL of a database; printed and written without its password.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct DatabaseUrl(String);

impl DatabaseUrl {
    /// An embedded database.
    pub(crate) fn sqlite(file: &Path) -> Self {
        Self(format!("sqlite://{}", file.display()))
    }

    /// Whether none is given.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With the password: to connect, and for nothing else.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Parameters of a URL that hold no secret: those of libpq but `password`, `sslpassword`, `scram_client_key`,
/// `scram_server_key`, `oauth_client_secret`, and whatever a later version may bring.
const HARMLESS: &[&str] = &[
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_issuer",
    "oauth_scope",
    "passfile",
    "port",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "service",
    "ssl",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// A database URL that may be printed: without the password, which PostgreSQL takes in the query too.
fn without_password(url: &str) -> String {
    if url.is_empty() {
        return String::new();
    }
    // What is no URL (`host=.. password=..`) is not taken apart, for nobody knows where its password stands.
    if !["postgres:", "postgresql:", "sqlite:"].iter().any(|scheme| url.starts_with(scheme)) {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let is_word = |scheme: &&str| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return scheme.filter(is_word).map_or_else(|| HIDDEN.to_owned(), |scheme| format!("{scheme}://{HIDDEN}"));
    }
    let is_file = url.starts_with("sqlite:");
    let (before, query) = url.split_once('?').map_or((url, None), |(before, query)| (before, Some(query)));
    // The `?` may be part of a password, which then goes on to the `@`.
    if query.is_some_and(|query| query.contains('@')) && !is_file {
        return HIDDEN.to_owned();
    }
    // A password that is not escaped may hold any character, so it goes on to the last `@`, whatever stands before.
    let mut shown = match before.split_once("://") {
        _ if is_file => before.to_owned(),
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
        // A file of SQLite is a name, whatever stands in it.
        let is_harmless = is_file || decoded.is_some_and(|name| HARMLESS.contains(&name.as_str()));
        match pair.split_once('=') {
            _ if is_harmless => shown.push_str(pair),
            Some(_) => shown.extend([name, "=", HIDDEN]),
            None if pair.is_empty() => {}
            None => shown.push_str(HIDDEN),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_urls_are_hidden() {
        for (url, shown) in [
            ("postgres://ann:s3@db/x?sslmode=require", "postgres://ann:********@db/x?sslmode=require"),
            ("postgres://db/x?user=a&password=s3&port=1", "postgres://db/x?user=a&password=********&port=1"),
            ("postgres://db/x?p%61ssword=s3=s3", "postgres://db/x?p%61ssword=********"),
            ("postgres:///x?sslpassword=s3&host=/run", "postgres:///x?sslpassword=********&host=/run"),
            ("postgres://a:s3@db?PASSWORD=s3?s3", "postgres://a:********@db?PASSWORD=********"),
            ("postgres://db/x?password=a&s3", "postgres://db/x?password=********&********"),
            ("postgres://db/x?anything=s3&User=a&", "postgres://db/x?anything=********&User=a&"),
            ("postgres://h/x?scram_client_key=s3", "postgres://h/x?scram_client_key=********"),
            ("postgres://h/x?scram_server_key=s3", "postgres://h/x?scram_server_key=********"),
            ("postgres://h/x?oauth_client_secret=s3&sslsni=1", "postgres://h/x?oauth_client_secret=********&sslsni=1"),
            ("postgres://h/x?of_a_later_version=s3&sslmode", "postgres://h/x?of_a_later_version=********&sslmode"),
            ("postgres://h/x?options=-c%20a.b%3ds3&s3", "postgres://h/x?options=********&********"),
            ("postgres://a:s?3@db/x", "********"),
            ("postgres://a:s3@d b:x/", "postgres://a:********@d b:x/"),
            ("postgres://a:12@s3@db/x", "postgres://a:********@db/x"),
            ("postgres://a:12/s3@db/x", "postgres://a:********@db/x"),
            ("postgres://a:12#s3@db/x", "postgres://a:********@db/x"),
            ("postgres://a:12?s3@db/x", "********"),
            ("postgres://ann@db/x", "postgres://ann@db/x"),
            ("sqlite:///var/a?b&c=", "sqlite:///var/a?b&c="),
            ("host=db user=ann password=s3 dbname=x", "********"),
            ("host=db password='s3 postgres://' user=a", "********"),
            (" postgres://ann:s3@db/x", "********"),
            ("mysql://ann:s3@db/x", "mysql://********"),
            ("", ""),
        ] {
            let url = DatabaseUrl(url.to_owned());
            assert_eq!((url.to_string().as_str(), format!("{url:?}").as_str()), (shown, shown));
        }
    }
}
