//! A body with several defects is told all of them in one answer.

use crate::house::house;
use actix_web::http::Method;
use serde_json::{Value, json};

const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;

/// What `validations` blames, in order.
fn blamed(answer: &Value) -> Vec<String> {
    let fields = answer["validations"].as_array().unwrap_or_else(|| panic!("no validations: {answer}"));
    fields.iter().map(|one| one["field"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn every_body_is_told_all_its_defects_at_once() {
    let house = house().await;
    let owner = house.owner().await;
    let organization = house.get("/organizations/default", &owner).await.expect(200).json()["id"].clone();
    let bob = json!({
        "email": "bob@example.com", "username": "bob", "password": crate::house::PASSWORD,
        "organization_ids": [organization],
    });
    house.api(POST, "/users", &owner, bob).await.expect(201);
    let group = house.api(POST, "/organizations/default/groups", &owner, json!({ "name": "devs" })).await.expect(201);
    let group = group.json()["id"].as_str().unwrap().to_owned();
    let template = house.api(POST, "/organizations/default/templates", &owner, json!({ "name": "dev" })).await;
    let template = template.expect(201).json()["id"].as_str().unwrap().to_owned();
    let workspace = json!({ "template_id": template, "name": "box" });
    let workspace = house.api(POST, "/users/me/workspaces", &owner, workspace).await.expect(201);
    let workspace = workspace.json()["id"].as_str().unwrap().to_owned();
    let stranger = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    let long = "x".repeat(10_000);
    let permission =
        |negate: bool, action: &str| json!({ "negate": negate, "resource_type": "group", "action": action });

    let cases: Vec<(Method, String, Value, Vec<&str>)> = vec![
        (
            POST,
            "/users".into(),
            json!({ "email": "", "username": "a b", "name": " x ", "password": "weak", "user_status": "asleep" }),
            vec!["email", "username", "name", "password", "organization_ids", "user_status"],
        ),
        (
            POST,
            "/users".into(),
            json!({ "email": "c@example.com", "username": "carl", "login_type": "teleport", "password": "x" }),
            vec!["password", "organization_ids", "login_type"],
        ),
        (PUT, "/users/me/password".into(), json!({ "password": "weak" }), vec!["old_password", "password"]),
        (
            PUT,
            "/users/me/appearance".into(),
            json!({ "theme_preference": long, "terminal_font": "comic" }),
            vec!["theme_preference", "terminal_font"],
        ),
        (PUT, "/users/me/profile".into(), json!({ "username": "a b", "name": " x " }), vec!["username", "name"]),
        (PUT, "/users/bob/roles".into(), json!({ "roles": ["nonsense", "rubbish"] }), vec!["roles"; 2]),
        (
            PUT,
            "/organizations/default/members/bob/roles".into(),
            json!({ "roles": ["a:b", "c:d", "e"] }),
            vec!["roles"; 2],
        ),
        (
            PUT,
            "/organizations/default/members/bob/roles".into(),
            json!({ "roles": ["nonsense", "rubbish", "organization-auditor"] }),
            vec!["roles"; 2],
        ),
        (
            POST,
            "/organizations".into(),
            json!({ "name": "default", "display_name": " x", "description": long, "icon": long }),
            vec!["display_name", "description", "icon", "name"],
        ),
        (
            PATCH,
            "/organizations/default".into(),
            json!({ "name": "default", "display_name": " x", "description": long }),
            vec!["display_name", "description", "name"],
        ),
        (
            POST,
            "/organizations/default/members/roles".into(),
            json!({
                "name": "new",
                "site_permissions": [permission(false, "read")],
                "user_permissions": [permission(false, "read")],
                "organization_permissions": [
                    permission(true, "read"), permission(false, "*"), permission(false, "fly"),
                    permission(false, "read"), permission(false, "read"),
                ],
            }),
            vec![
                "name",
                "site_permissions",
                "user_permissions",
                "organization_permissions",
                "organization_permissions",
                "organization_permissions",
                "organization_permissions",
            ],
        ),
        (
            POST,
            "/organizations/default/groups".into(),
            json!({ "name": "Everyone", "display_name": " x", "avatar_url": long, "quota_allowance": 1_i64 << 40 }),
            vec!["name", "display_name", "avatar_url", "quota_allowance"],
        ),
        (
            PATCH,
            format!("/groups/{group}"),
            json!({
                "name": "a b!", "display_name": " x", "quota_allowance": 1_i64 << 40,
                "add_users": ["x", "y", stranger, stranger], "remove_users": ["z", stranger],
            }),
            vec![
                "name",
                "display_name",
                "quota_allowance",
                "add_users",
                "add_users",
                "add_users",
                "add_users",
                "add_users",
                "remove_users",
                "remove_users",
            ],
        ),
        (
            POST,
            "/organizations/default/templates".into(),
            json!({ "name": "a b", "display_name": " x", "icon": long, "default_ttl_ms": -1, "failure_ttl_ms": 1 }),
            vec!["name", "display_name", "icon", "default_ttl_ms", "failure_ttl_ms"],
        ),
        (
            PATCH,
            format!("/templates/{template}"),
            json!({ "name": "a b", "description": long, "default_ttl_ms": -1, "failure_ttl_ms": 1 }),
            vec!["name", "description", "default_ttl_ms", "failure_ttl_ms"],
        ),
        (
            PATCH,
            format!("/templates/{template}/acl"),
            json!({ "user_perms": { "x": "root", stranger: "use" }, "group_perms": { "y": "root" } }),
            vec!["user_perms", "user_perms", "group_perms", "group_perms", "user_perms"],
        ),
        (
            POST,
            "/users/me/workspaces".into(),
            json!({ "name": "a b", "daily_cost": -1 }),
            vec!["template_id", "name", "daily_cost"],
        ),
        (
            POST,
            format!("/workspaces/{workspace}/builds"),
            json!({ "transition": "fly", "daily_cost": -1 }),
            vec!["transition", "daily_cost"],
        ),
        (
            POST,
            "/users/me/keys/tokens".into(),
            json!({ "scopes": ["nonsense", "rubbish"], "allow_list": ["x", "y"], "token_name": long }),
            vec!["scope", "scope", "allow_list", "allow_list", "token_name"],
        ),
        (
            POST,
            "/users/me/keys/tokens".into(),
            json!({ "scopes": ["nonsense"], "lifetime": -1, "allow_list": ["x"] }),
            vec!["scope", "allow_list", "lifetime"],
        ),
        (
            POST,
            "/users/me/keys/tokens".into(),
            json!({ "scopes": ["coder:all"], "scope": "user:read", "token_name": "a/b" }),
            vec!["scope", "token_name"],
        ),
        (
            POST,
            "/users/bob/keys/tokens".into(),
            json!({ "lifetime": i64::MAX, "token_name": "a/b" }),
            vec!["token_name", "lifetime"],
        ),
        (
            POST,
            "/users".into(),
            json!({
                "email": "", "username": "carl", "password": crate::house::PASSWORD, "organization_ids": [organization],
                "roles": ["nonsense", "rubbish"],
            }),
            vec!["email", "roles", "roles"],
        ),
        (
            POST,
            "/oauth2-provider/apps".into(),
            json!({
                "name": "robot", "callback_url": "https://b.example/cb",
                "redirect_uris": ["https://a.example/cb", "javascript:x", "http://a/#b"],
            }),
            vec!["callback_url", "redirect_uris", "redirect_uris"],
        ),
        (
            Method::GET,
            "/groups?group_ids=x,y&group_ids=z&limit=-1".into(),
            Value::Null,
            vec!["group_ids", "group_ids", "group_ids", "limit"],
        ),
        (
            POST,
            "/oauth2-provider/apps".into(),
            json!({
                "name": "", "redirect_uris": ["javascript:x", "http://a/#b"], "icon": long, "redirect_match": "loose",
                "scopes": ["nonsense", "rubbish"], "allowed_resources": ["x", "y"], "resources": ["z"],
                "public": true, "service_account": true,
            }),
            vec![
                "name",
                "redirect_uris",
                "redirect_uris",
                "service_account",
                "icon",
                "redirect_match",
                "scopes",
                "scopes",
                "allowed_resources",
                "allowed_resources",
                "resources",
            ],
        ),
        (
            POST,
            "/authcheck".into(),
            json!({ "checks": {
                "a": { "object": { "resource_type": "" } },
                "b": { "object": { "resource_type": "user", "resource_id": "x" } },
                "c": { "object": { "resource_type": "user", "resource_id": "y" } },
                "d": { "object": { "resource_type": "file", "resource_id": stranger } },
            }}),
            vec!["resource_type", "resource_id", "resource_id", "resource_type"],
        ),
        (
            POST,
            "/audit/testgenerate".into(),
            json!({ "action": "fly", "resource_type": "ship", "time": "never" }),
            vec!["action", "resource_type", "time"],
        ),
        (POST, "/users/login".into(), json!({ "email": "", "password": "" }), vec!["email", "password"]),
    ];
    for (method, path, body, expected) in cases {
        let answer = house.api(method.clone(), &path, &owner, body.clone()).await.expect(400).json();
        let mut found = blamed(&answer);
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        // What is told matters, not in which order.
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{method} {path}: {answer}");
    }
}

#[actix_web::test]
async fn all_that_is_taken_and_all_that_is_unknown_is_told() {
    let house = house().await;
    let owner = house.owner().await;
    let organization = house.get("/organizations/default", &owner).await.expect(200).json()["id"].clone();
    let user = |email: &str, username: &str, places: Value| {
        json!({
            "email": email, "username": username, "password": crate::house::PASSWORD, "organization_ids": places,
        })
    };
    house.api(POST, "/users", &owner, user("bob@example.com", "bob", json!([organization]))).await.expect(201);
    house.api(POST, "/users", &owner, user("carl@example.com", "carl", json!([organization]))).await.expect(201);
    for (email, username, taken) in [
        ("Bob@example.com", "carl", vec!["email", "username"]),
        ("bob@example.com", "BOB", vec!["email", "username"]),
        ("bob@example.com", "dan", vec!["email"]),
        ("dan@example.com", "bob", vec!["username"]),
    ] {
        let refused = house.api(POST, "/users", &owner, user(email, username, json!([organization]))).await.expect(409);
        assert_eq!(blamed(&refused.json()), taken, "{email} {username}");
    }
    let strangers = ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"];
    let places = json!([strangers[0], organization, strangers[1], strangers[0]]);
    let refused = house.api(POST, "/users", &owner, user("dan@example.com", "dan", places)).await.expect(404).json();
    let told = refused["message"].as_str().unwrap();
    assert_eq!(strangers.map(|stranger| told.matches(stranger).count()), [1, 1], "{told}");
    let refused = house.api(POST, "/users", &owner, user("dan@example.com", "dan", json!([strangers[0]]))).await;
    assert_eq!(refused.expect(404).json()["message"], format!("Organization \"{}\" not found.", strangers[0]));
}
