//! Bringing the schema up to date, and back.

use crate::support::*;
use diesel::{Connection as _, PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use doorward_domain::keys::{KeyAlgorithm, KeyId, KeyPurpose};
use doorward_storage::{OpenError, Options, open, pending_migrations, run_migrations};
use doorward_testkit::postgres;

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../../migrations/sqlite");

/// Runs a test on an empty database of each kind.
fn on_empty(test: impl Fn(&str)) {
    let folder = tempfile::tempdir().unwrap();
    test(&format!("sqlite://{}", folder.path().join("a.db").display()));
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    test(&database.url());
}

#[test]
fn migrations_are_listed_and_run_once() {
    on_empty(|url| {
        let pending = pending_migrations(url, &options()).unwrap();
        assert_eq!(pending, versions());
        let closed = Options { auto_migrate: false, ..options() };
        let error = open(url, &closed).unwrap_err();
        assert!(matches!(&error, OpenError::PendingMigrations(versions) if *versions == pending), "{error:?}");
        assert_eq!(run_migrations(url, &options()).unwrap(), pending);
        assert!(run_migrations(url, &options()).unwrap().is_empty());
        assert!(pending_migrations(url, &options()).unwrap().is_empty());
        open(url, &closed).unwrap();
    });
}

#[test]
fn listing_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("a.db").display());
    assert_eq!(pending_migrations(&url, &options()).unwrap(), versions());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    drop(open(&url, &options()).unwrap());
    let files = || {
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = files();
    assert!(pending_migrations(&url, &options()).unwrap().is_empty());
    assert_eq!(files(), before);
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    assert_eq!(pending_migrations(&database.url(), &options()).unwrap(), versions());
    assert_eq!(database.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").unwrap().trim(), "0");
}

#[test]
fn of_several_servers_that_start_at_once_one_migrates() {
    on_empty(|url| {
        let ran: usize = std::thread::scope(|scope| {
            let servers: Vec<_> =
                (0..4).map(|_| scope.spawn(|| run_migrations(url, &options()).unwrap().len())).collect();
            servers.into_iter().map(|server| server.join().unwrap()).sum()
        });
        assert_eq!(ran, versions().len());
    });
}

#[test]
fn a_database_that_is_newer_than_the_program_is_not_touched() {
    on_empty(|url| {
        run_migrations(url, &options()).unwrap();
        let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')";
        execute(url, newer);
        for error in [open(url, &options()).unwrap_err(), pending_migrations(url, &options()).unwrap_err()] {
            assert!(
                matches!(&error, OpenError::NewerDatabase(versions) if versions == &["29990101000000"]),
                "{error:?}"
            );
        }
    });
}

fn execute(url: &str, sql: &str) {
    use diesel::connection::SimpleConnection as _;
    match url.strip_prefix("sqlite://") {
        Some(path) => SqliteConnection::establish(path).unwrap().batch_execute(sql).unwrap(),
        None => PgConnection::establish(url).unwrap().batch_execute(sql).unwrap(),
    }
}

#[test]
fn every_migration_can_be_undone() {
    on_empty(|url| {
        for _ in 0..2 {
            run_migrations(url, &options()).unwrap();
            match url.strip_prefix("sqlite://") {
                Some(path) => {
                    SqliteConnection::establish(path).unwrap().revert_all_migrations(SQLITE).unwrap();
                }
                None => {
                    PgConnection::establish(url).unwrap().revert_all_migrations(POSTGRES).unwrap();
                }
            }
        }
        assert_eq!(pending_migrations(url, &options()).unwrap(), versions());
    });
    let (here, there) = (names("postgres"), names("sqlite"));
    assert_eq!(here, there, "both databases have the same migrations");
}

#[test]
fn the_one_key_of_before_becomes_the_first_of_each_purpose_and_comes_back() {
    on_empty(|url| {
        run_migrations(url, &options()).unwrap();
        revert_to_before(url, "20260307000001");
        let is_sqlite = url.starts_with("sqlite");
        let (value, time) = if is_sqlite {
            ("x'00ff".to_owned() + &"07".repeat(30) + "'", "1772368496789012")
        } else {
            ("'\\x00ff".to_owned() + &"07".repeat(30) + "'", "'2026-03-01 12:34:56.789012+00'")
        };
        execute(url, &format!("INSERT INTO server_keys VALUES ('oauth2_refresh_derivation', {value}, {time})"));
        run_migrations(url, &options()).unwrap();
        let secret = [&[0, 0, 0xff], [7; 30].as_slice()].concat();
        let keys = doorward_storage::crypto_keys(url, &options()).unwrap();
        for (purpose, algorithm) in [
            (KeyPurpose::RefreshTokens, KeyAlgorithm::HmacSha256Unnamed),
            (KeyPurpose::Forms, KeyAlgorithm::HmacSha256),
        ] {
            let key = keys.iter().find(|key| key.purpose == purpose).unwrap();
            assert_eq!((key.id, key.algorithm, key.stored.expose()), (KeyId::FIRST, algorithm, &secret));
            assert_eq!((key.starts_at, key.ends_at), (NOW, None));
        }
        let old = || doorward_storage::server_key(url, &options(), "oauth2_refresh_derivation").unwrap();
        assert_eq!((keys.len(), old()), (2, None));
        revert_to_before(url, "20260307000001");
        assert_eq!(old().as_deref(), Some(&secret[1..]));
    });
}

/// Undoes this migration and all that follow it.
fn revert_to_before(url: &str, version: &str) {
    for _ in versions().iter().filter(|applied| applied.as_str() >= version) {
        match url.strip_prefix("sqlite://") {
            Some(path) => drop(SqliteConnection::establish(path).unwrap().revert_last_migration(SQLITE).unwrap()),
            None => drop(PgConnection::establish(url).unwrap().revert_last_migration(POSTGRES).unwrap()),
        }
    }
}

/// The versions of all migrations, in order: the digits of their names.
fn versions() -> Vec<String> {
    let digits = |name: String| name.split('_').next().unwrap().replace('-', "");
    names("sqlite").into_iter().map(digits).collect()
}

fn names(database: &str) -> Vec<String> {
    let folder = format!("{}/../../../migrations/{database}", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_database_that_takes_no_changes_will_do_when_none_are_to_be_made() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let read_only = |on: &str| {
        let set = format!("ALTER DATABASE {} SET default_transaction_read_only = {on}", database.name());
        database.execute(&format!("BEGIN READ WRITE; {set}; COMMIT")).unwrap();
    };
    read_only("on");
    let error = open(&database.url(), &options()).unwrap_err();
    assert!(matches!(&error, OpenError::ReadOnly(lacking) if *lacking == versions()), "{error:?}");
    assert!(error.is_passing());
    read_only("off");
    run_migrations(&database.url(), &options()).unwrap();
    read_only("on");
    open(&database.url(), &options()).unwrap();
    assert!(run_migrations(&database.url(), &options()).unwrap().is_empty());
}

#[test]
fn a_url_whose_password_is_not_escaped_is_refused_before_anybody_is_asked() {
    for url in ["postgres://ann:left@right@127.0.0.1:1/x", "postgresql://ann:1/2@127.0.0.1:1/x"] {
        let error = open(url, &options()).unwrap_err();
        assert!(matches!(error, OpenError::Unescaped), "{error:?}");
        assert!(!error.is_passing() && error.to_string().contains("%40"));
    }
    let escaped = open("postgres://ann:left%40right@127.0.0.1:1/x?user=a@b", &options()).unwrap_err();
    assert!(matches!(escaped, OpenError::Connect(_)), "{escaped:?}");
}

#[test]
fn no_two_migrations_have_one_number() {
    for database in ["sqlite", "postgres"] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../migrations/").to_owned() + database;
        let mut numbers = std::collections::BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            // One of two with the same number would never run.
            let (number, _) = name.split_once('_').unwrap();
            assert!(numbers.insert(number.to_owned()), "{database}: {name}");
        }
        assert!(numbers.len() > 20, "{database}: {}", numbers.len());
    }
}
