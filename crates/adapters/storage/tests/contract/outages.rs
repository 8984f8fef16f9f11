//! What is wrong with a database is known for what it is, whatever the language in which it says so.

use crate::support::*;
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use doorward_ports::{Outage, StoreError};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Has every new user fail as this says.
fn fail_users(db: &Fixture, raise: &str) {
    db.execute(&format!(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {raise}; RETURN new; END $$; \
         CREATE TRIGGER fail BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION fail()"
    ));
}

async fn insert(db: &Fixture, name: &'static str) -> Result<(), StoreError> {
    db.store.write(move |repos| repos.users().insert(&permit(), &user(name))).await
}

async fn prove_writable(db: &Fixture) -> Result<(), StoreError> {
    db.store.at_once(|once| once.prove_writable(&permit(), NOW)).await
}

/// The row that is written in order to see whether anything can be fits into the page that it is in, also on a full disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_a_write_found_full_is_full_for_who_asks_whether_anything_can_be_written() {
    let postgres = Fixture::postgres();
    fail_users(
        &postgres,
        "RAISE EXCEPTION 'konnte Datei \u{bb}base/16384/16400\u{ab} nicht erweitern: Auf dem Ger\u{e4}t ist kein Speicherplatz' \
         USING ERRCODE = '53100', HINT = 'Pr\u{fc}fen Sie den freien Festplattenplatz.'",
    );
    let sqlite = Fixture::sqlite();
    sqlite.execute(
        "CREATE TRIGGER fail BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
    );
    for db in [postgres, sqlite] {
        prove_writable(&db).await.unwrap();
        for _ in 0..2 {
            assert_eq!(insert(&db, "ann").await.unwrap_err().outage(), Some(Outage::Full));
            // Found by others, and not found out anew: that it was asked is no news.
            assert_eq!(prove_writable(&db).await.unwrap_err().outage(), Some(Outage::Full));
        }
        db.read(|repos| repos.maintenance().ping()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_in_another_language_is_tried_again() {
    let db = Fixture::postgres();
    db.execute("CREATE SEQUENCE tries");
    fail_users(
        &db,
        "IF nextval('tries') < 3 THEN RAISE EXCEPTION 'Verklemmung entdeckt' USING ERRCODE = '40P01', DETAIL = \
         E'Prozess 1 wartet auf ShareLock-Sperre auf Transaktion 7; blockiert von Prozess 2.\\n\
         Prozess 2 wartet auf ShareLock-Sperre auf Transaktion 8; blockiert von Prozess 1.'; END IF",
    );
    insert(&db, "ann").await.unwrap();
    assert_eq!(db.rows("users"), 1);
}

/// On a machine on which PostgreSQL has no other language there is nothing to be learned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_gone_is_missed_in_another_language() {
    let db = Fixture::postgres();
    let Some(url) = restricted(&db) else { return };
    let role = role(&db);
    let mut admin = PgConnection::establish(&db.url).unwrap();
    if admin.batch_execute(&format!("ALTER ROLE {role} SET lc_messages = 'de_DE.UTF-8'")).is_err() {
        return;
    }
    let closed = doorward_storage::Options { auto_migrate: false, ..options() };
    let foreign = doorward_storage::open(&url, &closed).unwrap();
    let exists: Result<bool, StoreError> = foreign.store.read(|repos| repos.users().any_exists()).await;
    assert!(!exists.unwrap());
    db.execute("ALTER TABLE users RENAME TO others");
    let exists: Result<bool, StoreError> = foreign.store.read(|repos| repos.users().any_exists()).await;
    let error = exists.unwrap_err();
    assert_eq!(error.outage(), Some(Outage::MissingTables), "{error}");
    let refused: Result<(), StoreError> =
        foreign.store.write(|repos| repos.users().insert(&permit(), &user("ann"))).await;
    assert_eq!(refused.unwrap_err().outage(), Some(Outage::MissingTables));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_in_english_for_another_reason_than_the_crowd_does_not_wait() {
    let db = Fixture::postgres();
    let Some(url) = restricted(&db) else { return };
    let closed = doorward_storage::Options { auto_migrate: false, ..options() };
    let opened = doorward_storage::open(&url, &closed).unwrap();
    let (started, starts) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let store = opened.store.clone();
    let busy = tokio::spawn(async move {
        let call = store.read(move |repos| {
            started.send(()).unwrap();
            released.recv().unwrap();
            repos.maintenance().ping()
        });
        call.await as Result<(), StoreError>
    });
    tokio::task::spawn_blocking(move || starts.recv().unwrap()).await.unwrap();
    db.execute(&format!("ALTER ROLE {} NOLOGIN", role(&db)));
    let began = Instant::now();
    let refused: Result<(), StoreError> = opened.store.read(|repos| repos.maintenance().ping()).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.outage(), Some(Outage::Unreachable), "{refused}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    release.send(()).unwrap();
    busy.await.unwrap().unwrap();
}

/// The name of a role for this database alone.
fn role(db: &Fixture) -> String {
    db.url.rsplit('/').next().unwrap().to_owned()
}

/// The URL for a role that is no superuser; `None` on a server of one's own, with another name for its superuser.
fn restricted(db: &Fixture) -> Option<String> {
    let role = role(db);
    db.execute(&format!("CREATE ROLE {role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"));
    let url = db.url.replacen("://postgres@", &format!("://{role}@"), 1);
    (url != db.url).then_some(url)
}
