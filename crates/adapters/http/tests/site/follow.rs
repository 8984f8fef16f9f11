//! Following a log, by a WebSocket of a real server.

use crate::house::{house, http_settings};
use crate::provisioner_jobs::{line, read_out};
use crate::templates::id;
use doorward_services::provisioner_jobs::{JobUpdate, complete_import, update};
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a server sends on a WebSocket (RFC 6455 5.2): the kind of a frame and its bytes.
struct Socket(TcpStream);

impl Socket {
    /// Asks for another protocol; the status of the answer.
    async fn open(address: SocketAddr, path: &str, headers: &str) -> (u16, Self) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /api/v2{path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        (head[9..12].parse().unwrap(), Self(stream))
    }

    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let kind = self.0.read_u8().await.unwrap() & 0x0f;
        let length = match self.0.read_u8().await.unwrap() {
            126 => u64::from(self.0.read_u16().await.unwrap()),
            127 => self.0.read_u64().await.unwrap(),
            short => u64::from(short),
        };
        let mut bytes = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut bytes).await.unwrap();
        (kind, bytes)
    }

    /// The line of the next message.
    async fn line(&mut self) -> Value {
        let (kind, bytes) = tokio::time::timeout(std::time::Duration::from_secs(20), self.frame()).await.unwrap();
        assert_eq!(kind, 1, "{bytes:?}");
        serde_json::from_slice(&bytes).unwrap()
    }

    /// The code with which the server closes.
    async fn closed(&mut self) -> u16 {
        let (kind, bytes) = tokio::time::timeout(std::time::Duration::from_secs(20), self.frame()).await.unwrap();
        assert_eq!(kind, 8, "{}", String::from_utf8_lossy(&bytes));
        u16::from_be_bytes([bytes[0], bytes[1]])
    }
}

#[actix_web::test]
async fn a_log_is_followed_to_its_end_and_goes_on_where_it_was_left() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let daemon = house.daemon("rack").await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut settings = http_settings((0, 0));
    settings.server.workers = 1;
    let servers = doorward_http::run(listener, None, settings, house.context.clone()).unwrap();
    let handle = servers.site.handle();
    actix_web::rt::spawn(servers.site);

    let version = house.new_version(&owner, None).await;
    let path = format!("/templateversions/{}/logs", id(&version));
    let session = format!("Coder-Session-Token: {owner}\r\n");
    let foreign = format!("{session}Origin: https://elsewhere.example\r\n");
    assert_eq!(Socket::open(address, &format!("{path}?follow"), &foreign).await.0, 403);
    assert_eq!(Socket::open(address, &format!("{path}?follow"), "").await.0, 401);
    let of_bob = format!("Coder-Session-Token: {bob}\r\n");
    assert_eq!(Socket::open(address, &format!("{path}?follow"), &of_bob).await.0, 404);
    let (status, mut first) = Socket::open(address, &format!("{path}?follow"), &session).await;
    assert_eq!(status, 101);
    let job = house.claim(&daemon).await.job.id;
    let say = async |text: &str| {
        update(&house.context, &daemon, job, JobUpdate { logs: vec![line(text)], ..JobUpdate::default() })
            .await
            .unwrap();
    };
    say("one").await;
    let one = first.line().await;
    assert_eq!(one["output"], "one");
    say("two").await;
    assert_eq!(first.line().await["output"], "two");
    let (_, mut second) = Socket::open(address, &format!("{path}?follow=true&after={}", one["id"]), &session).await;
    assert_eq!(second.line().await["output"], "two");
    complete_import(&house.context, &daemon, job, read_out()).await.unwrap();
    assert_eq!((first.closed().await, second.closed().await), (1000, 1000));

    // All of a log that is over, at once.
    let (_, mut late) = Socket::open(address, &format!("{path}?follow"), &session).await;
    assert_eq!(
        (late.line().await["output"].clone(), late.line().await["output"].clone()),
        (json!("one"), json!("two"))
    );
    assert_eq!(late.closed().await, 1000);

    // A server that stops says so.
    let waits = house.new_version(&owner, None).await;
    let (_, mut left) = Socket::open(address, &format!("/templateversions/{}/logs?follow", id(&waits)), &session).await;
    servers.closing.begin();
    assert_eq!(left.closed().await, 1001);
    handle.stop(false).await;
}
