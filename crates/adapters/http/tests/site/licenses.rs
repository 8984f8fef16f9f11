//! Licences: added, listed, removed, refused.

use crate::house::{Answer, House, NOW, house_with};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use doorward_domain::entitlements::FeatureSet;
use doorward_domain::licenses::LicenseDraft;
use doorward_services::Settings;
use doorward_testkit::licenses::{Signer, draft};
use serde_json::{Value, json};
use time::Duration;

const POST: Method = Method::POST;
const DELETE: Method = Method::DELETE;

/// Has licences matter, and those believed that the first signer signs.
pub(crate) fn enforced(settings: &mut Settings) {
    settings.licensing = serde_json::from_value(signer().settings("enforced")).unwrap();
}

pub(crate) fn signer() -> Signer {
    Signer::new(1)
}

/// A licence that gives these features.
pub(crate) fn giving(features: &[&str]) -> LicenseDraft {
    LicenseDraft { features: features.iter().map(|name| ((*name).to_owned(), 1)).collect(), ..draft(NOW) }
}

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    pub(crate) async fn add_license(&self, owner: &str, draft: &LicenseDraft) -> Answer {
        self.post_license(owner, signer().sign(draft).expose()).await
    }

    async fn post_license(&self, owner: &str, text: &str) -> Answer {
        self.api(POST, "/licenses", owner, json!({ "license": text })).await
    }
}

#[actix_web::test]
async fn a_licence_is_added_listed_and_removed_and_its_text_is_never_shown() {
    let house = house_with(enforced).await;
    let owner = house.owner().await;
    assert_eq!(house.get("/licenses", &owner).await.expect(200).body, "[]\n");
    let draft = LicenseDraft { feature_set: FeatureSet::Premium, account_id: "<a&b>".to_owned(), ..draft(NOW) };
    let text = signer().sign(&draft).expose().to_owned();
    let added = house.post_license(&owner, &text).await.expect(201);
    assert!(!added.body.contains(&text) && !added.body.contains('<'), "{}", added.body);
    let license = added.json();
    assert_eq!(
        (&license["id"], &license["uuid"], &license["uploaded_at"]),
        (&json!(1), &json!(draft.id), &json!("2026-03-01T12:00:00Z"))
    );
    let claims = &license["claims"];
    assert_eq!((&claims["version"], &claims["account_id"]), (&json!(3), &json!("<a&b>")));
    assert_eq!(claims["license_expires"], json!(draft.paid_until.unix_timestamp()));
    let listed = house.get("/licenses", &owner).await.expect(200);
    assert_eq!(listed.json(), json!([license]));

    let again = house.post_license(&owner, &text).await.expect(409).json();
    assert!(again["message"].as_str().unwrap().contains("added already"), "{again}");
    let second = LicenseDraft { id: uuid::Uuid::from_u128(2), ..draft };
    assert_eq!(house.add_license(&owner, &second).await.expect(201).json()["id"], 2);

    let removed = house.api(DELETE, "/licenses/1", &owner, Value::Null).await.expect(200);
    assert_eq!(removed.body, "");
    house.api(DELETE, "/licenses/1", &owner, Value::Null).await.expect(404);
    assert_eq!(house.get("/licenses", &owner).await.json().as_array().unwrap().len(), 1);

    let log = house.get("/audit?q=resource_type:license&limit=10", &owner).await.expect(200);
    assert!(!log.body.contains("eyJ"), "nothing of the text is recorded");
    let log = log.json();
    let mut told: Vec<_> = log["audit_logs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["action"].clone(), e["resource_target"].clone()))
        .collect();
    told.sort_by_key(|(action, target)| (action.to_string(), target.to_string()));
    // The first one too, which was added when no licence gave a log.
    let all = [("create", "1"), ("create", "2"), ("delete", "1")];
    assert_eq!(told, all.map(|(action, target)| (json!(action), json!(target))));
}

#[actix_web::test]
async fn what_is_no_licence_of_ours_is_refused_and_nothing_is_written() {
    let house = house_with(enforced).await;
    let owner = house.owner().await;
    let good = signer().sign(&giving(&["scim"])).expose().to_owned();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let of = |change: fn(LicenseDraft) -> LicenseDraft| signer().sign(&change(giving(&["scim"]))).expose().to_owned();
    let none = "eyJhbGciOiJub25lIiwia2lkIjoidGVzdHMifQ";
    for text in [
        Signer::new(2).sign(&giving(&["scim"])).expose().to_owned(),
        format!("{none}.{}", good.split_once('.').unwrap().1),
        format!("{head}."),
        head.to_owned(),
        format!("{head}.{}", signature.chars().rev().collect::<String>()),
        format!("{good}.{good}"),
        of(|draft| LicenseDraft { ends_at: draft.issued_at - Duration::SECOND, ..draft }),
        of(|draft| LicenseDraft { issued_at: draft.issued_at + Duration::HOUR, ..draft }),
        "x".repeat(500_000),
        "[[[[".to_owned(),
    ] {
        let refused = house.post_license(&owner, &text).await.expect(400).json();
        assert_eq!(
            (&refused["message"], &refused["detail"]),
            (&json!("Invalid license"), &json!("license has multiple issues; contact support")),
        );
    }
    let elsewhere = LicenseDraft { deployment_ids: vec!["elsewhere".to_owned()], ..giving(&["scim"]) };
    let refused = house.add_license(&owner, &elsewhere).await.expect(400).json();
    assert_eq!(refused["message"], "License cannot be used on this deployment!");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("elsewhere") && detail.contains(&house.context.licensing.deployment().to_string()));
    for body in [json!({}), json!({ "license": "" }), json!({ "license": null })] {
        let refused = house.api(POST, "/licenses", &owner, body).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], "license");
    }
    house.api(POST, "/licenses", &owner, json!({ "license": 5 })).await.expect(400);
    house.api(POST, "/licenses", &owner, json!({ "license": "a\0b" })).await.expect(400);
    assert_eq!(house.get("/licenses", &owner).await.expect(200).body, "[]\n");
    // For this deployment, and before its term.
    let here = LicenseDraft {
        deployment_ids: vec![house.context.licensing.deployment().to_string()],
        starts_at: NOW + Duration::DAY,
        ..giving(&["scim"])
    };
    house.add_license(&owner, &here).await.expect(201);
}

#[actix_web::test]
async fn licences_are_for_owners() {
    let house = house_with(enforced).await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    house.add_license(&owner, &giving(&["scim"])).await.expect(201);
    assert_eq!(house.get("/licenses", &bob).await.expect(200).body, "[]\n");
    // Before the body is looked at, and of an id that is none before anything else.
    let broken = actix_web::test::TestRequest::post()
        .uri("/api/v2/licenses")
        .peer_addr("127.0.0.1:1".parse().unwrap())
        .insert_header(("Coder-Session-Token", bob.as_str()))
        .set_payload("{");
    assert_eq!(house.send(broken).await.expect(403).json()["message"], "Forbidden.");
    house.api(DELETE, "/licenses/1", &bob, Value::Null).await.expect(403);
    for id in ["x", "1.5", "4294967297", "refresh"] {
        house.api(DELETE, &format!("/licenses/{id}"), &bob, Value::Null).await.expect(404);
    }
    house.api(POST, "/licenses/refresh-entitlements", &bob, Value::Null).await.expect(403);
    for (method, path) in [(Method::GET, "/licenses"), (POST, "/licenses"), (DELETE, "/licenses/1")] {
        house.api(method, path, "", json!({})).await.expect(401);
    }
}

#[actix_web::test]
async fn licences_are_read_anew_once_a_minute() {
    let house = house_with(enforced).await;
    let owner = house.owner().await;
    let refresh = async || house.api(POST, "/licenses/refresh-entitlements", &owner, Value::Null).await;
    house.clock.advance(Duration::milliseconds(20_500));
    let soon = refresh().await.expect(400);
    assert_eq!(soon.header("retry-after"), "40");
    assert!(soon.json()["message"].as_str().unwrap().contains("40 seconds"));
    house.clock.advance(Duration::seconds(40));
    refresh().await.expect(200);
    assert_eq!(refresh().await.expect(400).header("retry-after"), "60");
    assert_eq!(house.get("/entitlements", "").await.json()["refreshed_at"], "2026-03-01T12:01:00.5Z");
}
