//! Servers on one database see each other within seconds, and that one has ended.

use crate::client::{Api, builder};
use doorward_testkit::postgres::{self, Database};
use doorward_testkit::process::Server;
use serde_json::Value;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

/// How long a server that was killed is listed, as `docs/spec/enterprise-platform.md` 7 says.
const FRESH: Duration = Duration::from_secs(15);
/// A busy machine may take so long for what is to happen at once.
const SOON: Duration = Duration::from_secs(10);

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server that others reach at `relay_url`, or else where it listens.
fn start(database: &Database, relay_url: Option<&str>) -> Server {
    let address = format!("127.0.0.1:{}", free_port());
    let reached = relay_url.map_or_else(|| format!("http://{address}"), str::to_owned);
    builder()
        .database(&database.url())
        .setting("server.listen", &address)
        .setting("replicas.relay_url", &reached)
        .start()
        .unwrap()
}

fn listed(api: &Api) -> Vec<Value> {
    let answer = api.get("/api/v2/replicas");
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json().as_array().unwrap().clone()
}

/// Waits until `api` lists so many servers, none of which has anything to complain of.
fn wait_for(api: &Api, number: usize, patience: Duration) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let all = listed(api);
        if all.len() == number && all.iter().all(|replica| replica["error"] == "") {
            return all;
        }
        assert!(began.elapsed() < patience, "{number} servers are not listed after {patience:?}: {all:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn three_servers_see_each_other_and_who_has_ended() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let first = start(&database, None);
    let here = Api::set_up(first.url());
    assert_eq!(wait_for(&here, 1, SOON)[0]["relay_address"], first.url());
    let second = start(&database, None);
    let there = here.at(second.url());
    assert_eq!(wait_for(&here, 2, SOON)[1]["relay_address"], first.url(), "who answers comes last");
    assert_eq!(wait_for(&there, 2, SOON)[1]["relay_address"], second.url());
    let third = start(&database, None);
    let one = &wait_for(&here.at(third.url()), 3, SOON)[2];
    assert!(one["database_latency"].as_i64().unwrap() > 0 && one["region_id"] == 999, "{one}");
    assert!(!one["hostname"].as_str().unwrap().is_empty());
    wait_for(&here, 3, SOON);

    // A server that is stopped says so. Those that asked it while it stopped may complain until they ask again.
    assert!(second.stop().unwrap().success());
    assert_eq!(listed(&here).len(), 2);
    wait_for(&here, 2, SOON);
    // One that is killed does not.
    third.kill().unwrap();
    assert_eq!(listed(&here).len(), 2);
    wait_for(&here, 1, FRESH + SOON);
    assert_eq!(database.execute("SELECT count(*) FROM replicas WHERE stopped_at IS NULL").unwrap().trim(), "2");
}

#[test]
fn a_server_that_others_cannot_reach_is_complained_of() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let first = start(&database, None);
    let here = Api::set_up(first.url());
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let second = start(&database, Some(&nowhere));
    let began = Instant::now();
    loop {
        let all = listed(&here);
        let own = all.last().unwrap();
        if all.len() == 2 && own["error"].as_str().unwrap().starts_with("Failed to dial peers: ") {
            assert!(own["error"].as_str().unwrap().contains(&nowhere), "{own}");
            break;
        }
        assert!(began.elapsed() < SOON, "nobody complains: {all:?}");
        thread::sleep(Duration::from_millis(50));
    }
    first.wait_for_log("cannot be reached", SOON).unwrap();
    second.stop().unwrap();
    wait_for(&here, 1, SOON);
}
