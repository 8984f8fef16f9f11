//! A database that falls silent, is away at the start, or takes no changes; and a process that is told to stop meanwhile.

use crate::client::{Api, builder};
use doorward_testkit::postgres::{self, Database, Relay};
use doorward_testkit::process::{Builder, Server};
use serde_json::json;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(1);

/// A server that loses patience soon, and remembers nothing.
fn hasty(relay: &Relay) -> Builder {
    builder()
        .database(&relay.url())
        .setting("database.statement_timeout", "1s")
        .setting("database.deadline", "2s")
        .setting("database.connect_timeout", "2s")
        .setting("server.shutdown_timeout", "3s")
        .setting("cache.subjects", "0")
}

fn until(what: &str, server: &Server, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}: {}", server.log());
        thread::sleep(Duration::from_millis(50));
    }
}

/// Sends a request and waits for no answer.
fn ask(server: &Server, session: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(stream, "GET /api/v2/users/me HTTP/1.1\r\nHost: x\r\nCoder-Session-Token: {session}\r\n\r\n").unwrap();
    stream
}

#[test]
fn connections_that_fall_silent_are_replaced_without_a_restart() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let relay = Relay::to(&database.url()).unwrap();
    let server = hasty(&relay).start().unwrap();
    let api = Api::set_up(server.url());
    assert_eq!(api.get("/api/v2/users/me").status, 200);
    relay.silence();
    let silent = api.get("/api/v2/users/me");
    assert_eq!(silent.status, 503);
    assert!(silent.text.contains("The database does not answer"), "{}", silent.text);
    assert_eq!(api.get("/healthz").status, 200, "the process lives");
    until("it does not recover", &server, || api.get("/api/v2/users/me").status == 200);
    until("it does not get ready", &server, || api.get("/readyz").status == 200);
    assert!(api.metric("doorward_unavailable_total{reason=\"silent\"}") >= 1.0);
    assert!(server.stop().unwrap().success());
}

#[test]
fn what_is_remembered_of_users_is_told_of_again_after_a_silence() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let relay = Relay::to(&database.url()).unwrap();
    let server = hasty(&relay).setting("cache.subjects", "100").start().unwrap();
    let api = Api::set_up(server.url());
    until("it does not begin to remember", &server, || api.metric("doorward_subject_cache_trusted") > 0.0);
    relay.silence();
    until("it trusts a silent connection", &server, || api.metric("doorward_subject_cache_trusted") < 1.0);
    until("it does not listen again", &server, || api.metric("doorward_subject_cache_trusted") > 0.0);
}

#[test]
fn a_database_that_is_frozen_holds_no_answer_and_no_stop_up() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let relay = Relay::to(&database.url()).unwrap();
    let server = hasty(&relay).start().unwrap();
    let api = Api::set_up(server.url());
    relay.silence_all();
    for _ in 0..3 {
        assert_eq!(api.get("/api/v2/users/me").status, 503);
    }
    let ready = api.get("/readyz");
    assert_eq!(ready.status, 503);
    assert!(ready.text.starts_with("the database"), "{}", ready.text);
    assert_eq!(api.get("/healthz").status, 200);
    let _requests: Vec<TcpStream> = (0..4).map(|_| ask(&server, &api.session)).collect();
    // In time, or the wait fails; with what status depends on who was cut short.
    server.stop().unwrap();
}

#[test]
fn the_process_ends_in_its_time_though_requests_are_blocked() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let relay = Relay::to(&database.url()).unwrap();
    let server =
        hasty(&relay).setting("database.deadline", "10m").setting("server.shutdown_timeout", "1s").start().unwrap();
    let api = Api::set_up(server.url());
    relay.silence_all();
    let _request = ask(&server, &api.session);
    thread::sleep(Duration::from_millis(200));
    server.stop().unwrap();
}

#[test]
fn the_first_interrupt_lets_requests_finish_and_the_second_does_not() {
    let server = builder().start().unwrap();
    let api = Api::set_up(server.url());
    server.signal("HUP").unwrap();
    server.wait_for_log("SIGHUP", PATIENCE).unwrap();
    assert_eq!(api.get("/api/v2/users/me").status, 200, "SIGHUP ends nothing");
    server.signal("INT").unwrap();
    assert!(server.wait().unwrap().success());

    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let relay = Relay::to(&database.url()).unwrap();
    let slow = hasty(&relay).setting("database.deadline", "10m").setting("server.shutdown_timeout", "10m");
    let server = slow.start().unwrap();
    let api = Api::set_up(server.url());
    relay.silence_all();
    let _request = ask(&server, &api.session);
    thread::sleep(Duration::from_millis(200));
    server.signal("INT").unwrap();
    server.wait_for_log("requests in flight", PATIENCE).unwrap();
    server.signal("INT").unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(130));
}

#[test]
fn a_server_that_starts_before_its_database_waits_for_it() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("postgres://postgres@{address}/{}?sslmode=disable", database.name());
    let starting = thread::spawn(move || builder().database(&url).start());
    thread::sleep(Duration::from_millis(1500));
    let _relay = Relay::on(TcpListener::bind(address).unwrap(), &database.url()).unwrap();
    let server = starting.join().unwrap().unwrap();
    assert!(server.log().contains("waiting for it"), "{}", server.log());
    assert_eq!(Api::set_up(server.url()).get("/readyz").status, 200);
}

/// Has the database take no changes, or take them again, and ends the connections of before.
fn set_read_only(database: &Database, on: &str) {
    let name = database.name();
    let set = format!("BEGIN READ WRITE; ALTER DATABASE {name} SET default_transaction_read_only = {on}; COMMIT");
    database.execute(&set).unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.execute(end).unwrap();
}

#[test]
fn a_database_that_takes_no_changes_is_named_and_not_ready() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let server = builder().database(&database.url()).start().unwrap();
    let api = Api::set_up(server.url());
    let read_only = |on: &str| set_read_only(&database, on);
    let organization = api.get("/api/v2/users/me/organizations").json()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(api.get("/readyz").status, 200);
    read_only("on");
    until("it stays ready", &server, || api.get("/readyz").status == 503);
    until("the reason has no name", &server, || {
        api.get("/readyz").text == "the database takes no changes at the moment"
    });
    let refused = api.post(&format!("/api/v2/organizations/{organization}/groups"), &json!({"name": "g"}));
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.text.contains("takes no changes"), "{}", refused.text);
    assert!(api.metric("doorward_unavailable_total{reason=\"read_only\"}") >= 1.0);
    read_only("off");
    until("it does not recover", &server, || api.get("/readyz").status == 200);
}

#[test]
fn what_can_be_read_is_read_where_nothing_can_be_written_also_after_a_restart() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let start = || builder().database(&database.url()).setting("cache.subjects", "0").start().unwrap();
    let server = start();
    let api = Api::set_up(server.url());
    // A key whose first use would be written down.
    let unused = api.post("/api/v2/users/me/keys/tokens", &json!({"token_name": "ci"}));
    let unused = unused.json()["key"].as_str().unwrap().to_owned();
    let client = api.register(&json!({}));
    let pair = api.grant(&client);
    assert!(server.stop().unwrap().success());

    set_read_only(&database, "on");
    let server = start();
    let api = api.at(server.url());
    let as_machine = api.with(&unused);
    for path in ["/api/v2/users/me", "/api/v2/users", "/api/v2/groups"] {
        assert_eq!(as_machine.get(path).status, 200, "{path}: {}", as_machine.get(path).text);
    }
    assert!(api.is_live(&pair.access));
    for token in [&pair.access, &pair.refresh] {
        let secret = client.secret.clone().unwrap();
        let fields = [("token", token.as_str()), ("client_id", &*client.id), ("client_secret", &*secret)];
        let told = api.form("/oauth2/introspect", &fields);
        assert_eq!((told.status.as_u16(), &told.json()["active"]), (200, &json!(true)), "{}", told.text);
    }
    assert_eq!(api.refresh(&client, &pair.refresh).status, 503);
    assert_eq!(api.get("/readyz").text, "the database takes no changes at the moment");

    set_read_only(&database, "off");
    until("it does not recover", &server, || api.get("/readyz").status == 200);
    until("the use is not noted afterwards", &server, || {
        as_machine.get("/api/v2/users/me");
        let listed = api.get("/api/v2/users/me/keys/tokens/ci").json();
        !listed["last_used"].as_str().unwrap().starts_with("0001")
    });
}

#[test]
fn a_server_whose_migrations_cannot_run_yet_waits_until_they_can() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    set_read_only(&database, "on");
    let url = database.url();
    let starting = thread::spawn(move || builder().database(&url).start());
    thread::sleep(Duration::from_millis(1500));
    set_read_only(&database, "off");
    let server = starting.join().unwrap().unwrap();
    assert!(server.log().contains("takes no changes at the moment"), "{}", server.log());
    assert_eq!(Api::set_up(server.url()).get("/readyz").status, 200);
}
