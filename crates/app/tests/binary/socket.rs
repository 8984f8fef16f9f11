//! What comes out of a socket when what goes in is no proper HTTP.

use crate::client::{Api, builder, on_both};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// All that the server answers to these bytes, until it closes or says nothing more.
fn say(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // The server may have closed meanwhile.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn garbage_on_the_socket_is_no_error_in_the_log() {
    let server = builder().start().unwrap();
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"SSH-2.0-x\r\n\r\n",
    ] {
        say(server.address(), garbage);
    }
    assert_eq!(Api::new(server.url(), "").get("/healthz").status, 200);
    let log = server.log();
    assert!(!log.contains("ERROR"), "{log}");
}

/// Another protocol, or a tunnel, is offered nowhere. What would follow it is no body, and nobody waits for it.
#[test]
fn who_asks_for_another_protocol_is_answered_in_this_one_at_once() {
    let server = builder().start().unwrap();
    let api = Api::set_up(server.url());
    let session = format!("Host: x\r\nCoder-Session-Token: {}\r\n", api.session);
    for upgrade in [
        "Connection: upgrade\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    ] {
        let answer = status_line(server.address(), &format!("GET /api/v2/users/me HTTP/1.1\r\n{session}{upgrade}\r\n"));
        assert_eq!(answer, "HTTP/1.1 200 OK", "{upgrade}");
        let made = format!("POST /api/v2/users/me/keys HTTP/1.1\r\n{session}{upgrade}\r\n");
        assert_eq!(status_line(server.address(), &made), "HTTP/1.1 201 Created", "{upgrade}");
    }
    // A body that is announced is read, and nothing after it is waited for.
    for (length, body) in [(0, ""), (2, "{}")] {
        let framed = format!("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: {length}\r\n");
        let made = format!("POST /api/v2/users/me/keys HTTP/1.1\r\n{session}{framed}\r\n{body}");
        assert_eq!(status_line(server.address(), &made), "HTTP/1.1 201 Created", "{length}");
    }
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10";
    let asked = format!("POST /oauth2/tokens HTTP/1.1\r\nHost: x\r\n{form}\r\nConnection: upgrade\r\n\r\ngrant_type");
    assert_eq!(status_line(server.address(), &asked), "HTTP/1.1 400 Bad Request");
    let tunnel = status_line(server.address(), "CONNECT other.example:443 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(tunnel.starts_with("HTTP/1.1 4"), "{tunnel}");
}

/// How the answer to these bytes begins; it must come long before a body would be waited for in vain.
fn status_line(address: &str, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..length]).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_broken_chunk_is_a_bad_request_with_a_body() {
    let server = builder().start().unwrap();
    let head =
        "POST /api/v2/users/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    for body in ["zz\r\n{}\r\n0\r\n\r\n", "2\r\n{}XX", "2\r\n{}\r\nq\r\n\r\n"] {
        let answer = say(server.address(), format!("{head}{body}").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400"), "{body:?}: {answer}");
        assert!(answer.contains("Request body"), "{body:?}: {answer}");
    }
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

/// The library that reads requests gives the connection up with the moment at which it reads a bad chunk, so the answer must
/// be there by then, whatever is waited for.
#[test]
fn a_broken_chunk_that_comes_with_its_head_is_answered_while_the_caller_is_looked_up() {
    on_both(
        |builder| builder.setting("cache.subjects", "0").setting("scim.key", "the-key-of-a-directory-in-this-test"),
        |site| {
            let address = site.api.url.strip_prefix("http://").unwrap();
            for (method, path, kind) in [
                ("POST", "/api/v2/organizations/default/groups", "application/json"),
                ("GET", "/api/v2/users/me", "application/json"),
                ("DELETE", "/api/v2/users/me/keys/none", "application/json"),
                ("POST", "/api/v2/files", "application/x-tar"),
                ("POST", "/api/v2/files", "application/zip"),
                ("POST", "/oauth2/authorize", "application/x-www-form-urlencoded"),
                ("POST", "/oauth2/tokens", "application/x-www-form-urlencoded"),
                ("POST", "/logout", "application/x-www-form-urlencoded"),
            ] {
                for (header, body) in [
                    ("", "zz\r\nabc\r\n0\r\n\r\n"),
                    ("", "3\r\nabcXX0\r\n\r\n"),
                    ("", "fffffffffffffffff1\r\nabc"),
                    ("X-Coder-Bypass-Ratelimit: true\r\n", "3\r\nabc\r\nzz\r\n"),
                ] {
                    let request = format!(
                        "{method} {path} HTTP/1.1\r\nHost: x\r\nCoder-Session-Token: {}\r\nContent-Type: {kind}\r\n\
                         {header}Transfer-Encoding: chunked\r\n\r\n{body}",
                        site.api.session
                    );
                    let answer = say(address, request.as_bytes());
                    assert!(answer.starts_with("HTTP/1.1 400"), "{method} {path} {kind} {body:?}: {answer:?}");
                    assert!(answer.split("\r\n\r\n").nth(1).is_some_and(|body| !body.is_empty()), "{path}: {answer:?}");
                }
            }
        },
    );
}

/// Who sends it is not known yet, so the address answers for it.
#[test]
fn a_broken_chunk_is_counted_though_nobody_has_looked_up_who_sends_it() {
    let server = builder().setting("cache.subjects", "0").setting("rate_limit.api", "2").start().unwrap();
    let api = Api::set_up(server.url());
    for status in ["400", "400", "429"] {
        let request = format!(
            "GET /api/v2/users/me HTTP/1.1\r\nHost: x\r\nCoder-Session-Token: {}\r\n\
             X-Coder-Bypass-Ratelimit: true\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            api.session
        );
        let answer = say(server.address(), request.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {answer:?}");
    }
}

#[test]
fn half_a_request_is_done_nowhere_and_told_so() {
    half_a_request_is_told_so("10000");
}

/// Who asks is looked up in the database then, while what is wrong with the body is known already.
#[test]
fn half_a_request_is_told_so_also_by_who_remembers_nobody() {
    half_a_request_is_told_so("0");
}

fn half_a_request_is_told_so(remembered: &str) {
    let server = builder()
        .setting("scim.key", "the-key-of-a-directory-in-this-test")
        .setting("cache.subjects", remembered)
        .start()
        .unwrap();
    let api = Api::set_up(server.url());
    let organization = api.get("/api/v2/users/me/organizations").json()[0]["id"].as_str().unwrap().to_owned();
    let bob = json!({
        "email": "bob@example.com", "username": "bob", "password": crate::client::PASSWORD,
        "organization_ids": [organization],
    });
    assert_eq!(api.post("/api/v2/users", &bob).status, 201);
    let member = format!("/api/v2/organizations/{organization}/members/bob");
    let removed = api.delete(&member);
    assert_eq!(removed.status, 204, "{}", removed.text);
    let is_member = || api.get(&member).status == 200;
    assert!(!is_member());
    // Where no body is wanted, where there is no such place, and where people go.
    for (method, path) in [
        ("POST", member.as_str()),
        ("PUT", "/api/v2/users/bob/status/suspend"),
        ("DELETE", "/api/v2/users/bob"),
        ("GET", "/api/v2/users/me"),
        ("POST", "/api/v2/files"),
        ("POST", "/api/v2/nothing"),
        ("POST", "/oauth2/nothing"),
        ("POST", "/scim/v2/nothing"),
        ("POST", "/logout"),
    ] {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nCoder-Session-Token: {}\r\nContent-Type: application/x-tar\r\n",
            api.session
        );
        for rest in [
            "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX",
            "Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n2\r\n{}\r\nq\r\n\r\n",
        ] {
            let answer = say(server.address(), format!("{head}{rest}").as_bytes());
            // Of what is read piece by piece, an encoding that is not understood may be told before what is wrong with a later piece.
            let is_encoded = path.ends_with("/files") && rest.contains("gzip") && answer.starts_with("HTTP/1.1 415");
            assert!(is_encoded || answer.starts_with("HTTP/1.1 400"), "{method} {path} {rest:?}: {answer:?}");
            assert!(answer.split("\r\n\r\n").nth(1).is_some_and(|body| !body.is_empty()), "{path}: {answer:?}");
        }
    }
    assert!(!is_member());
    assert_eq!(api.get("/api/v2/users/bob").json()["status"], "dormant");
    let whole = format!(
        "POST {member} HTTP/1.1\r\nHost: x\r\nCoder-Session-Token: {}\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n",
        api.session
    );
    assert!(say(server.address(), whole.as_bytes()).starts_with("HTTP/1.1 200"));
    assert!(is_member(), "a whole one is done");
}
