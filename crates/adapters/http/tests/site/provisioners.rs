//! Provisioner daemons and their keys.

use crate::house::{Answer, House, house, house_with};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::Secret;
use serde_json::{Value, json};
use time::Duration;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const DELETE: Method = Method::DELETE;
const KEYS: &str = "/organizations/default/provisionerkeys";
const PSK: &str = "0123456789abcdef";

fn asks_to_serve(query: &str, headers: &[(&str, &str)]) -> TestRequest {
    let path = format!("/api/v2/organizations/default/provisionerdaemons/serve?{query}");
    let request = TestRequest::with_uri(&path).peer_addr("127.0.0.1:1".parse().unwrap());
    headers.iter().fold(request, |request, header| request.insert_header(*header))
}

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    /// Asks to serve, by a plain request, which is told what it lacks and leaves no daemon.
    async fn serve(&self, query: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(asks_to_serve(query, headers)).await
    }

    /// Comes in by a WebSocket, which ends at once.
    async fn come(&self, query: &str, headers: &[(&str, &str)]) {
        let handshake = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let (status, ..) = self.bytes(asks_to_serve(query, &[headers, &handshake].concat())).await;
        assert_eq!(status, 101);
    }

    async fn new_key(&self, owner: &str, name: &str) -> String {
        let made = self.api(POST, KEYS, owner, json!({ "name": name, "tags": { "gpu": "yes" } })).await.expect(201);
        assert_eq!(made.header("cache-control"), "no-store");
        made.json()["key"].as_str().unwrap().to_owned()
    }
}

#[actix_web::test]
async fn keys_are_made_listed_and_deleted() {
    let house = house().await;
    let owner = house.owner().await;
    assert_eq!(house.get(KEYS, &owner).await.expect(200).json(), json!([]));
    let key = house.new_key(&owner, "Rack 1").await;
    assert_eq!(key.len(), 43);
    let listed = house.get(KEYS, &owner).await.expect(200);
    assert!(!listed.body.contains(&key), "only a digest is kept");
    let shown = listed.json()[0].clone();
    assert_eq!(
        (&shown["name"], &shown["tags"], &shown["created_at"]),
        (&json!("rack 1"), &json!({ "gpu": "yes" }), &json!("2026-03-01T12:00:00Z"))
    );
    assert!(shown["organization"].is_string() && shown.get("organization_id").is_none());

    let taken = house.api(POST, KEYS, &owner, json!({ "name": "RACK 1" })).await.expect(409).json();
    assert!(taken["message"].as_str().unwrap().ends_with("already exists in organization"));
    for (name, word) in [
        ("", "required"),
        (&*"x".repeat(65), "at most 64 characters"),
        ("PSK", "reserved name"),
        ("daemons", "reserved name"),
    ] {
        let refused = house.api(POST, KEYS, &owner, json!({ "name": name })).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], "name", "{name}");
        assert!(refused["validations"][0]["detail"].as_str().unwrap().contains(word), "{refused}");
    }
    let refused = house.api(POST, KEYS, &owner, json!({ "name": "a", "tags": { "a": "\0" } })).await.expect(400).json();
    assert!(refused.to_string().contains("NUL"), "{refused}");
    house.clock.advance(Duration::SECOND);
    house.api(POST, KEYS, &owner, json!({ "name": "none", "tags": null })).await.expect(201);
    house.clock.advance(Duration::SECOND);

    let reserved = house.api(DELETE, &format!("{KEYS}/built-in"), &owner, Value::Null).await.expect(400).json();
    assert!(reserved["message"].as_str().unwrap().contains("reserved"));
    house.api(DELETE, &format!("{KEYS}/nothing"), &owner, Value::Null).await.expect(404);
    house.api(DELETE, &format!("{KEYS}/RACK%201"), &owner, Value::Null).await.expect(204);
    let left = house.get(KEYS, &owner).await.expect(200).json();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["tags"]), (1, &json!({})));
    let log = house.get("/audit?q=resource_type:provisioner_key", &owner).await.expect(200).json();
    let actions: Vec<&str> =
        log["audit_logs"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["delete", "create", "create"]);
    assert!(!log.to_string().contains(&key));
}

#[actix_web::test]
async fn whoever_has_a_key_sees_it() {
    const KEY: &str = "Coder-Provisioner-Daemon-Key";
    let house = house().await;
    let owner = house.owner().await;
    let key = house.new_key(&owner, "rack").await;
    let find = async |headers: &[(&str, &str)]| {
        let request =
            TestRequest::with_uri("/api/v2/provisionerkeys/whatever").peer_addr("127.0.0.1:1".parse().unwrap());
        house.send(headers.iter().fold(request, |request, header| request.insert_header(*header))).await
    };
    let shown = find(&[(KEY, &key), ("Coder-Session-Token", "")]).await.expect(200);
    assert_eq!(shown.json()["name"], "rack");
    let missing = find(&[]).await.expect(401).json();
    assert!(missing["message"].as_str().unwrap().contains("key required"));
    find(&[(KEY, &key), ("Coder-Provisioner-Daemon-PSK", "x")]).await.expect(400);
    for (other, status) in [("short", 400), (&*"x".repeat(43), 401)] {
        let refused = find(&[(KEY, other)]).await.expect(status).json();
        assert_eq!(refused["message"], "provisioner daemon key invalid");
    }
}

#[actix_web::test]
async fn daemons_come_in_are_listed_and_become_offline() {
    let house = house_with(|settings| settings.provisioners.psk = Secret::from(PSK)).await;
    let owner = house.owner().await;
    let key = house.new_key(&owner, "rack").await;
    let by_key = [("Coder-Provisioner-Daemon-Key", key.as_str()), ("X-Coder-Build-Version", "v2.24.2")];
    let query = "provisioner=terraform&provisioner=echo&version=1.7&version=1.8&name=host";
    let refused = house.serve(query, &by_key).await.expect(400);
    assert_eq!(refused.json()["message"], "A provisioner daemon connects by a WebSocket.");
    let listed = house.get("/organizations/default/provisionerdaemons", &owner).await.expect(200);
    assert_eq!(listed.json(), json!([]), "it is not remembered");
    house.come(query, &by_key).await;
    house.clock.advance(Duration::seconds(80));
    house.come("provisioner=echo&name=other", &[("Coder-Provisioner-Daemon-PSK", PSK)]).await;

    let list =
        async |query: &str| house.get(&format!("/organizations/default/provisionerdaemons{query}"), &owner).await;
    let names = async |query: &str| {
        let found = list(query).await.expect(200).json();
        found
            .as_array()
            .unwrap()
            .iter()
            .map(|daemon| daemon["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let all = list("").await.expect(200).json();
    let host = &all[1];
    assert_eq!(all[0]["name"], "other");
    assert_eq!(host["provisioners"], json!(["terraform", "echo"]));
    assert_eq!(host["tags"], json!({ "gpu": "yes", "owner": "", "scope": "organization" }));
    assert_eq!(
        (&host["api_version"], &host["version"], &host["key_name"], &host["status"]),
        (&json!("1.7"), &json!("v2.24.2"), &json!("rack"), &json!("idle"))
    );
    assert!(
        host["current_job"].is_null()
            && host["previous_job"].is_null()
            && host.as_object().unwrap().contains_key("current_job")
    );

    house.clock.advance(Duration::seconds(11));
    assert_eq!(names("").await, "other host");
    assert_eq!(names("?limit=1").await, "other");
    assert_eq!(names("?status=offline").await, "host");
    assert_eq!(names("?status=idle,busy").await, "other");
    assert_eq!(names("?offline=false").await, "other");
    assert_eq!(names("?offline=true&max_age=1h0m0s").await, "other host");
    assert_eq!(names("?max_age=30s").await, "other");
    assert_eq!(names("?tags=%7B%22gpu%22:%22yes%22%7D").await, "host");
    assert_eq!(names(&format!("?ids={}", host["id"].as_str().unwrap())).await, "host");
    for bad in
        ["?limit=-1", "?status=asleep", "?max_age=long", "?tags=%5B%5D", "?ids=x", "?offline=maybe", "?unknown=1"]
    {
        let refused = list(bad).await.expect(400).json();
        assert!(bad[1..].starts_with(refused["validations"][0]["field"].as_str().unwrap()), "{refused}");
    }

    let by_keys = house.get(&format!("{KEYS}/daemons"), &owner).await.expect(200).json();
    let shown: Vec<_> = by_keys
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["key"]["name"].as_str().unwrap(), entry["daemons"].as_array().unwrap().len()))
        .collect();
    assert_eq!(shown, [("built-in", 0), ("user-auth", 0), ("psk", 1), ("rack", 1)]);
    assert!(by_keys[3]["daemons"][0]["status"].is_null());
    house.clock.advance(Duration::minutes(3));
    let by_keys = house.get(&format!("{KEYS}/daemons"), &owner).await.expect(200).json();
    assert_eq!(by_keys[3]["daemons"], json!([]));

    house.api(POST, "/organizations", &owner, json!({ "name": "acme" })).await.expect(201);
    let elsewhere = house.get("/organizations/acme/provisionerkeys/daemons", &owner).await.expect(200).json();
    assert_eq!(
        (&elsewhere[0]["key"]["name"], &elsewhere[0]["key"]["created_at"]),
        (&json!("user-auth"), &json!("0001-01-01T00:00:00Z"))
    );
}

#[actix_web::test]
async fn who_may_not_serve_is_told_in_the_form_of_the_api() {
    let house = house_with(|settings| settings.provisioners.psk = Secret::from(PSK)).await;
    let owner = house.owner().await;
    let (psk, session) = (("Coder-Provisioner-Daemon-PSK", PSK), ("Coder-Session-Token", owner.as_str()));
    let usual = "provisioner=echo&name=host";
    for (status, query, headers) in [
        (401, usual, vec![]),
        (401, usual, vec![("Coder-Session-Token", "no session")]),
        (400, usual, vec![psk, session]),
        (400, "name=host", vec![psk]),
        (400, "provisioner=echo&tag=x", vec![psk]),
        (400, "provisioner=echo&version=1.19", vec![psk]),
        (403, usual, vec![psk, ("Origin", "https://elsewhere.example")]),
        (403, usual, vec![psk, ("Sec-Fetch-Site", "cross-site")]),
    ] {
        let refused = house.serve(query, &headers).await.expect(status);
        assert!(refused.body.len() <= 1024 && refused.json()["message"].is_string(), "{query} {headers:?}");
    }
    let all = house.get("/organizations/default/provisionerdaemons", &owner).await.expect(200).json();
    assert_eq!(all, json!([]));
    let refused = house.serve("provisioner=echo&version=2.0", &[psk]).await.expect(400).json();
    assert_eq!(refused["validations"][0]["detail"], "server is at version 1.18, behind requested major version 2");
}

#[actix_web::test]
async fn no_more_daemons_connect_than_may() {
    let house = house_with(|settings| {
        settings.provisioners.psk = Secret::from(PSK);
        settings.provisioners.connections_max = 0;
    })
    .await;
    let refused = house.serve("provisioner=echo", &[("Coder-Provisioner-Daemon-PSK", PSK)]).await.expect(503);
    assert_eq!(refused.header("retry-after"), "2");
    let version = house.api(GET, "/buildinfo", "", Value::Null).await.expect(200).json();
    assert_eq!(version["provisioner_api_version"], "1.18");
}
