//! Roles that an organization gives to each of its members.

use crate::house::{House, house};
use crate::oauth2::{access_token, client};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use serde_json::{Value, json};

const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

fn defaults(roles: &[&str]) -> Value {
    json!({ "default_org_member_roles": roles })
}

/// An organization, of which Bob is a plain member and Cid none.
async fn acme<S>(house: &House<S>, owner: &str) -> (String, String, String)
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let bob = house.member(owner, "bob").await;
    let cid = house.member(owner, "cid").await;
    let made = house.api(POST, "/organizations", owner, json!({ "name": "acme" })).await.expect(201).json();
    house.api(POST, "/organizations/acme/members/bob", owner, Value::Null).await.expect(200);
    (made["id"].as_str().unwrap().to_owned(), bob, cid)
}

/// What a question about the members of the organization is answered: whether, and by which roles.
async fn may_read_members<S>(house: &House<S>, token: &str, place: &str) -> (bool, Vec<String>)
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let object = json!({ "resource_type": "organization_member", "organization_id": place });
    let checks = json!({ "checks": { "q": { "action": "read", "object": object } } });
    let answer = house.api(POST, "/authcheck?explain=true", token, checks).await.expect(200).json();
    let roles = answer["q"]["because"]["roles"].as_array().into_iter().flatten();
    (answer["q"]["allowed"] == true, roles.map(|role| role["name"].as_str().unwrap().to_owned()).collect())
}

#[actix_web::test]
async fn every_member_has_them_and_nobody_else_as_long_as_they_are_set() {
    let house = house().await;
    let owner = house.owner().await;
    let (place, bob, cid) = acme(&house, &owner).await;
    let members = async |token: &str| {
        let list = house.get(&format!("/organizations/{place}/members"), token).await;
        if list.status == 200 { list.json().as_array().unwrap().len() } else { 0 }
    };
    assert_eq!((members(&bob).await, may_read_members(&house, &bob, &place).await), (1, (false, Vec::new())));

    let asked = defaults(&["organization-auditor", "organization-workspace-access"]);
    let set = house.api(PATCH, "/organizations/acme", &owner, asked.clone()).await.expect(200).json();
    assert_eq!(set["default_org_member_roles"], asked["default_org_member_roles"]);
    let by_auditor = (true, vec!["organization-auditor".to_owned()]);
    assert_eq!((members(&bob).await, may_read_members(&house, &bob, &place).await), (2, by_auditor.clone()));
    assert_eq!((members(&cid).await, may_read_members(&house, &cid, &place).await.0), (0, false));
    // They are none of the member's own; one who has the same role besides is told of it once.
    let own = house.get("/organizations/acme/members/bob", &owner).await.expect(200).json();
    assert_eq!(own["roles"], json!([]));
    let roles = json!({ "roles": ["organization-auditor"] });
    house.api(PUT, "/organizations/acme/members/bob/roles", &owner, roles).await.expect(200);
    assert_eq!(may_read_members(&house, &bob, &place).await, by_auditor);
    house.api(PUT, "/organizations/acme/members/bob/roles", &owner, json!({ "roles": [] })).await.expect(200);

    // Who comes later has them too, and who leaves has them no more.
    house.api(POST, "/organizations/acme/members/cid", &owner, Value::Null).await.expect(200);
    assert_eq!(members(&cid).await, 3);
    house.api(DELETE, "/organizations/acme/members/cid", &owner, Value::Null).await.expect(204);
    assert_eq!(members(&cid).await, 0);

    // What is absent stays; an empty list takes them away.
    let kept = house.api(PATCH, "/organizations/acme", &owner, json!({ "icon": "/a.svg" })).await.expect(200).json();
    assert_eq!(kept["default_org_member_roles"], asked["default_org_member_roles"]);
    for path in ["/organizations/acme", "/users/me/organizations/acme"] {
        assert_eq!(house.get(path, &bob).await.json()["default_org_member_roles"], asked["default_org_member_roles"]);
    }
    house.api(PATCH, "/organizations/acme", &owner, defaults(&[])).await.expect(200);
    assert_eq!((members(&bob).await, may_read_members(&house, &bob, &place).await.0), (1, false));

    let log = house.get("/audit?q=resource_type:organization", &owner).await.expect(200).json();
    let records = log["audit_logs"].as_array().unwrap().iter();
    let told = records.filter_map(|record| record["diff"].get("default_org_member_roles"));
    let told: Vec<(&Value, &Value)> = told.map(|change| (&change["old"], &change["new"])).collect();
    let (none, some) = (&json!([]), &asked["default_org_member_roles"]);
    assert!(told.len() == 2 && told.contains(&(none, some)) && told.contains(&(some, none)), "{told:?}");
}

#[actix_web::test]
async fn an_organization_is_made_with_them() {
    let house = house().await;
    let owner = house.owner().await;
    let body = json!({ "name": "acme", "default_org_member_roles": ["organization-auditor", "organization-auditor"] });
    let made = house.api(POST, "/organizations", &owner, body).await.expect(201).json();
    assert_eq!(made["default_org_member_roles"], json!(["organization-auditor"]));
    let bad = json!({ "name": "a_b", "default_org_member_roles": ["auditor", "organization-auditor", "chef"] });
    let refused = house.api(POST, "/organizations", &owner, bad).await.expect(400).json();
    let fields: Vec<&str> =
        refused["validations"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["name", "default_org_member_roles", "default_org_member_roles"]);
    // The name is that of a role of newer releases, which no custom role may take.
    let role = json!({ "name": "organization-workspace-access", "organization_permissions": [] });
    house.api(POST, "/organizations/acme/members/roles", &owner, role).await.expect(400);
    let role = json!({ "name": "reader", "organization_permissions": [] });
    house.api(POST, "/organizations/acme/members/roles", &owner, role).await.expect(200);
    house.api(PATCH, "/organizations/acme", &owner, defaults(&["reader"])).await.expect(400);
}

#[actix_web::test]
async fn who_may_not_give_a_role_may_not_give_it_to_all() {
    let house = house().await;
    let owner = house.owner().await;
    let (_, bob, _) = acme(&house, &owner).await;
    // A role that may change the organization and give roles, but is not that of an administrator.
    let permissions = json!([
        { "resource_type": "organization", "action": "update" },
        { "resource_type": "assign_org_role", "action": "assign" },
        { "resource_type": "assign_org_role", "action": "unassign" },
    ]);
    let role = json!({ "name": "clerk", "organization_permissions": permissions });
    house.api(POST, "/organizations/acme/members/roles", &owner, role).await.expect(200);
    let become_ = async |role: &str| {
        let roles = json!({ "roles": [role] });
        house.api(PUT, "/organizations/acme/members/bob/roles", &owner, roles).await.expect(200);
    };
    become_("clerk").await;
    house.api(PATCH, "/organizations/acme", &bob, json!({ "description": "x" })).await.expect(200);
    house.api(PATCH, "/organizations/acme", &bob, defaults(&["organization-workspace-access"])).await.expect(200);
    let roles = ["organization-admin", "organization-auditor"];
    let refused = house.api(PATCH, "/organizations/acme", &bob, defaults(&roles)).await.expect(400).json();
    let told: Vec<&str> =
        refused["validations"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    assert_eq!(told, ["default_org_member_roles", "default_org_member_roles"], "{refused}");
    // Nor may such a one take it from all; what is the same is no change.
    house.api(PATCH, "/organizations/acme", &owner, defaults(&["organization-user-admin"])).await.expect(200);
    house.api(PATCH, "/organizations/acme", &bob, defaults(&[])).await.expect(400);
    house.api(PATCH, "/organizations/acme", &bob, defaults(&["organization-user-admin"])).await.expect(200);
    become_("organization-user-admin").await;
    house.api(PATCH, "/organizations/acme", &bob, defaults(&[])).await.expect(404);
    become_("organization-admin").await;
    house.api(PATCH, "/organizations/acme", &bob, defaults(&["organization-admin"])).await.expect(200);
    // By the role that all have.
    house.api(PUT, "/organizations/acme/members/bob/roles", &owner, json!({ "roles": [] })).await.expect(200);
    house.api(PATCH, "/organizations/acme", &bob, defaults(&[])).await.expect(200);
    house.api(PATCH, "/organizations/acme", &bob, defaults(&["organization-admin"])).await.expect(404);
}

#[actix_web::test]
async fn an_app_gives_no_roles_to_all_in_the_name_of_its_user() {
    let house = house().await;
    let owner = house.owner().await;
    acme(&house, &owner).await;
    let robot = client(&house, &owner, json!({})).await;
    let token = access_token(&house, &owner, &robot, &[]).await;
    let made = json!({ "name": "zoo", "default_org_member_roles": ["organization-admin"] });
    for (method, path, body) in
        [(POST, "/organizations", made), (PATCH, "/organizations/acme", defaults(&["organization-auditor"]))]
    {
        let refused = house.api(method, path, &token, body).await.expect(403).json();
        assert!(refused["message"].as_str().unwrap().starts_with("An app cannot give roles"), "{refused}");
    }
    house.api(PATCH, "/organizations/acme", &token, defaults(&[])).await.expect(200);
    house.api(POST, "/organizations", &token, json!({ "name": "zoo" })).await.expect(201);
}

#[actix_web::test]
async fn a_consent_page_counts_them_among_the_roles_of_its_user() {
    let house = house().await;
    let owner = house.owner().await;
    let (_, bob, _) = acme(&house, &owner).await;
    let robot = client(&house, &owner, json!({})).await;
    let page = async || {
        let request = actix_web::test::TestRequest::get().uri(&robot.authorize(&[("scope", "group:read")]));
        house.send(request.insert_header(("Coder-Session-Token", bob.as_str()))).await.expect(200).body
    };
    assert!(!page().await.contains("the holder of roles in an organization"));
    house.api(PATCH, "/organizations/acme", &owner, defaults(&["organization-admin"])).await.expect(200);
    assert!(page().await.contains("the holder of roles in an organization"));
}
