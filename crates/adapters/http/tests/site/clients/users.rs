//! `users create`, `users list`, `users show`, `organizations members`, `organizations roles`, and what Terraform does with
//! users.

use super::{GET, PATCH, POST, PUT, ZERO};
use crate::house::{PASSWORD, house};
use actix_web::http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[actix_web::test]
async fn users_create_sends_null_and_zero_for_what_is_absent() {
    let house = house().await;
    let owner = house.owner().await;
    let default = house.sdk(GET, "/api/v2/users/me/organizations", &owner, Value::Null).await.expect(200).json();
    let acme = house.sdk(POST, "/api/v2/organizations", &owner, json!({ "name": "acme" })).await.expect(201).json();
    let body = json!({
        "email": "bob@example.com", "username": "bob", "name": "", "password": PASSWORD, "login_type": "password",
        "user_status": null, "organization_ids": [acme["id"]], "organization_id": ZERO, "roles": null,
    });
    let bob = house.sdk(POST, "/api/v2/users", &owner, body).await.expect(201).json();
    assert_eq!(bob["organization_ids"], json!([acme["id"]]), "and not {default}");
    assert_eq!(bob.get("is_service_account"), None);
}

#[actix_web::test]
async fn users_create_service_account() {
    let house = house().await;
    let owner = house.owner().await;
    let default = house.sdk(GET, "/api/v2/users/me/organizations", &owner, Value::Null).await.expect(200).json();
    let account = |name: &str| {
        json!({
            "email": "", "username": name, "name": "", "password": "", "login_type": "none", "user_status": null,
            "organization_ids": [default[0]["id"]], "roles": null, "service_account": true,
        })
    };
    for name in ["robot-1", "robot-2"] {
        let made = house.sdk(POST, "/api/v2/users", &owner, account(name)).await.expect(201).json();
        assert_eq!((&made["username"], &made["email"], &made["status"]), (&json!(name), &json!(""), &json!("active")));
        assert_eq!((&made["is_service_account"], &made["login_type"]), (&json!(true), &json!("none")));
    }
    house.sdk(POST, "/api/v2/users", &owner, account("robot-1")).await.expect(409);
    for (key, value) in [("email", "a@example.com"), ("password", PASSWORD), ("login_type", "password")] {
        let mut body = account("robot-3");
        body[key] = json!(value);
        house.sdk(POST, "/api/v2/users", &owner, body).await.expect(400);
    }
    // The older form: without the flag, with an address.
    let mut older = account("robot-4");
    older["service_account"] = json!(false);
    house.sdk(POST, "/api/v2/users", &owner, older.clone()).await.expect(400);
    older["email"] = json!("robot@example.com");
    let older = house.sdk(POST, "/api/v2/users", &owner, older).await.expect(201).json();
    assert_eq!(older.get("is_service_account"), None);

    let names = async |q: &str| {
        let found = house.sdk(GET, &format!("/api/v2/users?q={q}"), &owner, Value::Null).await.expect(200).json();
        let users = found["users"].as_array().unwrap().clone();
        assert_eq!(found["count"], users.len());
        users.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("service_account:true").await, ["robot-1", "robot-2"]);
    assert_eq!(names("service_account:false").await, ["ann", "robot-4"]);
    house.sdk(GET, "/api/v2/users?q=service_account:maybe", &owner, Value::Null).await.expect(400);

    // Nobody signs in to it, and it has keys.
    let login = json!({ "email": "", "password": "" });
    house.sdk(POST, "/api/v2/users/login", "", login).await.expect(400);
    house.sdk(PUT, "/api/v2/users/robot-1/password", &owner, json!({ "password": PASSWORD })).await.expect(400);
    let token = json!({ "lifetime": 0, "scope": "", "token_name": "ci" });
    let token = house.sdk(POST, "/api/v2/users/robot-1/keys/tokens", &owner, token).await.expect(201).json();
    let me = house.sdk(GET, "/api/v2/users/me", token["key"].as_str().unwrap(), Value::Null).await.expect(200).json();
    assert_eq!((&me["username"], &me["is_service_account"]), (&json!("robot-1"), &json!(true)));
}

#[actix_web::test]
async fn users_list_finds_real_names() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let profile = json!({ "username": "bob", "name": "Bob 100% Baker" });
    house.sdk(PUT, "/api/v2/users/bob/profile", &owner, profile).await.expect(200);
    for (q, count) in [
        ("name:bak", 1),
        ("name:%22Bob%20100%25%22", 1),
        ("name:BAKER%20status:active", 1),
        ("name:%25", 1),
        ("name:_", 0),
        ("name:nobody", 0),
    ] {
        let found = house.sdk(GET, &format!("/api/v2/users?q={q}"), &owner, Value::Null).await.expect(200).json();
        assert_eq!(found["count"], count, "{q}");
    }
}

#[actix_web::test]
async fn users_create_gives_roles_at_once() {
    let house = house().await;
    let owner = house.owner().await;
    let body = |name: &str, roles: Value| {
        json!({
            "email": format!("{name}@example.com"), "username": name, "password": PASSWORD, "organization_ids": [ZERO],
            "roles": roles,
        })
    };
    let made = house.sdk(POST, "/api/v2/users", &owner, body("eve", json!(["user-admin"]))).await.expect(201).json();
    assert_eq!(made["roles"][0]["name"], "user-admin");
    let eve = house.login("eve@example.com").await;
    house.sdk(POST, "/api/v2/users", &eve, body("mallory", json!(["owner"]))).await;
    let users = house.sdk(GET, "/api/v2/users?q=role:owner", &owner, Value::Null).await.expect(200).json();
    assert_eq!(users["count"], 1, "a user-admin makes no owner");
    house.sdk(POST, "/api/v2/users", &owner, body("carl", json!(["chef"]))).await.expect(400);
}

#[actix_web::test]
async fn users_show_names_only_organizations_that_can_be_read() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let acme = house.sdk(POST, "/api/v2/organizations", &owner, json!({ "name": "acme" })).await.expect(201).json();
    house.sdk(POST, "/api/v2/organizations/acme/members/bob", &owner, Value::Null).await.expect(200);
    for role in ["owner", "user-admin", "auditor", "template-admin"] {
        let reader = format!("reader-{role}");
        let session = house.member(&owner, &reader).await;
        house.sdk(PUT, &format!("/api/v2/users/{reader}/roles"), &owner, json!({ "roles": [role] })).await.expect(200);
        let shown = house.sdk(GET, "/api/v2/users/bob", &session, Value::Null).await;
        if shown.status.as_u16() != 200 {
            continue;
        }
        let list = house.sdk(GET, "/api/v2/users?q=bob", &session, Value::Null).await.expect(200).json();
        for ids in [&shown.json()["organization_ids"], &list["users"][0]["organization_ids"]] {
            for id in ids.as_array().unwrap() {
                let path = format!("/api/v2/organizations/{}", id.as_str().unwrap());
                house.sdk(GET, &path, &session, Value::Null).await.expect(200);
            }
        }
    }
    let all = house.sdk(GET, "/api/v2/users/bob", &owner, Value::Null).await.expect(200).json();
    assert!(all["organization_ids"].as_array().unwrap().contains(&acme["id"]));
}

#[actix_web::test]
async fn a_single_member_is_shown_and_the_list_can_be_searched() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    house.sdk(POST, "/api/v2/organizations", &owner, json!({ "name": "acme" })).await.expect(201);
    let members = "/api/v2/organizations/default/members";
    let one = house.sdk(GET, &format!("{members}/bob"), &owner, Value::Null).await.expect(200).json();
    let all = house.sdk(GET, &format!("{members}/"), &owner, Value::Null).await.expect(200).json();
    assert_eq!(one, all[1]);
    assert_eq!(house.sdk(GET, &format!("{members}/me"), &bob, Value::Null).await.expect(200).json(), all[1]);
    let page = house.sdk(GET, "/api/v2/organizations/default/paginated-members", &owner, Value::Null).await;
    assert_eq!(page.expect(200).json()["members"], all);
    let user = house.sdk(GET, "/api/v2/users/bob", &owner, Value::Null).await.expect(200).json();
    for (of_member, of_user) in [
        ("status", "status"),
        ("login_type", "login_type"),
        ("last_seen_at", "last_seen_at"),
        ("user_created_at", "created_at"),
        ("user_updated_at", "updated_at"),
        ("is_service_account", "is_service_account"),
    ] {
        assert_eq!(one.get(of_member), user.get(of_user), "{of_member}");
    }
    let robot = json!({ "username": "robot", "login_type": "none", "service_account": true,
        "organization_ids": [&one["organization_id"]] });
    house.sdk(POST, "/api/v2/users", &owner, robot).await.expect(201);
    let robot = house.sdk(GET, &format!("{members}/robot"), &owner, Value::Null).await.expect(200).json();
    assert_eq!((&robot["is_service_account"], &robot["login_type"]), (&json!(true), &json!("none")));
    house.sdk(Method::DELETE, "/api/v2/users/robot", &owner, Value::Null).await.expect(200);
    // Who is no member, is not there at all, or may not be read looks the same.
    let mut refusals = BTreeSet::new();
    for (path, session) in [
        ("/api/v2/organizations/acme/members/bob", &owner),
        (&format!("{members}/nobody"), &owner),
        (&format!("{members}/nobody"), &bob),
        (&format!("{members}/ann"), &bob),
        (&format!("{members}/{}", all[0]["user_id"].as_str().unwrap()), &bob),
        (&format!("{members}/00000000-0000-0000-0000-00000000000f"), &bob),
    ] {
        refusals.insert(house.sdk(GET, path, session, Value::Null).await.expect(404).body);
    }
    assert_eq!(refusals.len(), 1, "{refusals:?}");

    let id = one["user_id"].as_str().unwrap();
    for (query, names) in [
        ("q=".to_owned(), &["ann", "bob"][..]),
        ("q=BO".to_owned(), &["bob"]),
        ("q=@example.com".to_owned(), &["ann", "bob"]),
        (format!("q=user_id:{id}"), &["bob"]),
        (format!("q=ann+user_id:{id}"), &[]),
        ("q=github_user_id:7".to_owned(), &[]),
        ("q=include_system:false".to_owned(), &["ann", "bob"]),
    ] {
        let found = house.sdk(GET, &format!("{members}?{query}"), &owner, Value::Null).await.expect(200).json();
        let found: Vec<&str> = found.as_array().unwrap().iter().map(|m| m["username"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{query}");
        let path = format!("/api/v2/organizations/default/paginated-members?{query}&limit=1&offset=0");
        let page = house.sdk(GET, &path, &owner, Value::Null).await.expect(200).json();
        assert_eq!(
            (&page["count"], page["members"].as_array().unwrap().len()),
            (&json!(names.len()), names.len().min(1))
        );
    }
    for bad in ["q=user_id:bob", "q=github_user_id:x", "q=flying:yes", "q=include_system:maybe"] {
        house.sdk(GET, &format!("{members}?{bad}"), &owner, Value::Null).await.expect(400);
    }
    let own = house.sdk(GET, &format!("{members}?q=ann"), &bob, Value::Null).await.expect(200).json();
    assert_eq!(own.as_array().unwrap().len(), 0, "bob reads himself only: {own}");
}

#[actix_web::test]
async fn terraform_keeps_an_organization_by_sending_what_it_knows() {
    let house = house().await;
    let owner = house.owner().await;
    let body = json!({ "name": "acme", "display_name": "Acme", "description": "", "icon": "" });
    let acme = house.sdk(POST, "/api/v2/organizations", &owner, body).await.expect(201).json();
    assert_eq!(acme["default_org_member_roles"], json!([]));
    let path = format!("/api/v2/organizations/{}", acme["id"].as_str().unwrap());
    let same = json!({ "name": "acme", "display_name": "Acme", "description": "x", "icon": null });
    assert_eq!(house.sdk(PATCH, &path, &owner, same).await.expect(200).json()["description"], "x");
    let both = json!(["organization-workspace-access", "organization-auditor"]);
    for (asked, then) in [(both.clone(), both.clone()), (json!(null), both), (json!([]), json!([]))] {
        house.sdk(PATCH, &path, &owner, json!({ "default_org_member_roles": asked })).await.expect(200);
        let read = house.sdk(GET, &path, &owner, Value::Null).await.expect(200).json();
        assert_eq!(read["default_org_member_roles"], then, "{asked}");
    }
    let unknown = json!({ "default_org_member_roles": ["chef", "organization-auditor", "owner"] });
    let refused = house.sdk(PATCH, &path, &owner, unknown).await.expect(400).json();
    let fields: Vec<&Value> = refused["validations"].as_array().unwrap().iter().map(|one| &one["field"]).collect();
    assert_eq!(fields, ["default_org_member_roles", "default_org_member_roles"]);
    house.sdk(GET, &format!("{path}/settings/workspace-sharing"), &owner, Value::Null).await.expect(404);
}

#[actix_web::test]
async fn organizations_roles_create_is_never_given_less_than_it_asked_for() {
    let house = house().await;
    let owner = house.owner().await;
    let roles = "/api/v2/organizations/default/members/roles";
    let read = json!([{ "negate": false, "resource_type": "template", "action": "read" }]);
    let mut body = json!({
        "name": "reader", "display_name": "", "site_permissions": [], "organization_permissions": read.clone(),
        "user_permissions": [], "organization_member_permissions": null,
    });
    let made = house.sdk(POST, roles, &owner, body.clone()).await.expect(200).json();
    assert_eq!(made["organization_member_permissions"], json!([]));
    let listed = house.sdk(GET, roles, &owner, Value::Null).await.expect(200).json();
    let listed = listed.as_array().unwrap().iter().find(|role| role["name"] == "reader").unwrap().clone();
    assert_eq!((&listed["display_name"], &listed["organization_member_permissions"]), (&json!(""), &json!([])));
    body["organization_member_permissions"] = read;
    let changed = house.sdk(PUT, roles, &owner, body.clone()).await.expect(200).json();
    assert_eq!(changed["organization_member_permissions"], body["organization_member_permissions"]);
    let listed = house.sdk(GET, roles, &owner, Value::Null).await.expect(200).json();
    let listed = listed.as_array().unwrap().iter().find(|role| role["name"] == "reader").unwrap().clone();
    assert_eq!(listed["organization_member_permissions"], body["organization_member_permissions"]);
    for list in ["organization_permissions", "organization_member_permissions", "site_permissions", "user_permissions"]
    {
        let mut unknown = body.clone();
        unknown[list] = json!([{ "negate": false, "resource_type": "spaceship", "action": "fly" }]);
        let refused = house.sdk(PUT, roles, &owner, unknown).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], list, "{refused}");
    }
}

#[actix_web::test]
async fn a_role_opens_what_its_member_owns_in_the_organization() {
    let house = house().await;
    let owner = house.owner().await;
    let member = house.member(&owner, "bob").await;
    let organization = "/api/v2/organizations/default";
    let place = house.sdk(GET, organization, &owner, Value::Null).await.expect(200).json()["id"].clone();
    let ann = house.sdk(GET, "/api/v2/users/me", &owner, Value::Null).await.expect(200).json()["id"].clone();
    let may_leave = async || {
        let of = |owner: &Value| json!({ "resource_type": "organization_member", "owner_id": owner, "organization_id": place });
        let asked = json!({ "checks": {
            "own": { "action": "delete", "object": of(&json!("me")) },
            "other": { "action": "delete", "object": of(&ann) },
        } });
        house.sdk(POST, "/api/v2/authcheck", &member, asked).await.expect(200).json()
    };
    assert_eq!(may_leave().await, json!({ "own": false, "other": false }));
    let leave = json!([{ "negate": false, "resource_type": "organization_member", "action": "delete" }]);
    let role = json!({ "name": "leaver", "organization_member_permissions": leave });
    house.sdk(POST, &format!("{organization}/members/roles"), &owner, role).await.expect(200);
    let given = json!({ "roles": ["leaver"] });
    house.sdk(PUT, &format!("{organization}/members/bob/roles"), &owner, given).await.expect(200);
    assert_eq!(may_leave().await, json!({ "own": true, "other": false }));
}
