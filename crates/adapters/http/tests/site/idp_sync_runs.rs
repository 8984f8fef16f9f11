//! What syncs with identity providers would do and did, and which claims there are for them.

use crate::house::{NOW, house};
use actix_web::http::Method;
use doorward_domain::idp_sync::{SyncOutcome, SyncRecord};
use doorward_domain::ids::{SyncId, UserId};
use doorward_domain::roles::System;
use doorward_domain::user_links::UserLink;
use doorward_domain::users::LoginType;
use doorward_ports::Store;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

const PATCH: Method = Method::PATCH;
const POST: Method = Method::POST;
const DRY_RUN: &str = "/settings/idpsync/dry-run";

/// The user has signed in with OpenID Connect, `minutes` ago, with these claims.
async fn signed_in(store: &Store, user: &Value, minutes: i64, claims: Value) {
    let user_id: UserId = user.as_str().unwrap().parse().unwrap();
    let link = UserLink {
        user_id,
        login_type: LoginType::Oidc,
        provider: "corp".to_owned(),
        issuer: format!("https://id.example.com/{minutes}"),
        subject: user_id.to_string(),
        is_main: true,
        email_verified: true,
        claims: claims.as_object().unwrap().clone(),
        created_at: NOW,
        updated_at: NOW - Duration::minutes(minutes),
    };
    let permit = System::because("a test").permit();
    store.write(move |repos| repos.user_links().insert(&permit, &link)).await.unwrap();
}

fn names(list: &Value) -> Vec<(&str, &str)> {
    list.as_array().unwrap().iter().map(|e| (e["kind"].as_str().unwrap(), e["name"].as_str().unwrap())).collect()
}

#[actix_web::test]
async fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let acme = house.api(POST, "/organizations", &owner, json!({ "name": "acme" })).await.expect(201).json();
    let home = house.get("/organizations/default", &owner).await.expect(200).json();
    let devs = json!({ "name": "devs" });
    house.api(POST, "/organizations/default/groups", &owner, devs.clone()).await.expect(201);
    house.api(POST, "/organizations/acme/groups", &owner, devs).await.expect(201);
    let sync = json!({ "field": "orgs", "mapping": { "a": [acme["id"]] } });
    house.api(PATCH, "/settings/idpsync/organization", &owner, sync).await.expect(200);
    let groups = json!({ "field": "groups" });
    house.api(PATCH, "/organizations/acme/settings/idpsync/groups", &owner, groups).await.expect(200);

    let bob = house.get("/users/bob", &owner).await.expect(200).json();
    let before = house.get("/users/bob/organizations", &owner).await.expect(200).json();
    let claims = json!({ "orgs": ["a", "b"], "groups": ["devs", "other"], "roles": ["organization-auditor"] });
    let body = json!({ "user": "bob", "claims": claims });
    let tried = house.api(POST, DRY_RUN, &owner, body).await.expect(200).json();
    assert_eq!(tried["user_id"], bob["id"]);
    assert_eq!(names(&tried["gained"]), [("organization", "acme"), ("group", "devs")]);
    assert_eq!(names(&tried["lost"]), [("organization", home["name"].as_str().unwrap())]);
    let gained = &tried["gained"][1];
    assert_eq!((&gained["organization_id"], &gained["organization_name"]), (&acme["id"], &json!("acme")));
    assert_eq!(gained["because"], "the claim `groups` has the value `devs`");
    let ignored = tried["ignored"].as_array().unwrap();
    assert_eq!(ignored.len(), 2, "{tried}");
    assert_eq!(
        (&ignored[0]["value"], &ignored[0]["because"]),
        (&json!("b"), &json!("the mapping does not have the value"))
    );

    // The same with settings that are not stored, for somebody who has nothing yet.
    let settings = json!({
        "organization": { "field": "" },
        "roles": { (home["id"].as_str().unwrap()): { "field": "roles" } },
    });
    let tried =
        house.api(POST, DRY_RUN, &owner, json!({ "claims": claims, "settings": settings })).await.expect(200).json();
    assert_eq!((&tried["user_id"], &tried["gained"], &tried["refused"]), (&Value::Null, &json!([]), &json!("")));
    let body = json!({ "user": "bob", "claims": claims, "settings": settings });
    let tried = house.api(POST, DRY_RUN, &owner, body).await.expect(200).json();
    assert_eq!(names(&tried["gained"]), [("organization_role", "organization-auditor")]);

    let refused = house.api(POST, DRY_RUN, &owner, json!({ "claims": { "orgs": 1 } })).await.expect(200).json();
    assert!(refused["refused"].as_str().unwrap().contains("must be a list of texts"), "{refused}");

    assert_eq!(house.get("/users/bob/organizations", &owner).await.expect(200).json(), before);
    assert_eq!(house.get("/users/bob/idpsync/log", &owner).await.expect(200).json(), json!([]));
    let stored = house.get("/organizations/default/settings/idpsync/roles", &owner).await.expect(200).json();
    assert_eq!(stored["field"], "");
}

#[actix_web::test]
async fn a_dry_run_without_claims_takes_those_of_the_last_sign_in() {
    let house = house().await;
    let owner = house.owner().await;
    let bob_token = house.member(&owner, "bob").await;
    let body = json!({ "field": "groups", "auto_create_missing_groups": true });
    house.api(PATCH, "/organizations/default/settings/idpsync/groups", &owner, body).await.expect(200);
    for body in [json!({}), json!({ "user": "bob" }), json!({ "claims": 1 }), json!({ "claims": [] })] {
        house.api(POST, DRY_RUN, &owner, body).await.expect(400);
    }
    let bob = house.get("/users/bob", &owner).await.expect(200).json();
    signed_in(&house.store, &bob["id"], 9, json!({ "groups": ["before"] })).await;
    signed_in(&house.store, &bob["id"], 1, json!({ "groups": ["now"] })).await;
    let tried = house.api(POST, DRY_RUN, &owner, json!({ "user": "bob" })).await.expect(200).json();
    assert_eq!(names(&tried["gained"]), [("group", "now")]);
    assert_eq!(tried["gained"][0]["group_id"], Value::Null);

    let long = json!({ "user": "bob", "settings": { "organization": { "field": "x".repeat(300) } } });
    house.api(POST, DRY_RUN, &owner, long).await.expect(400);
    house.api(POST, DRY_RUN, &owner, json!({ "user": "nobody", "claims": {} })).await.expect(400);
    house.api(POST, DRY_RUN, &bob_token, json!({ "user": "bob" })).await.expect(403);
    house.api(POST, DRY_RUN, "", json!({ "user": "bob" })).await.expect(401);
}

#[actix_web::test]
async fn the_log_is_for_the_user_and_for_those_who_may_see_the_settings() {
    let house = house().await;
    let owner = house.owner().await;
    let bob_token = house.member(&owner, "bob").await;
    let cid_token = house.member(&owner, "cid").await;
    let bob = house.get("/users/bob", &owner).await.expect(200).json();
    let record = SyncRecord {
        id: SyncId(Uuid::from_u128(7)),
        user_id: bob["id"].as_str().unwrap().parse().unwrap(),
        time: NOW,
        provider: "corp".to_owned(),
        outcome: SyncOutcome::Refused,
        document: json!({ "refused": "no" }).to_string(),
    };
    let permit = System::because("a test").permit();
    house.store.write(move |repos| repos.sync_log().insert(&permit, &record, 20)).await.unwrap();
    let expected = json!([{
        "id": Uuid::from_u128(7), "time": "2026-03-01T12:00:00Z", "provider": "corp", "outcome": "refused",
        "changes": { "refused": "no" },
    }]);
    for (path, token) in [("/users/bob/idpsync/log", &owner), ("/users/me/idpsync/log", &bob_token)] {
        assert_eq!(house.get(path, token).await.expect(200).json(), expected);
    }
    house.get("/users/bob/idpsync/log", &cid_token).await.expect(400);
    house.get("/users/bob/idpsync/log", "").await.expect(401);
    assert_eq!(house.get("/users/me/idpsync/log", &cid_token).await.expect(200).json(), json!([]));
}

#[actix_web::test]
async fn claims_and_values_that_were_seen_are_listed() {
    let house = house().await;
    let owner = house.owner().await;
    let bob_token = house.member(&owner, "bob").await;
    house.member(&owner, "cid").await;
    house.api(POST, "/organizations", &owner, json!({ "name": "acme" })).await.expect(201);
    for path in ["/settings/idpsync", "/organizations/acme/settings/idpsync"] {
        assert_eq!(house.get(&format!("{path}/available-fields"), &owner).await.expect(200).body.trim(), "[]");
        let values = house.get(&format!("{path}/field-values?claimField=groups"), &owner).await.expect(200);
        assert_eq!(values.body.trim(), "[]");
    }
    let bob = house.get("/users/bob", &owner).await.expect(200).json();
    let cid = house.get("/users/cid", &owner).await.expect(200).json();
    house.api(POST, "/organizations/acme/members/bob", &owner, Value::Null).await.expect(200);
    signed_in(&house.store, &bob["id"], 1, json!({ "groups": ["b", "a", 1], "sub": "1", "realm": { "roles": ["r"] } }))
        .await;
    signed_in(&house.store, &cid["id"], 2, json!({ "groups": "c", "email": "x", "n": 5 })).await;
    let get = async |path: &str| house.get(path, &owner).await.expect(200).json();
    let all = "/settings/idpsync";
    let acme = "/organizations/acme/settings/idpsync";
    assert_eq!(get(&format!("{all}/available-fields")).await, json!(["email", "groups", "n", "realm", "sub"]));
    assert_eq!(get(&format!("{acme}/available-fields")).await, json!(["groups", "realm", "sub"]));
    assert_eq!(get(&format!("{all}/field-values?claimField=groups")).await, json!(["a", "b", "c"]));
    assert_eq!(get(&format!("{acme}/field-values?claimField=groups")).await, json!(["a", "b"]));
    assert_eq!(get(&format!("{all}/field-values?claimField=realm.roles")).await, json!(["r"]));
    for none in ["n", "other", "realm"] {
        assert_eq!(get(&format!("{all}/field-values?claimField={none}")).await, json!([]), "{none}");
    }
    for path in [all, acme] {
        for query in ["", "?claimField="] {
            house.get(&format!("{path}/field-values{query}"), &owner).await.expect(400);
        }
    }
    for path in [
        format!("{all}/available-fields"),
        format!("{acme}/available-fields"),
        format!("{acme}/field-values?claimField=x"),
    ] {
        let refused = house.get(&path, &bob_token).await.expect(403).json();
        assert!(refused["detail"].as_str().unwrap().contains("idpsync_settings.read"), "{refused}");
    }
    let admin = json!({ "roles": ["organization-admin"] });
    house.api(Method::PUT, "/organizations/acme/members/bob/roles", &owner, admin).await.expect(200);
    house.get(&format!("{acme}/available-fields"), &bob_token).await.expect(200);
    house.get(&format!("{all}/available-fields"), &bob_token).await.expect(403);
    house.get("/organizations/nowhere/settings/idpsync/available-fields", &owner).await.expect(404);
}
