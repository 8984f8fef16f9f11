//! Asking what others may do, why, and who can.

use crate::house::{Answer, House, house};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use serde_json::{Value, json};

const POST: Method = Method::POST;

async fn explain<S>(house: &House<S>, token: &str, subject: Value, action: &str, object: Value) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let body = json!({ "subject": subject, "action": action, "object": object });
    house.api(POST, "/authcheck/explain", token, body).await
}

async fn who_can<S>(house: &House<S>, token: &str, action: &str, object: Value) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    house.api(POST, "/authcheck/who-can", token, json!({ "action": action, "object": object })).await
}

fn of(name: &str) -> Value {
    json!({ "user": name })
}

fn id(thing: &Value) -> String {
    thing["id"].as_str().unwrap().to_owned()
}

/// The kinds of the ways that would change an answer, each with its role.
fn ways(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ways = answer["change"]["ways"].as_array().unwrap();
    ways.iter().map(|way| (text(&way["kind"]), text(&way["role"]))).collect()
}

fn way(kind: &str, role: &str) -> (String, String) {
    (kind.to_owned(), role.to_owned())
}

fn names(answer: &Value) -> Vec<&str> {
    answer["users"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect()
}

/// A template that only the group `devs` may use, and the organization.
async fn shared<S>(house: &House<S>, owner: &str) -> (String, String, String)
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let place = id(&house.get("/users/me/organizations", owner).await.json()[0]);
    let group = json!({ "name": "devs" });
    let devs = id(&house.api(POST, "/organizations/default/groups", owner, group).await.expect(201).json());
    let template = json!({ "name": "base", "disable_everyone_group_access": true });
    let base = id(&house.api(POST, "/organizations/default/templates", owner, template).await.expect(201).json());
    let acl = json!({ "group_perms": { &devs: "use" } });
    house.api(Method::PATCH, &format!("/templates/{base}/acl"), owner, acl).await.expect(200);
    (place, devs, base)
}

#[actix_web::test]
async fn only_what_can_be_done_is_said_to_change_an_answer() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    house.member(&owner, "far").await;
    let (place, devs, base) = shared(&house, &owner).await;
    // All templates have no list together.
    let all = json!({ "resource_type": "template", "organization_id": place });
    let denied = explain(&house, &owner, of("bob"), "read", all).await.expect(200).json();
    assert!(!ways(&denied).contains(&way("add_to_access_list", "")), "{denied}");
    let one = json!({ "resource_type": "template", "resource_id": base });
    let denied = explain(&house, &owner, of("bob"), "use", one.clone()).await.expect(200).json();
    assert!(ways(&denied).contains(&way("add_to_access_list", "")), "{denied}");
    assert!(denied["change"]["ways"][0].get("member_first").is_none());
    // What is for members alone takes a membership before.
    let there = "/organizations/default/members/far";
    house.api(Method::DELETE, there, &owner, Value::Null).await.expect(204);
    let denied = explain(&house, &owner, of("far"), "use", one.clone()).await.expect(200).json();
    for way in denied["change"]["ways"].as_array().unwrap() {
        let is_inside = way["kind"] != "give_site_role";
        assert_eq!(way.get("member_first").is_some(), is_inside, "{way}");
        assert_eq!(way.get("organization_id") == Some(&json!(place)), is_inside, "{way}");
    }
    let first = &denied["change"]["ways"][0];
    assert_eq!((&first["kind"], &first["group_id"]), (&json!("add_to_group"), &json!(devs)));
    let far = id(&house.get("/users/far", &owner).await.json());
    let add = json!({ "add_users": [far] });
    let group = format!("/groups/{devs}");
    house.api(Method::PATCH, &group, &owner, add.clone()).await.expect(400);
    house.api(POST, there, &owner, Value::Null).await.expect(200);
    house.api(Method::PATCH, &group, &owner, add).await.expect(200);
    assert_eq!(explain(&house, &owner, of("far"), "use", one).await.expect(200).json()["allowed"], true);
}

#[actix_web::test]
async fn what_would_change_an_answer_changes_it() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let (place, devs, base) = shared(&house, &owner).await;
    let bob = id(&house.get("/users/bob", &owner).await.json());
    let template = json!({ "resource_type": "template", "resource_id": "base" });

    let denied = explain(&house, &owner, of("bob"), "use", template.clone()).await.expect(200).json();
    assert_eq!((&denied["allowed"], &denied["because"]["code"]), (&json!(false), &json!("nothing_allows")));
    assert_eq!(denied["subject"], json!({ "id": bob, "username": "bob" }));
    let found = ways(&denied);
    assert_eq!(found[0], way("add_to_group", ""), "that which gives least comes first: {found:?}");
    assert!(found.contains(&way("give_organization_role", "organization-template-admin")), "{found:?}");
    assert!(found.contains(&way("give_site_role", "template-admin")), "{found:?}");
    assert_eq!(denied["change"]["ways"][0]["group_id"], devs);
    assert_eq!(denied["change"]["needs"], "any");

    let add = json!({ "add_users": [bob] });
    house.api(Method::PATCH, &format!("/groups/{devs}"), &owner, add).await.expect(200);
    let allowed = explain(&house, &owner, of("bob"), "use", template.clone()).await.expect(200).json();
    let listed = json!({ "kind": "group", "id": devs, "action": "use" });
    assert_eq!((&allowed["allowed"], &allowed["because"]["access_list"]), (&json!(true), &listed));
    assert_eq!(ways(&allowed), [way("remove_from_group", "")]);
    let levels: Vec<(&str, &str, bool)> = allowed["chain"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["level"].as_str().unwrap(), step["says"].as_str().unwrap(), step["heard"] == true))
        .collect();
    let expected = [
        ("scope", "allow", true),
        ("site", "silent", true),
        ("organization", "silent", true),
        ("user", "silent", true),
        ("access_list", "allow", true),
    ];
    assert_eq!(levels, expected);

    // Each further reason must go too.
    let roles = json!({ "roles": ["organization-template-admin"] });
    let path = format!("/organizations/{place}/members/bob/roles");
    house.api(Method::PUT, &path, &owner, roles).await.expect(200);
    let allowed = explain(&house, &owner, of(&bob), "use", template.clone()).await.expect(200).json();
    let both = [way("take_organization_role", "organization-template-admin"), way("remove_from_group", "")];
    assert_eq!((ways(&allowed), &allowed["change"]["needs"]), (both.to_vec(), &json!("all")));

    // A role that denies goes, and that is enough.
    let roles = json!({ "roles": ["organization-workspace-creation-ban"] });
    house.api(Method::PUT, &path, &owner, roles).await.expect(200);
    let mine = json!({ "resource_type": "workspace", "organization_id": place, "owner_id": "bob" });
    let denied = explain(&house, &owner, of("bob"), "create", mine).await.expect(200).json();
    assert_eq!(denied["because"]["code"], "organization_denies");
    assert_eq!(ways(&denied)[0], way("take_organization_role", "organization-workspace-creation-ban"));

    house.api(Method::PUT, "/users/bob/status/suspend", &owner, Value::Null).await.expect(200);
    let denied = explain(&house, &owner, of("bob"), "use", json!({ "resource_type": "template", "resource_id": base }));
    let denied = denied.await.expect(200).json();
    assert_eq!((&denied["allowed"], &denied["because"]["code"]), (&json!(false), &json!("suspended")));
    assert_eq!(denied["change"]["first"], json!([{ "kind": "activate" }]));
}

#[actix_web::test]
async fn a_token_of_an_app_may_what_its_scopes_say() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let narrow = json!({ "user": "ann", "app_token_scopes": ["workspace:read"] });
    let license = json!({ "resource_type": "license" });
    let denied = explain(&house, &owner, narrow, "read", license.clone()).await.expect(200).json();
    assert_eq!((&denied["allowed"], &denied["because"]["level"]), (&json!(false), &json!("scope")));
    assert_eq!(denied["because"]["scopes"], json!(["workspace:read"]));
    assert_eq!(denied["change"]["first"], json!([{ "kind": "add_scope", "scope": "license:read" }]));
    assert_eq!(denied["change"]["ways"], json!([]), "nothing else stands in the way");
    let both = json!({ "user": "bob", "app_token_scopes": ["workspace:read"] });
    let denied = explain(&house, &owner, both, "read", license.clone()).await.expect(200).json();
    assert_eq!(denied["change"]["first"][0]["scope"], "license:read");
    assert_eq!(ways(&denied), [way("give_site_role", "owner")]);
    let wrong = json!({ "app_token_scopes": ["workspace:fly"] });
    let refused = explain(&house, &owner, wrong, "read", license).await.expect(400).json();
    assert_eq!(refused["validations"][0]["field"], "app_token_scopes");
}

#[actix_web::test]
async fn those_ask_who_may_read_what_the_answer_rests_on() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let carl = house.member(&owner, "carl").await;
    let (place, _, _) = shared(&house, &owner).await;
    let there = json!({ "resource_type": "template", "organization_id": "default" });
    let everywhere = json!({ "resource_type": "license" });

    // About oneself, without what belongs to others.
    let mine = explain(&house, &bob, json!({}), "read", there.clone()).await.expect(200).json();
    assert_eq!((&mine["allowed"], &mine["change"]["ways"]), (&json!(false), &json!([])));
    explain(&house, &bob, of("bob"), "read", everywhere.clone()).await.expect(200);
    for name in ["carl", "ann", "nobody"] {
        for object in [&there, &everywhere] {
            explain(&house, &bob, of(name), "read", object.clone()).await.expect(403);
        }
    }
    who_can(&house, &bob, "read", there.clone()).await.expect(403);
    explain(&house, &bob, json!({}), "use", json!({ "resource_type": "template", "resource_id": "base" }))
        .await
        .expect(404);

    // In one organization.
    let path = format!("/organizations/{place}/members/carl/roles");
    house.api(Method::PUT, &path, &owner, json!({ "roles": ["organization-auditor"] })).await.expect(200);
    explain(&house, &carl, of("bob"), "read", there.clone()).await.expect(200);
    explain(&house, &carl, of("bob"), "read", everywhere.clone()).await.expect(403);
    who_can(&house, &carl, "read", everywhere.clone()).await.expect(403);
    let found = who_can(&house, &carl, "read", there.clone()).await.expect(200).json();
    assert_eq!((names(&found), &found["within_organization_id"]), (vec!["ann", "carl"], &json!(place)));
    // An owner of another organization can too, and is not told of.
    let zoo = id(&house.api(POST, "/organizations", &owner, json!({ "name": "zoo" })).await.expect(201).json());
    let dora = json!({
        "email": "dora@example.com", "username": "dora", "password": crate::house::PASSWORD, "organization_ids": [zoo],
        "roles": ["owner"],
    });
    house.api(POST, "/users", &owner, dora).await.expect(201);
    explain(&house, &carl, of("dora"), "read", there.clone()).await.expect(400);
    let found = who_can(&house, &carl, "read", there.clone()).await.expect(200).json();
    assert_eq!(names(&found), ["ann", "carl"]);
    let found = who_can(&house, &owner, "read", there.clone()).await.expect(200).json();
    assert_eq!(names(&found), ["ann", "carl", "dora"]);

    // Everywhere.
    house.api(Method::PUT, "/users/carl/roles", &owner, json!({ "roles": ["auditor"] })).await.expect(200);
    explain(&house, &carl, of("bob"), "read", everywhere.clone()).await.expect(200);
    let found = who_can(&house, &carl, "read", everywhere).await.expect(200).json();
    assert!(names(&found).contains(&"ann") && !names(&found).contains(&"carl"), "{found}");

    // A token asks no more than its scopes let it read.
    let token = json!({ "lifetime": 0, "scope": "workspace:read", "token_name": "narrow" });
    let narrow = house.api(POST, "/users/me/keys/tokens", &owner, token).await.expect(201).json();
    let narrow = narrow["key"].as_str().unwrap();
    explain(&house, narrow, of("bob"), "read", there.clone()).await.expect(403);
    explain(&house, narrow, json!({}), "read", there.clone()).await.expect(403);
    explain(&house, "", of("bob"), "read", there).await.expect(401);
}

#[actix_web::test]
async fn who_asks_about_others_is_recorded() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    shared(&house, &owner).await;
    let template = json!({ "resource_type": "template", "resource_id": "base" });
    explain(&house, &owner, of("bob"), "use", template.clone()).await.expect(200);
    explain(&house, &owner, json!({}), "use", template.clone()).await.expect(200);
    who_can(&house, &owner, "use", template).await.expect(200);
    house.clock.advance(time::Duration::SECOND);
    who_can(&house, &owner, "read", json!({ "resource_type": "license" })).await.expect(200);
    let found = house.get("/audit?q=action:explain_access", &owner).await.expect(200).json();
    assert_eq!(found["count"], 1, "oneself is not recorded: {found}");
    let record = &found["audit_logs"][0];
    assert_eq!((&record["resource_target"], &record["resource_type"]), (&json!("bob"), &json!("user")));
    let question = &record["additional_fields"]["question"];
    assert_eq!((&question["action"], &question["resource_type"]), (&json!("use"), &json!("template")));
    assert_eq!(record["additional_fields"]["allowed"], false);
    let found = house.get("/audit?q=action:search_access", &owner).await.expect(200).json();
    let targets: Vec<&Value> =
        found["audit_logs"].as_array().unwrap().iter().map(|record| &record["resource_target"]).collect();
    assert_eq!(targets, ["ann", "base"]);
}

#[actix_web::test]
async fn who_can_is_told_by_name_within_a_bound() {
    let house = house().await;
    let owner = house.owner().await;
    for n in 0..30 {
        house.member(&owner, &format!("m{n:02}")).await;
    }
    let (place, devs, _) = shared(&house, &owner).await;
    let template = json!({ "resource_type": "template", "resource_id": "base" });
    let found = who_can(&house, &owner, "use", template.clone()).await.expect(200).json();
    assert_eq!((names(&found), &found["count"], &found["truncated"]), (vec!["ann"], &json!(1), &json!(false)));
    let users: Vec<String> = house.get("/users?q=m", &owner).await.json()["users"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|user| user["username"].as_str().unwrap().starts_with('m'))
        .map(id)
        .collect();
    assert_eq!(users.len(), 30);
    let add = json!({ "add_users": users });
    house.api(Method::PATCH, &format!("/groups/{devs}"), &owner, add).await.expect(200);
    let found = who_can(&house, &owner, "use", template).await.expect(200).json();
    assert_eq!((found["users"].as_array().unwrap().len(), &found["count"]), (25, &json!(31)));
    assert_eq!(found["users"][1]["because"]["access_list"]["id"], devs);
    assert_eq!(found["truncated"], false);
    // By owner, by a role that every member has, by a role of organizations that speaks of the whole site.
    let own = json!({ "resource_type": "workspace", "organization_id": place, "owner_id": "m07" });
    assert_eq!(names(&who_can(&house, &owner, "ssh", own).await.expect(200).json()), ["ann", "m07"]);
    let there = json!({ "resource_type": "organization", "organization_id": place });
    assert_eq!(who_can(&house, &owner, "read", there).await.expect(200).json()["count"], 31);
    let path = format!("/organizations/{place}/members/m09/roles");
    house.api(Method::PUT, &path, &owner, json!({ "roles": ["organization-user-admin"] })).await.expect(200);
    let users = who_can(&house, &owner, "read", json!({ "resource_type": "user" })).await.expect(200).json();
    assert_eq!(names(&users), ["ann", "m09"]);
    house.api(Method::PUT, "/users/m09/status/suspend", &owner, Value::Null).await.expect(200);
    let users = who_can(&house, &owner, "read", json!({ "resource_type": "user" })).await.expect(200).json();
    assert_eq!(names(&users), ["ann"]);
}

#[actix_web::test]
async fn questions_that_make_no_sense_are_refused_with_what_would() {
    let house = house().await;
    let owner = house.owner().await;
    for (action, object, field) in [
        ("read", json!({}), "resource_type"),
        ("read", json!({ "resource_type": "spaceship" }), "resource_type"),
        ("fly", json!({ "resource_type": "template" }), "action"),
        ("ssh", json!({ "resource_type": "template" }), "action"),
        ("", json!({ "resource_type": "template" }), "action"),
        ("read", json!({ "resource_type": "license", "resource_id": "x" }), "resource_id"),
        ("read", json!({ "resource_type": "workspace", "resource_id": "x" }), "resource_id"),
    ] {
        let refused = explain(&house, &owner, json!({}), action, object.clone()).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], field, "{action} {object}: {refused}");
        let refused = who_can(&house, &owner, action, object.clone()).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], field, "{action} {object}: {refused}");
    }
    let gone = json!({ "resource_type": "template", "resource_id": "nothing" });
    explain(&house, &owner, json!({}), "read", gone).await.expect(404);
    let nowhere = json!({ "resource_type": "template", "organization_id": "nowhere" });
    explain(&house, &owner, json!({}), "read", nowhere).await.expect(404);
    house.api(POST, "/authcheck/explain", &owner, json!([])).await.expect(400);
    house.api(POST, "/authcheck/explain", &owner, json!({ "object": 7 })).await.expect(400);
}
