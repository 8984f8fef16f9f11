//! Starting, stopping, and a database that goes away.

use crate::client::{Api, Site, builder, on_both};
use doorward_testkit::postgres::{self, Cluster, Options};
use doorward_testkit::process::Server;
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn what_was_answered_is_there_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let server = builder().data_dir(folder.path()).start().unwrap();
    server.wait_for_log("/setup", Duration::from_secs(5)).unwrap();
    let api = Api::set_up(server.url());
    let client = api.register(&json!({}));
    let pair = api.grant(&client);
    server.kill().unwrap();
    let server = builder().data_dir(folder.path()).start().unwrap();
    assert!(!server.log().contains("/setup"));
    let api = api.at(server.url());
    assert!(api.is_live(&pair.access));
    assert_eq!(api.refresh(&client, &pair.refresh).status, 200);
    assert!(server.stop().unwrap().success());
}

/// Through a connection that holds the file open one could write on, and nobody would ever find it again.
#[test]
fn nothing_is_written_to_a_database_file_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let server = builder().data_dir(folder.path()).start().unwrap();
    let api = Api::set_up(server.url());
    let rename = |name: &str| api.put("/api/v2/users/me/profile", &json!({ "username": "own", "name": name })).status;
    assert_eq!(rename("One"), 200);
    let (file, elsewhere) = (folder.path().join("doorward.db"), folder.path().join("elsewhere"));
    std::fs::rename(&file, &elsewhere).unwrap();
    assert_eq!(rename("Two"), 503);
    // The answer is remembered for a moment.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !(api.get("/readyz").status == 503 && server.log().contains("removed or replaced")) {
        assert!(Instant::now() < deadline, "it stays ready, or does not say why: {}", server.log());
        thread::sleep(Duration::from_millis(100));
    }
    std::fs::copy(&elsewhere, &file).unwrap();
    assert_eq!(rename("Three"), 503, "a copy is another file");
    std::fs::rename(&elsewhere, &file).unwrap();
    assert_eq!(rename("Four"), 200);
}

#[test]
fn the_database_goes_away_and_comes_back() {
    let mut cluster = Cluster::private(&Options { durable: true, ..Options::default() }).unwrap();
    let database = cluster.fresh_database().unwrap();
    let server = builder().database(&database.url()).setting("database.connect_timeout", "1s").start().unwrap();
    let api = Api::set_up(server.url());
    assert_eq!(api.get("/readyz").status, 200);
    cluster.crash().unwrap();
    assert_eq!(api.get("/healthz").status, 200, "the process lives");
    // The answer is remembered for a moment.
    let deadline = Instant::now() + Duration::from_secs(20);
    while api.get("/readyz").status != 503 {
        assert!(Instant::now() < deadline, "it stays ready: {}", server.log());
        thread::sleep(Duration::from_millis(100));
    }
    let away = api.get("/api/v2/users/me");
    assert_eq!(away.status, 503, "{}", away.text);
    assert!(!away.text.contains("socket"), "causes are for the log: {}", away.text);
    cluster.restart().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while api.get("/api/v2/users/me").status != 200 {
        assert!(Instant::now() < deadline, "it does not recover: {}", server.log());
        thread::sleep(Duration::from_millis(100));
    }
    std::mem::forget(database);
}

#[test]
fn a_database_that_is_emptied_under_a_server_is_told_by_name() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let server = builder().database(&database.url()).setting("cache.subjects", "0").start().unwrap();
    let api = Api::set_up(server.url());
    assert_eq!(api.get("/api/v2/users/me").status, 200);
    database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public").unwrap();
    let refused = api.get("/api/v2/users/me");
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.text.contains("The database lacks its tables"), "{}", refused.text);
    // The answer is remembered for a moment.
    let deadline = Instant::now() + Duration::from_secs(20);
    while api.get("/readyz").text != "the database lacks its tables" {
        assert!(Instant::now() < deadline, "{}", api.get("/readyz").text);
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(api.get("/readyz").status, 503);
    assert!(server.log().contains("missing_tables"), "{}", server.log());
    assert!(api.metric("doorward_unavailable_total{reason=\"missing_tables\"}") >= 1.0);
}

#[test]
fn expired_rows_are_cleaned_while_serving() {
    let fast = |b: doorward_testkit::process::Builder| {
        b.setting("cleanup.interval", "1s")
            .setting("oauth2.access_token_lifetime", "1s")
            .setting("oauth2.refresh_token_lifetime", "5s")
    };
    on_both(fast, |site: &Site| {
        let client = site.api.register(&json!({}));
        let pair = site.api.grant(&client);
        let deadline = Instant::now() + Duration::from_secs(30);
        while site.api.metric("doorward_oauth2_grants") < 1.0 {
            assert!(Instant::now() < deadline, "the grant is not counted");
            thread::sleep(Duration::from_millis(100));
        }
        while site.api.metric("doorward_oauth2_grants") > 0.0 {
            assert!(Instant::now() < deadline, "the grant is not cleaned");
            thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(site.api.refresh(&client, &pair.refresh).status, 400);
    });
}

#[test]
fn metrics_have_an_address_of_their_own_and_nothing_is_counted_for_them() {
    let site = Site::on_sqlite(|b| b);
    assert_eq!(site.api.get("/metrics").status, 404);
    let reads = || site.api.metric("doorward_store_reads_total");
    let is_free = || {
        let before = reads();
        reads() <= before
    };
    // The server does something of its own now and then.
    assert!((0..3).any(|_| is_free()), "a look asks the database");
    let text = site.api.metrics();
    assert_eq!(text.lines().filter(|line| line.starts_with("# HELP") && line.contains("grants")).count(), 1, "{text}");
    assert!(text.contains("doorward_fetches_total{outcome=\"forbidden_address\"} 0\n"), "{text}");
    assert!(text.contains("# TYPE doorward_fetch_seconds_total counter"), "{text}");
    let server = Server::builder(crate::DOORWARD).start().unwrap();
    assert_eq!(doorward_testkit::process::metrics_of(server.url()), None, "off unless it is asked for");
}

#[test]
fn a_second_server_on_the_same_folder_refuses_to_start_and_commands_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = builder().data_dir(folder.path()).start().unwrap();
    let refused = format!("{:#}", builder().data_dir(folder.path()).start().unwrap_err());
    assert!(refused.contains("another server uses the database file"), "{refused}");
    let listed = std::process::Command::new(crate::DOORWARD)
        .args(["app", "list"])
        .env("DOORWARD__DATA_DIR", folder.path())
        .output()
        .unwrap();
    assert!(listed.status.success(), "{listed:?}");
    first.kill().unwrap();
    assert!(builder().data_dir(folder.path()).start().unwrap().stop().unwrap().success());
}

#[test]
fn the_log_says_at_debug_why_something_is_written_that_nobody_was_asked_about() {
    let server = builder().setting("log.filter", "info,doorward_storage=debug").start().unwrap();
    let line = server.wait_for_log("a job is new", Duration::from_secs(20)).unwrap();
    assert!(line.contains("writes for the server itself") && line.contains("system:create"), "{line}");
    let quiet = builder().start().unwrap();
    Api::set_up(quiet.url());
    assert!(!quiet.log().contains("for the server itself"), "{}", quiet.log());
}
