//! Who becomes the owner of a new server.

use crate::client::{PASSWORD, builder};
use doorward_testkit::postgres::{self, Database};
use doorward_testkit::process::{Builder, Server};
use serde_json::json;
use std::fs;
use std::thread;
use std::time::Duration;
use ureq::Agent;

/// Posts a first user from behind a proxy, and answers the status.
fn first_from_afar(server: &Server, token: &str, name: &str) -> u16 {
    let agent: Agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
    let body = json!({"email": format!("{name}@example.com"), "username": name, "password": PASSWORD});
    let request = agent.post(format!("{}/api/v2/users/first", server.url())).header("X-Forwarded-For", "192.0.2.7");
    request.header("Doorward-Setup-Token", token).send_json(&body).unwrap().status().as_u16()
}

fn sign_in(server: &Server, email: &str, password: &str) -> u16 {
    let agent: Agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
    let request = agent.post(format!("{}/api/v2/users/login", server.url()));
    request.send_json(json!({"email": email, "password": password})).unwrap().status().as_u16()
}

/// The token of the link that a server has printed.
fn printed_token(server: &Server) -> String {
    let line = server.wait_for_log("/setup?token=", Duration::from_secs(10)).unwrap();
    line.split("token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}

/// Two servers on one PostgreSQL database; on the embedded one a server may be alone.
fn replicas(change: impl Fn(Builder) -> Builder) -> (Vec<Server>, Database) {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let start = || change(builder()).database(&database.url()).start().unwrap();
    (vec![start(), start()], database)
}

#[test]
fn the_link_of_any_replica_makes_one_owner_and_strangers_make_none() {
    let alone = vec![builder().start().unwrap()];
    let (two, _database) = replicas(|builder| builder);
    for servers in [alone, two] {
        let first = &servers[0];
        for token in ["", "guess"] {
            assert_eq!(first_from_afar(first, token, "eve"), 403);
        }
        let token = printed_token(first);
        assert!(servers.iter().all(|server| printed_token(server) == token));
        let made = thread::scope(|scope| {
            let attempts: Vec<_> = (0..6)
                .map(|n| {
                    let (server, token) = (&servers[n % servers.len()], token.as_str());
                    scope.spawn(move || first_from_afar(server, token, &format!("ann{n}")))
                })
                .collect();
            attempts.into_iter().map(|attempt| attempt.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(made.iter().filter(|status| **status == 201).count(), 1, "{made:?}");
        assert!(made.iter().all(|status| [201, 409].contains(status)), "{made:?}");
        assert_eq!(first_from_afar(first, &token, "late"), 409);
    }
}

#[test]
fn the_settings_make_the_owner_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let named = |builder: Builder| {
        builder
            .setting("bootstrap.email", "ann@example.com")
            .setting("bootstrap.username", "ann")
            .setting("bootstrap.password_file", &file.display().to_string())
    };
    let data = folder.path().join("data");
    let server = named(builder()).data_dir(&data).start().unwrap();
    assert!(!server.log().contains("/setup?token="));
    assert_eq!(sign_in(&server, "ann@example.com", PASSWORD), 201);
    assert_eq!(first_from_afar(&server, "", "eve"), 409);
    assert!(server.stop().unwrap().success());
    fs::write(&file, "AnotherSecurePassword!").unwrap();
    let again = named(builder()).data_dir(&data).start().unwrap();
    assert_eq!(sign_in(&again, "ann@example.com", PASSWORD), 201, "a later start changes nothing");
    assert_eq!(sign_in(&again, "ann@example.com", "AnotherSecurePassword!"), 401);

    fs::write(&file, PASSWORD).unwrap();
    let (two, _database) = replicas(named);
    assert!(two.iter().all(|server| sign_in(server, "ann@example.com", PASSWORD) == 201));
}

#[test]
fn settings_that_make_no_owner_stop_the_start_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let weak = folder.path().join("weak");
    fs::write(&weak, "weak").unwrap();
    let weak = weak.display().to_string();
    for (email, username, file, says) in [
        ("ann@example.com", "", "", "go together"),
        ("ann@example.com", "ann", "/nonexistent", "bootstrap.password_file"),
        ("nonsense", "a_b", weak.as_str(), "password: "),
    ] {
        let set = [("bootstrap.email", email), ("bootstrap.username", username), ("bootstrap.password_file", file)];
        let builder = set.iter().fold(builder(), |builder, (name, value)| builder.setting(name, value));
        let error = format!("{:#}", builder.start().unwrap_err());
        assert!(error.contains(says), "{error}");
        assert!(!error.contains("/setup?token="), "{error}");
    }
}
