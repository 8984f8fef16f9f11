//! Starting and stopping a server, with a shell script in its place.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use doorward_testkit::process::{Builder, Server};

fn script(text: &str) -> Builder {
    Server::builder("/bin/sh").argument("-c").argument(text)
}

const SERVES: &str = "echo \"listen $DOORWARD__SERVER__LISTEN, life $DOORWARD__SESSION__LIFETIME\"
trap 'echo draining; exit 3' TERM
echo 'INFO listening on http://127.0.0.1:4711 (sqlite)' >&2
while :; do sleep 0.05; done";

#[test]
fn it_waits_for_the_url_and_stops_gracefully() {
    let server = script(SERVES).setting("session.lifetime", "5s").start().unwrap();
    assert_eq!(server.url(), "http://127.0.0.1:4711");
    assert_eq!(server.address(), "127.0.0.1:4711");
    server.wait_for_log("listen 127.0.0.1:0, life 5s", Duration::from_secs(5)).unwrap();
    assert_eq!(server.stop().unwrap().code(), Some(3));
}

#[test]
fn a_server_that_ends_instead_says_why() {
    let error = format!("{:#}", script("echo no such database >&2; exit 2").start().unwrap_err());
    assert!(error.contains("no such database") && error.contains("exit status: 2"), "{error}");
}

#[test]
fn a_dropped_server_is_gone() {
    let server = script(SERVES).start().unwrap();
    let process = PathBuf::from(format!("/proc/{}", server.id()));
    assert!(process.exists());
    drop(server);
    let deadline = Instant::now() + Duration::from_secs(5);
    while process.exists() {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(10));
    }
}
