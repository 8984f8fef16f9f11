//! The audit log counted, as a file, and as it is written.

use crate::house::{House, NOW, house, http_settings};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use doorward_domain::audit::{AuditAction, AuditRecord, AuditResource};
use doorward_domain::roles::System;
use doorward_ports::StoreError;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use uuid::Uuid;

const DELETE: Method = Method::DELETE;

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    /// Writes so many records about a group of this name, a second apart, all in the past.
    async fn records(&self, many: u128, target: &str) {
        let target = target.to_owned();
        let written: Result<(), StoreError> = self
            .store
            .write(move |repos| {
                (0..many).try_for_each(|n| {
                    let record = AuditRecord {
                        id: Uuid::from_u128(1000 + n).into(),
                        time: NOW - time::Duration::seconds(i64::try_from(many - n).unwrap()),
                        user_id: None,
                        organization_id: None,
                        ip: "192.0.2.1".to_owned(),
                        user_agent: "a \"quoted\", agent".to_owned(),
                        resource_type: AuditResource::Group,
                        resource_id: Uuid::from_u128(n).to_string(),
                        resource_target: target.clone(),
                        action: AuditAction::Write,
                        diff: json!({ "name": { "old": "a", "new": n.to_string(), "secret": false } }),
                        status_code: 200,
                        additional_fields: json!({}),
                        request_id: None,
                    };
                    repos.audit().insert(&System::because("a test").permit(), &record)
                })
            })
            .await;
        written.unwrap();
    }

    async fn lines(&self, query: &str, token: &str) -> Vec<String> {
        let answer = self.get(&format!("/audit/export?{query}"), token).await.expect(200);
        answer.body.lines().map(str::to_owned).collect()
    }
}

#[actix_web::test]
async fn facets_count_what_the_list_would_show() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    house.records(3, "devs").await;
    house.get("/audit/facets", &bob).await.expect(403);
    let all = house.get("/audit", &owner).await.expect(200).json();
    let facets = house.get("/audit/facets", &owner).await.expect(200).json();
    assert_eq!(facets["count"], all["count"]);
    let entries = all["audit_logs"].as_array().unwrap();
    for (facet, field) in [("actions", "action"), ("resource_types", "resource_type")] {
        let counted = facets[facet].as_array().unwrap();
        let mut before = u64::MAX;
        for one in counted {
            let count = one["count"].as_u64().unwrap();
            assert_eq!(count, entries.iter().filter(|entry| entry[field] == one["value"]).count() as u64, "{one}");
            assert!(count <= before, "the most frequent first: {counted:?}");
            before = count;
        }
        assert_eq!(counted.iter().map(|one| one["count"].as_u64().unwrap()).sum::<u64>(), all["count"]);
    }
    let nobody = facets["users"].as_array().unwrap().iter().find(|one| one["user_id"].is_null()).unwrap();
    assert_eq!((&nobody["username"], nobody["count"].as_u64() >= Some(3)), (&json!(""), true));
    let narrowed = house.get("/audit/facets?q=group%20resource_target:DEVS", &owner).await.expect(200).json();
    let expected = json!({
        "count": 3, "actions": [{ "value": "write", "count": 3 }], "resource_types": [{ "value": "group", "count": 3 }],
        "users": [{ "user_id": null, "username": "", "count": 3 }],
    });
    assert_eq!(narrowed, expected);
    let none = house.get("/audit/facets?q=username:nobody", &owner).await.expect(200).json();
    assert_eq!(none, json!({ "count": 0, "actions": [], "resource_types": [], "users": [] }));
    house.get("/audit/facets?q=action:creation", &owner).await.expect(400);
    house.get("/audit/facets?limit=1", &owner).await.expect(400);
}

#[actix_web::test]
async fn an_export_has_every_record_however_many_pages_they_are() {
    let house = house().await;
    let owner = house.owner().await;
    house.records(1200, "devs").await;
    let lines = house.lines("q=group", &owner).await;
    assert_eq!(lines.len(), 1200);
    for (place, line) in lines.iter().enumerate() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["resource_id"], Uuid::from_u128(1199 - place as u128).to_string(), "newest first");
    }
    let first: Value = serde_json::from_str(&lines[0]).unwrap();
    let listed = house.get("/audit?q=group&limit=1", &owner).await.expect(200).json();
    assert_eq!(first, listed["audit_logs"][0], "a line is what the list shows");
    // All filters of the list; and no page of exactly the last size is taken for the end.
    assert_eq!(house.lines("q=group%20date_to:2026-02-28", &owner).await, [""; 0]);
    let one = format!("q=resource_id:{}", Uuid::from_u128(7));
    assert_eq!(house.lines(&one, &owner).await.len(), 1);
}

#[actix_web::test]
async fn an_export_is_a_table_that_spreadsheets_take_for_text() {
    let house = house().await;
    let owner = house.owner().await;
    house.records(1, "=HYPERLINK(\"x\")").await;
    let answer = house.get("/audit/export?format=csv&q=group", &owner).await.expect(200);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"audit-2026-03-01.csv\"");
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut rows = answer.body.split("\r\n");
    let columns = rows.next().unwrap();
    assert!(
        columns.starts_with("time,id,action,status_code,resource_type,") && columns.ends_with(",additional_fields")
    );
    let row = rows.next().unwrap();
    let expected = format!(
        "2026-03-01T11:59:59Z,{},write,200,group,{},\"'=HYPERLINK(\"\"x\"\")\",,,,,192.0.2.1,\"a \"\"quoted\"\", agent\",,\
         {{user}} updated group {{target}},\"{{\"\"name\"\":",
        Uuid::from_u128(1000),
        Uuid::nil()
    );
    assert!(row.starts_with(&expected), "{row}\n{expected}");
    assert_eq!(rows.collect::<Vec<_>>(), [""]);
}

#[actix_web::test]
async fn an_export_is_for_those_who_may_read_the_log() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    for path in ["/audit/export", "/audit/tail"] {
        house.get(path, &bob).await.expect(403);
        house.get(path, "").await.expect(401);
        for query in ["q=action:creation", "x=1", "q=a&q=b"] {
            house.get(&format!("{path}?{query}"), &owner).await.expect(400);
        }
    }
    for format in ["xml", "CSV", "csv,jsonl"] {
        house.get(&format!("/audit/export?format={format}"), &owner).await.expect(400);
    }
}

/// Server-sent events, as they come.
struct Events(BufReader<TcpStream>);

impl Events {
    async fn open(address: SocketAddr, query: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("GET /api/v2/audit/tail{query} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut events = Self(BufReader::new(stream));
        assert_eq!(events.line().await.as_deref(), Some("HTTP/1.1 200 OK"));
        events
    }

    /// The next line of the answer, pieces and their lengths alike; `None` at its end.
    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(Duration::from_secs(30), self.0.read_line(&mut line)).await.unwrap().unwrap();
        (read > 0).then(|| line.trim_end().to_owned())
    }

    async fn line_with(&mut self, mark: &str) -> String {
        loop {
            let line = self.line().await.unwrap_or_else(|| panic!("it has ended without {mark}"));
            if let Some(rest) = line.strip_prefix(mark) {
                return rest.to_owned();
            }
        }
    }

    /// The record of the next event.
    async fn record(&mut self) -> Value {
        serde_json::from_str(&self.line_with("data: ").await).unwrap()
    }

    /// The next record of what was done in this way.
    async fn record_of(&mut self, action: &str) -> Value {
        loop {
            let record = self.record().await;
            if record["action"] == action {
                return record;
            }
        }
    }

    /// Reads to the end.
    async fn ended(&mut self) {
        while self.line().await.is_some_and(|line| line != "0") {}
    }
}

#[actix_web::test]
async fn what_is_written_is_told_as_it_comes_and_ends_with_the_server() {
    let house = house().await;
    let owner = house.owner().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut settings = http_settings((0, 0));
    settings.server.workers = 1;
    let servers = doorward_http::run(listener, None, settings, house.context.clone()).unwrap();
    let handle = servers.site.handle();
    actix_web::rt::spawn(servers.site);

    let session = format!("Coder-Session-Token: {owner}\r\n");
    let mut events = Events::open(address, "?q=user", &session).await;
    assert_eq!(events.line_with("content-type: ").await, "text/event-stream");
    events.line_with(": watching").await;
    house.member(&owner, "bob").await;
    let first = events.record_of("create").await;
    assert_eq!(first["resource_target"], "bob");
    house.clock.advance(time::Duration::SECOND);
    house.api(DELETE, "/users/bob", &owner, Value::Null).await.expect(200);
    let second = events.record_of("delete").await;
    assert_eq!(second["resource_target"], "bob");

    // Whoever comes back is told what was missed.
    let back = format!("{session}Last-Event-ID: {}\r\n", first["id"].as_str().unwrap());
    let mut again = Events::open(address, "?q=user", &back).await;
    assert_eq!(again.record_of("delete").await["id"], second["id"]);
    // What is not known any more leaves a gap.
    let lost = format!("{session}Last-Event-ID: {}\r\n", Uuid::nil());
    let mut lost = Events::open(address, "?q=user", &lost).await;
    lost.line_with("event: gap").await;

    servers.closing.begin();
    events.ended().await;
    again.ended().await;
    lost.ended().await;
    handle.stop(true).await;
}
