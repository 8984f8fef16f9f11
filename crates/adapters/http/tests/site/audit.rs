//! The audit log over HTTP (`enterprise-platform.md` 9.1).

use crate::house::{House, NOW, house};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::test::TestRequest;
use doorward_domain::ids::OrganizationId;
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::roles::{DefaultRoles, System};
use doorward_ports::StoreError;
use serde_json::{Value, json};
use time::Duration;
use url::form_urlencoded::byte_serialize;
use uuid::Uuid;

const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;
const NIL: &str = "00000000-0000-0000-0000-000000000000";

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    async fn search(&self, token: &str, q: &str) -> Value {
        let q: String = byte_serialize(q.as_bytes()).collect();
        self.get(&format!("/audit?q={q}"), token).await.expect(200).json()
    }

    async fn count(&self, token: &str, q: &str) -> u64 {
        let page = self.search(token, q).await;
        assert_eq!(page["count"], page["audit_logs"].as_array().unwrap().len(), "{q}");
        page["count"].as_u64().unwrap()
    }

    /// Fields that a query is refused for.
    async fn refused(&self, token: &str, q: &str) -> Vec<String> {
        let q: String = byte_serialize(q.as_bytes()).collect();
        let refused = self.get(&format!("/audit?q={q}"), token).await.expect(400).json();
        let fields = refused["validations"].as_array().unwrap().iter();
        fields.map(|defect| defect["field"].as_str().unwrap().to_owned()).collect()
    }

    /// Makes an organization of which this user is an auditor.
    async fn organization_of(&self, auditor: &Value) -> Organization {
        let organization = Organization {
            id: OrganizationId(Uuid::from_u128(77)),
            name: "acme".parse().unwrap(),
            display_name: "Acme".parse().unwrap(),
            description: String::new(),
            icon: "/acme.svg".to_owned(),
            created_at: NOW,
            updated_at: NOW,
            is_default: false,
            default_roles: DefaultRoles::default(),
        };
        let membership = Membership {
            organization_id: organization.id,
            user_id: auditor.as_str().unwrap().parse().unwrap(),
            roles: ["organization-auditor"].into_iter().collect(),
            created_at: NOW,
            updated_at: NOW,
        };
        let made = organization.clone();
        let written: Result<(), StoreError> = self
            .store
            .write(move |repos| {
                let because = System::because("a test");
                repos.organizations().insert(&because.permit(), &made)?;
                repos.organizations().insert_member(&because.permit(), &membership)
            })
            .await;
        written.unwrap();
        organization
    }

    async fn generate(&self, owner: &str, body: Value) {
        self.api(POST, "/audit/testgenerate", owner, body).await.expect(204);
    }
}

#[actix_web::test]
async fn an_entry_tells_all() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let found = house.search(&owner, "user action:create resource_target:BOB").await;
    assert_eq!(found["count"], 1);
    let entry = &found["audit_logs"][0];
    let me = house.get("/users/me", &owner).await.json();
    let bob = house.get("/users/bob", &owner).await.json();
    assert_eq!(entry["diff"]["username"], json!({ "old": "", "new": "bob", "secret": false }));
    assert_eq!(entry["diff"]["hashed_password"], json!({ "old": "", "new": "", "secret": true }));
    assert_eq!(entry["description"], "{user} created user {target}");
    assert_eq!(entry["resource_link"], "/users?filter=bob");
    assert_eq!(entry["resource_id"], bob["id"]);
    assert_eq!((&entry["status_code"], &entry["is_deleted"]), (&json!(201), &json!(false)));
    assert_eq!((&entry["organization_id"], entry.get("organization")), (&json!(NIL), None));
    assert_eq!((&entry["resource_icon"], &entry["additional_fields"]), (&json!(""), &json!({})));
    assert_eq!((&entry["user"]["username"], &entry["user"]["organization_ids"]), (&json!("ann"), &json!([])));
    assert_eq!(entry["user"]["roles"], me["roles"]);

    house.clock.advance(Duration::SECOND);
    house.api(DELETE, "/users/bob", &owner, Value::Null).await.expect(200);
    let gone = house.search(&owner, &format!("resource_id:{} user", bob["id"].as_str().unwrap())).await;
    let gone = gone["audit_logs"].as_array().unwrap().clone();
    assert_eq!(gone[0]["action"], "delete");
    assert!(gone.iter().all(|entry| entry["is_deleted"] == true && entry["resource_link"] == ""), "{gone:?}");

    let app = json!({ "name": "tool", "callback_url": "https://tool.example/cb" });
    let app = house.api(POST, "/oauth2-provider/apps", &owner, app).await.expect(201).json();
    let id = app["id"].as_str().unwrap();
    house.api(POST, &format!("/oauth2-provider/apps/{id}/secrets"), &owner, Value::Null).await.expect(201);
    let secret = house.search(&owner, "oauth2_provider_app_secret").await["audit_logs"][0].clone();
    assert_eq!((&secret["diff"], &secret["resource_target"]), (&json!({}), &json!("tool")));
    assert_eq!(secret["resource_link"], format!("/deployment/oauth2-provider/apps/{id}"));
    let made = house.search(&owner, "oauth2_provider_app").await["audit_logs"][0].clone();
    let uri = "https://tool.example/cb";
    assert_eq!(made["diff"]["callback_url"], json!({ "old": "", "new": uri, "secret": false }));
    house.api(DELETE, &format!("/oauth2-provider/apps/{id}"), &owner, Value::Null).await.expect(204);
    for kind in ["oauth2_provider_app", "oauth2_provider_app_secret"] {
        let entry = house.search(&owner, kind).await["audit_logs"][0].clone();
        assert_eq!((&entry["is_deleted"], &entry["resource_link"]), (&json!(true), &json!("")), "{kind}");
    }
}

#[actix_web::test]
async fn an_entry_belongs_to_its_request() {
    let house = house().await;
    let owner = house.owner().await;
    let look = json!({ "theme_preference": "dark", "terminal_font": "fira-code" });
    let answer = house.api(PUT, "/users/me/appearance", &owner, look).await.expect(200);
    let request = answer.header("X-Coder-Request-Id").to_owned();
    let found = house.search(&owner, &format!("request_id:{request}")).await;
    assert_eq!((&found["count"], &found["audit_logs"][0]["request_id"]), (&json!(1), &json!(request)));
}

#[actix_web::test]
async fn who_sees_what() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let auditor = house.member(&owner, "carol").await;
    house.api(PUT, "/users/carol/roles", &owner, json!({ "roles": ["auditor"] })).await.expect(200);
    let default = house.get("/users/me/organizations", &owner).await.json()[0]["id"].clone();
    let other = default.as_str().unwrap();
    house.generate(&owner, json!({ "organization_id": other, "resource_type": "template" })).await;

    house.get("/audit", "").await.expect(401);
    let refused = house.get("/audit", &bob).await.expect(403).json();
    assert_eq!(refused["message"], "Forbidden.");
    assert!(house.count(&auditor, "").await > 5);
    let bob_id = house.get("/users/me", &bob).await.json()["id"].clone();
    let acme = house.organization_of(&bob_id).await;
    house.generate(&owner, json!({ "organization_id": acme.id, "resource_type": "group" })).await;
    let seen = house.search(&bob, "").await;
    assert_eq!((&seen["count"], &seen["audit_logs"][0]["resource_type"]), (&json!(1), &json!("group")));
    let minimal = json!({ "id": acme.id, "name": "acme", "display_name": "Acme", "icon": "/acme.svg" });
    assert_eq!(seen["audit_logs"][0]["organization"], minimal);
    assert_eq!(seen["audit_logs"][0]["organization_id"], minimal["id"]);
    assert_eq!(house.count(&bob, "organization:ACME username:ann").await, 1);
    assert_eq!(house.count(&bob, &format!("organization:{other}")).await, 0);
    assert_eq!(house.count(&auditor, &format!("organization:{other}")).await, 1);

    for (token, status) in [(&bob, 403), (&auditor, 403), (&owner, 204)] {
        house.api(POST, "/audit/testgenerate", token, json!({})).await.expect(status);
    }
}

#[actix_web::test]
async fn every_key_of_a_query_narrows() {
    let house = house().await;
    let owner = house.owner().await;
    let (thing, request) = ("22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333");
    let organization = house.get("/users/me/organizations", &owner).await.json()[0]["id"].clone();
    let entry = json!({
        "action": "stop", "resource_type": "workspace_build", "resource_id": thing, "request_id": request,
        "organization_id": organization, "time": "2026-02-28T23:59:59.999999Z",
        "additional_fields": { "build_reason": "autostop", "workspace_owner": "ann", "workspace_name": "w", "build_number": "3" },
    });
    house.generate(&owner, entry).await;
    let all = house.count(&owner, "").await;
    assert!(all > 2);
    for (q, expected) in [
        (&*format!("resource_id:{thing}"), 1),
        (&*format!("request_id:{request}"), 1),
        ("resource_target:ANN action:stop", 1),
        ("resource_target:nobody", 0),
        ("username:me", all),
        ("username:ANN email:Ann@Example.com", all),
        ("username:nobody", 0),
        ("email:ann@example.co", 0),
        ("username:me email:nobody@example.com", 0),
        ("date_from:2026-02-28 date_to:2026-02-28", 1),
        ("date_to:2026-02-27", 0),
        ("date_from:2026-03-03", 0),
        ("organization:coder", 1),
        ("organization:Default", 1),
        (&*format!("organization:{}", organization.as_str().unwrap()), 1),
        ("workspace_build", 1),
        ("resource_type:workspace_build action:start", 0),
        ("action:stop", 1),
        ("build_reason:autostop", 1),
        ("build_reason:autostart", 0),
        ("  workspace_build   action:stop \"\" ", 1),
    ] {
        assert_eq!(house.count(&owner, q).await, expected, "{q}");
    }
    let entry = house.search(&owner, "action:stop").await["audit_logs"][0].clone();
    // There is no such build, so there is nowhere to go.
    assert_eq!((&entry["is_deleted"], &entry["resource_link"]), (&json!(true), &json!("")));
    assert_eq!(entry["time"], "2026-02-28T23:59:59.999999Z");
}

#[actix_web::test]
async fn what_a_deleted_user_did_is_found() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let id = house.get("/users/me", &bob).await.expect(200).json()["id"].as_str().unwrap().to_owned();
    let before = house.count(&owner, &format!("user_id:{id}")).await;
    assert!(before > 0);
    house.api(DELETE, "/users/bob", &owner, Value::Null).await.expect(200);
    for q in [format!("user_id:{id}"), "username:BOB".to_owned(), "email:bob@example.com".to_owned()] {
        assert_eq!(house.count(&owner, &q).await, before, "{q}");
    }
    assert_eq!(house.count(&owner, &format!("user_id:{id} username:ann")).await, 0);
    // Whoever has the name now is meant by it.
    house.member(&owner, "bob").await;
    let theirs = house.count(&owner, "username:bob").await;
    assert_eq!(house.count(&owner, &format!("user_id:{id}")).await, before);
    assert_eq!(house.count(&owner, &format!("user_id:{id} username:bob")).await, 0, "{theirs}");
}

#[actix_web::test]
async fn a_user_agent_of_other_bytes_than_ascii_is_kept() {
    let house = house().await;
    let owner = house.owner().await;
    let agent = HeaderValue::from_bytes(&["Türöffner/1 \u{1F511} ".as_bytes(), &[0xFF]].concat()).unwrap();
    let request = TestRequest::post()
        .uri("/api/v2/users/me/keys/tokens")
        .insert_header(("Coder-Session-Token", owner.as_str()))
        .insert_header((header::USER_AGENT, agent))
        .set_payload("{}");
    house.send(request).await.expect(201);
    let seen = house.search(&owner, "action:create api_key").await;
    assert_eq!(seen["audit_logs"][0]["user_agent"], "Türöffner/1 \u{1F511} \u{FFFD}");
}

#[actix_web::test]
async fn every_defect_of_a_query_is_named() {
    let house = house().await;
    let owner = house.owner().await;
    for (q, fields) in [
        ("nope:1", &["nope"][..]),
        ("action:create action:create", &["action"]),
        (":a b: a:b:c", &["q", "q", "q"]),
        ("action:made resource_type:thing build_reason:none", &["action", "resource_type", "build_reason"]),
        ("date_from:2026-02-30 date_to:today", &["date_from", "date_to"]),
        ("resource_id:1 request_id:2", &["resource_id", "request_id"]),
        ("user template", &["resource_type"]),
        ("organization:nowhere", &["organization"]),
    ] {
        assert_eq!(house.refused(&owner, q).await, fields, "{q}");
    }
    assert_eq!(house.refused(&owner, &":x ".repeat(10_000)).await, ["q"], "more than is read");
    house.get("/audit?q=user%00", &owner).await.expect(400);
    for page in ["limit=-1", "limit=x", "offset=2147483648", "offset=-1", "after_id=1", "limit=1&limit=1"] {
        let refused = house.get(&format!("/audit?{page}"), &owner).await.expect(400).json();
        assert_eq!(refused["message"], "Query parameters have invalid values.", "{page}");
        assert_eq!(refused["validations"][0]["field"], page.split('=').next().unwrap());
    }
    for (body, field) in [
        (json!({ "action": "made" }), "action"),
        (json!({ "resource_type": "thing" }), "resource_type"),
        (json!({ "time": "yesterday" }), "time"),
    ] {
        let refused = house.api(POST, "/audit/testgenerate", &owner, body).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], field);
    }
    house.api(POST, "/audit/testgenerate", &owner, json!({ "additional_fields": [1] })).await.expect(400);
}

#[actix_web::test]
async fn pages() {
    let house = house().await;
    let owner = house.owner().await;
    for n in 0..105 {
        let time = (NOW + Duration::seconds(n)).format(&time::format_description::well_known::Rfc3339).unwrap();
        house.generate(&owner, json!({ "resource_type": "license", "time": time })).await;
    }
    for (page, rows, first) in [
        ("", 100, "2026-03-01T12:01:44Z"),
        ("&limit=0", 100, "2026-03-01T12:01:44Z"),
        ("&limit=2&offset=1", 2, "2026-03-01T12:01:43Z"),
        ("&limit=3&offset=104", 1, "2026-03-01T12:00:00Z"),
        ("&limit=2147483647&offset=2147483647", 0, ""),
        ("&limit=2147483647", 105, "2026-03-01T12:01:44Z"),
    ] {
        let found = house.get(&format!("/audit?q=license{page}"), &owner).await.expect(200).json();
        let entries = found["audit_logs"].as_array().unwrap();
        assert_eq!((entries.len(), &found["count"]), (rows, &json!(105)), "{page}");
        assert_eq!(entries.first().map_or("", |entry| entry["time"].as_str().unwrap()), first, "{page}");
    }
    // From the last one to the next, while others are written: each is seen once.
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let found = house.get(&format!("/audit?q=license&limit=50{after}"), &owner).await.expect(200).json();
        let page = found["audit_logs"].as_array().unwrap().clone();
        let Some(last) = page.last() else { break };
        after = format!("&after_id={}", last["id"].as_str().unwrap());
        seen.extend(page.iter().map(|entry| entry["time"].as_str().unwrap().to_owned()));
        house.generate(&owner, json!({ "resource_type": "license", "time": "2026-03-02T00:00:00Z" })).await;
    }
    assert_eq!(seen.len(), 105);
    assert!(seen.is_sorted_by(|newer, older| newer > older));
    let unknown = "/audit?after_id=00000000-0000-0000-0000-000000000001";
    assert_eq!(house.get(unknown, &owner).await.expect(200).json(), json!({ "audit_logs": [], "count": 0 }));
}

#[actix_web::test]
async fn failed_sign_ins_are_there() {
    let house = house().await;
    let owner = house.owner().await;
    for email in ["ann@example.com", "nobody@example.com"] {
        let body = json!({ "email": email, "password": "WrongPassword!" });
        house.api(POST, "/users/login", "", body).await.expect(401);
    }
    let failed = house.search(&owner, "api_key action:login").await;
    let failed: Vec<&Value> =
        failed["audit_logs"].as_array().unwrap().iter().filter(|entry| entry["status_code"] == 401).collect();
    let words = "{user} unsuccessfully attempted to login";
    assert!(failed.iter().all(|entry| entry["description"] == words && entry["diff"] == json!({})), "{failed:?}");
    let mut people: Vec<&str> = failed.iter().map(|entry| entry["user"]["username"].as_str().unwrap_or("-")).collect();
    people.sort_unstable();
    assert_eq!(people, ["-", "ann"]);
    house.api(POST, "/users/logout", &owner, Value::Null).await.expect(200);
}
