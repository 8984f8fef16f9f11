//! What is sent, and which answers are taken.

use crate::world::{Internet, LIMIT, OK, PUBLIC, class, failure, get, hang, say, text};
use doorward_domain::Secret;
use doorward_ports::fetch::FailureClass::{
    Connection, ContentType as WrongType, Parse, Request as NoRequest, Size, Status,
};
use doorward_ports::fetch::{ContentType, Fetch as _, Request};
use tokio::io::AsyncWriteExt as _;

const URL: &str = "https://app.example.com/client.json?v=2";

#[tokio::test(start_paused = true)]
async fn a_get_says_who_asks_and_what_is_taken_and_no_more() {
    let internet = Internet::default();
    internet.site("app.example.com", OK);
    internet.answering("app.example.com", PUBLIC, 8443, OK);
    let outbound = internet.outbound();
    outbound.fetch(get(URL).expecting(ContentType::Json)).await.unwrap();
    outbound.fetch(get("https://App.example.com:8443")).await.unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let head = |line: &str, host: &str, accept: &str| {
        format!(
            "GET {line} HTTP/1.1\r\nhost: {host}\r\nuser-agent: Doorward/{version}\r\naccept: {accept}\r\n\
             accept-encoding: identity\r\nconnection: close\r\n\r\n"
        )
    };
    assert_eq!(
        internet.requests(),
        [head("/client.json?v=2", "app.example.com", "application/json"), head("/", "app.example.com:8443", "*/*")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_post_carries_its_body_and_the_headers_of_the_caller() {
    let internet = Internet::default();
    internet.site("id.example.com", OK);
    let form = Secret::new(b"grant_type=authorization_code&client_secret=s".to_vec());
    let request = Request::post("https://id.example.com/token", "application/x-www-form-urlencoded", form, LIMIT);
    let request = request.bearer(&Secret::from("t0ken")).header("dpop", Secret::from("proof"));
    assert_eq!(text(internet.outbound().fetch(request).await), "{}");
    let sent = internet.requests().remove(0);
    assert!(sent.starts_with("POST /token HTTP/1.1\r\nhost: id.example.com\r\n"), "{sent}");
    for line in [
        "content-type: application/x-www-form-urlencoded",
        "content-length: 45",
        "authorization: Bearer t0ken",
        "dpop: proof",
    ] {
        assert!(sent.contains(&format!("\r\n{line}\r\n")), "{sent} has no {line}");
    }
    assert!(sent.ends_with("\r\n\r\ngrant_type=authorization_code&client_secret=s"), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn headers_of_the_exchange_are_not_the_callers() {
    let internet = Internet::default();
    internet.site("app.example.com", OK);
    let outbound = internet.outbound();
    for (name, value) in [
        ("host", "evil.example"),
        ("cookie", "a=b"),
        ("accept-encoding", "gzip"),
        ("content-length", "5"),
        ("transfer-encoding", "chunked"),
        ("Host", "evil.example"),
        ("a b", "x"),
        ("x-key", "a\r\nHost: evil.example"),
    ] {
        let request = get(URL).header(name, Secret::from(value));
        assert_eq!(class(&outbound, request).await, NoRequest, "{name}");
    }
    assert!(internet.connected().is_empty());
}

#[tokio::test(start_paused = true)]
async fn redirects_are_failures_and_nobody_follows_them() {
    let internet = Internet::default();
    internet.site("other.example.com", OK);
    for status in [300, 301, 302, 303, 304, 307, 308] {
        let answer =
            format!("HTTP/1.1 {status} X\r\nLocation: https://other.example.com/\r\nContent-Length: 0\r\n\r\n");
        internet.site("app.example.com", &answer);
        let outbound = internet.outbound();
        assert_eq!(class(&outbound, get(URL)).await, Status, "{status}");
        assert_eq!(class(&outbound, get(URL).any_status()).await, Status, "{status}");
        let seen = outbound.fetch(get(URL).any_status().with_redirects()).await.unwrap();
        assert_eq!((seen.status, seen.header("location")), (status, Some("https://other.example.com/")));
    }
    assert!(!internet.resolved().contains(&"other.example.com".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_caller_sees_other_statuses_only_if_he_asks_for_them() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    internet.site("app.example.com", "HTTP/1.1 400 Bad\r\nX-A: b\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(failure(&outbound, get(URL)).await.detail, "it answers 400");
    let answer = outbound.fetch(get(URL).any_status()).await.unwrap();
    assert_eq!((answer.status, answer.header("x-a")), (400, Some("b")));
    assert_eq!(text(Ok(answer)), "x");

    internet.site("app.example.com", "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n");
    let conditional = get(URL).expecting(ContentType::Json).header("if-none-match", Secret::from("\"1\""));
    assert_eq!(outbound.fetch(conditional).await.unwrap().status, 304, "asked for");

    internet.site("app.example.com", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
    assert!(outbound.fetch(get(URL).any_status()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_encoded_is_refused() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    for encoding in ["gzip", "br", "identity, gzip", "x"] {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: 1\r\n\r\nx");
        internet.site("app.example.com", &answer);
        assert_eq!(class(&outbound, get(URL)).await, WrongType, "{encoding}");
    }
    let both = "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx";
    internet.site("app.example.com", both);
    assert_eq!(class(&outbound, get(URL)).await, WrongType);
    internet.site("app.example.com", "HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 1\r\n\r\nx");
    assert!(outbound.fetch(get(URL)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_type_is_looked_at_if_the_caller_asks() {
    const JWT: ContentType = ContentType::OneOf(&["application/jwt", "application/json"]);
    let internet = Internet::default();
    for (sent, json, jwt) in [
        ("application/json", true, true),
        ("Application/JSON; charset=utf-8", true, true),
        ("application/jwk-set+json", true, false),
        ("application/jwt", false, true),
        ("application/+json", false, false),
        ("text/html", false, false),
        ("text/json", false, false),
        ("application/jsonp", false, false),
        ("", false, false),
    ] {
        internet
            .site("app.example.com", &format!("HTTP/1.1 200 OK\r\nContent-Type: {sent}\r\nContent-Length: 1\r\n\r\nx"));
        for (content, taken) in [(ContentType::Json, json), (JWT, jwt), (ContentType::Any, true)] {
            let outbound = internet.outbound();
            let ended = outbound.fetch(get(URL).expecting(content)).await.map_err(|error| error.class);
            assert_eq!(ended.map(|_| ()), if taken { Ok(()) } else { Err(WrongType) }, "{sent} {content:?}");
        }
    }
    internet.site("app.example.com", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(class(&internet.outbound(), get(URL).expecting(ContentType::Json)).await, WrongType);
}

#[tokio::test(start_paused = true)]
async fn a_body_is_cut_at_the_limit_whatever_was_announced() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    let exactly = "x".repeat(LIMIT);
    internet.site("app.example.com", &format!("HTTP/1.1 200 OK\r\nContent-Length: {LIMIT}\r\n\r\n{exactly}"));
    assert_eq!(text(outbound.fetch(get(URL)).await), exactly);
    internet.site("app.example.com", &format!("HTTP/1.1 200 OK\r\n\r\n{exactly}x"));
    assert_eq!(class(&outbound, get(URL)).await, Size, "to the end of the connection");
    internet.site("app.example.com", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx");
    assert_eq!(class(&outbound, get(URL)).await, Size, "announced");

    internet.tls("app.example.com", PUBLIC, 443, |mut tls| async move {
        drop(tls.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await);
        while tls.write_all(b"10\r\nxxxxxxxxxxxxxxxx\r\n").await.is_ok() {}
    });
    assert_eq!(class(&outbound, get(URL)).await, Size, "for ever");
}

#[tokio::test(start_paused = true)]
async fn a_length_that_is_a_lie_is_not_believed() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    internet.site("app.example.com", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
    assert_eq!(class(&outbound, get(URL)).await, Connection);
    internet.site("app.example.com", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}and more that is not read");
    assert_eq!(text(outbound.fetch(get(URL)).await), "{}");
    internet.site("app.example.com", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 7\r\n\r\n{}xxxxx");
    assert_eq!(class(&outbound, get(URL)).await, Parse);
    // Whoever cuts the connection without the end that TLS has, cuts the body.
    internet.tls("app.example.com", PUBLIC, 443, |mut tls| async move {
        drop(tls.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"keys\": [").await);
        drop(tls.flush().await);
    });
    assert_eq!(class(&outbound, get(URL)).await, Connection);
}

#[tokio::test(start_paused = true)]
async fn a_head_has_16_kib() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    let with =
        |length: usize| format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 1\r\n\r\nx", "a".repeat(length));
    internet.site("app.example.com", &with(15 * 1024));
    assert!(outbound.fetch(get(URL)).await.is_ok());
    internet.site("app.example.com", &with(16 * 1024));
    assert_eq!(class(&outbound, get(URL)).await, Size);
    internet.site("app.example.com", &format!("HTTP/1.1 200 OK\r\n{}\r\nx", "X-A: b\r\n".repeat(1000)));
    assert_eq!(class(&outbound, get(URL)).await, Size);
    internet.tls("app.example.com", PUBLIC, 443, |mut tls| async move {
        drop(tls.write_all(b"HTTP/1.1 200 OK\r\nX-Long: ").await);
        while tls.write_all(&[b'a'; 1024]).await.is_ok() {}
    });
    assert_eq!(class(&outbound, get(URL)).await, Size, "without end");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_is_said_to_be_none() {
    let internet = Internet::default();
    let outbound = internet.outbound();
    for answer in ["SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 abc\r\n\r\n", "<html></html>\r\n\r\n"] {
        internet.site("app.example.com", answer);
        assert_eq!(class(&outbound, get(URL)).await, Parse, "{answer}");
    }
    internet.site("app.example.com", "");
    assert_eq!(class(&outbound, get(URL)).await, Connection, "hung up");
    internet.tls("app.example.com", PUBLIC, 443, |tls| say(tls, "HTTP/1.1 200".to_owned()));
    assert_eq!(class(&outbound, get(URL)).await, Connection, "hung up in the middle");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_whole_when_it_says_so_and_needs_no_end_of_the_connection() {
    let internet = Internet::default();
    internet.site("app.example.com", OK);
    internet.tls("app.example.com", PUBLIC, 443, |tls| hang(tls, OK));
    assert_eq!(text(internet.outbound().fetch(get(URL)).await), "{}");
}
