//! Where settings come from, and what is said of them.

use super::*;
use std::io::Write as _;

fn load(file: Option<&str>, vars: &[(&str, &str)]) -> anyhow::Result<Settings> {
    let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let Some(text) = file else { return Settings::from_sources(None, vars) };
    let mut file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    file.write_all(text.as_bytes()).unwrap();
    Settings::from_sources(Some(file.path()), vars)
}

#[test]
fn the_defaults_are_complete_and_print_as_they_are() {
    let settings = load(None, &[]).unwrap();
    let reread: Settings = Config::builder()
        .add_source(File::from_str(&settings.to_toml(), FileFormat::Toml))
        .build()
        .unwrap()
        .try_deserialize()
        .unwrap();
    assert_eq!(format!("{settings:?}"), format!("{reread:?}"));
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = "[server]\nlisten = \"1.2.3.4:5\"\nworkers = 3\n[oauth2]\nresources = [\"https://a.example\"]";
    let settings = load(Some(file), &[("DOORWARD__SERVER__WORKERS", "4"), ("OTHER", "x")]).unwrap();
    assert_eq!((settings.server.listen.as_str(), settings.server.workers), ("1.2.3.4:5", 4));
    assert_eq!(settings.oauth2.resources, ["https://a.example"]);
    let settings = load(None, &[("DOORWARD__OAUTH2__RESOURCES", "https://a.example, https://b.example")]).unwrap();
    assert_eq!(settings.oauth2.resources.len(), 2);
}

#[test]
fn unknown_and_ill_typed_keys_are_named_with_their_place() {
    for (file, vars, words) in [
        (Some("[server]\nlisen = \"x\""), &[][..], &["server.lisen", ".toml", "server.listen"][..]),
        (None, &[("DOORWARD__SERVER__LISEN", "x")], &["server.lisen", "DOORWARD__SERVER__LISEN"]),
        (None, &[("DOORWARD__SERVER__WORKERS", "many")], &["server.workers", "DOORWARD__SERVER__WORKERS", "number"]),
        (Some("[server]\nworkers = \"many\""), &[], &["server.workers", ".toml"]),
        (Some("[session]\nlifetime = \"soon\""), &[], &["session.lifetime", "soon"]),
        (Some("[database]\nsqlite_synchronous = \"off\""), &[], &["sqlite_synchronous"]),
        (Some("not toml"), &[], &[".toml"]),
        (None, &[("DOORWARD__OAUTH2__REFRESH_TOKEN_LIFETIME", "1h")], &["oauth2.refresh_token_lifetime"]),
        (None, &[("DOORWARD__AUDIT__RETENTION", "23h")], &["audit.retention", "one day"]),
        (None, &[("DOORWARD__AUDIT__RETENTION", "0")], &["audit.retention"]),
        (None, &[("DOORWARD__AUDIT__RETENTION", "for ever")], &["audit.retention", "for ever"]),
        (None, &[("DOORWARD__OAUTH2__REFRESH_TOKEN_LIFETIME", "201years")], &["refresh_token_lifetime", "200 years"]),
        (None, &[("DOORWARD__SERVER__SHUTDOWN_TIMEOUT", "10000000000y")], &["shutdown_timeout"]),
        (None, &[("DOORWARD__SERVER__TRUSTED_PROXIES", "10.0.0.0/33")], &["server.trusted_proxies"]),
        (None, &[("DOORWARD__SERVER__ACCESS_URL", "ftp://x")], &["server.access_url", "ftp://x"]),
        (None, &[("DOORWARD__OAUTH2__RESOURCES", "https://a.example,x")], &["oauth2.resources", "`x`"]),
        (
            None,
            &[("DOORWARD__METRICS__ENABLED", "true"), ("DOORWARD__METRICS__LISTEN", "127.0.0.1:3000")],
            &["metrics.listen", "server.listen"],
        ),
        (None, &[("DOORWARD__LOG__FILTER", "(((")], &["log.filter"]),
        (None, &[("DOORWARD__BOOTSTRAP__EMAIL", "a@example.com")], &["bootstrap.username"]),
    ] {
        let message = format!("{:#}", load(file, vars).unwrap_err());
        for word in words {
            assert!(message.contains(word), "{message:?} does not name {word:?}");
        }
    }
}

#[test]
fn the_audit_log_is_kept_for_ever_or_as_long_as_is_said() {
    assert_eq!(load(None, &[]).unwrap().audit.retention, None);
    let settings = load(None, &[("DOORWARD__AUDIT__RETENTION", "90d")]).unwrap();
    assert_eq!(settings.audit.retention, Some(90 * Duration::DAY));
    assert!(
        settings.to_toml().contains("retention = \"2months29days")
            || settings.to_toml().contains("retention = \"90days")
    );
}

#[test]
fn passwords_of_urls_are_hidden() {
    let settings = load(None, &[("DOORWARD__DATABASE__URL", "postgres://ann:hunter2@db/x")]).unwrap();
    assert!(!settings.to_toml().contains("hunter2") && !format!("{settings:?}").contains("hunter2"));
    for (url, shown) in [
        ("postgres://ann:s3@db/x?sslmode=require", "postgres://ann:********@db/x?sslmode=require"),
        ("postgres://db/x?user=a&password=s3&b=c", "postgres://db/x?user=a&password=********&b=c"),
        ("postgres://db/x?p%61ssword=s3=s3", "postgres://db/x?p%61ssword=********"),
        ("postgres:///x?sslpassword=s3&host=/run", "postgres:///x?sslpassword=********&host=/run"),
        ("postgres://a:s3@db?PASSWORD=s3?s3", "postgres://a:********@db?PASSWORD=********"),
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
        assert_eq!(without_password(url), shown);
    }
}
