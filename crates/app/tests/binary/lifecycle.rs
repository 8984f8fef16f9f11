//! Starting, stopping, and a database that goes away.

use crate::client::{Api, Site, builder, on_both};
use doorward_testkit::postgres::{Cluster, Options};
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

#[test]
fn the_database_goes_away_and_comes_back() {
    let mut cluster = Cluster::private(&Options { durable: true, ..Options::default() }).unwrap();
    let database = cluster.fresh_database().unwrap();
    let server = builder().database(&database.url()).setting("database.connect_timeout", "1s").start().unwrap();
    let api = Api::set_up(server.url());
    assert_eq!(api.get("/readyz").status, 200);
    cluster.crash().unwrap();
    assert_eq!(api.get("/healthz").status, 200, "the process lives");
    assert_eq!(api.get("/readyz").status, 503);
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
        while metric(site, "doorward_grants") < 1.0 {
            assert!(Instant::now() < deadline, "the grant is not counted");
            thread::sleep(Duration::from_millis(100));
        }
        while metric(site, "doorward_grants") > 0.0 {
            assert!(Instant::now() < deadline, "the grant is not cleaned");
            thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(site.api.refresh(&client, &pair.refresh).status, 400);
    });
}

/// The value of a metric without labels.
fn metric(site: &Site, name: &str) -> f64 {
    let text = site.api.get("/metrics").text;
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("no metric {name} in:\n{text}")).rsplit(' ').next().unwrap().parse().unwrap()
}
