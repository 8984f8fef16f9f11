//! Organizations, members and their roles.

use crate::house::house;
use actix_web::http::Method;
use serde_json::{Value, json};

const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

fn names(list: &Value, key: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|entry| entry[key].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn organizations_live_their_life() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let made = house.api(POST, "/organizations", &owner, json!({ "NAME": "Acme" })).await.expect(201).json();
    assert_eq!((&made["display_name"], &made["is_default"]), (&json!("Acme"), &json!(false)));
    assert_eq!(names(&house.get("/organizations", &owner).await.expect(200).json(), "name"), ["Acme", "coder"]);
    assert_eq!(names(&house.get("/organizations", &bob).await.expect(200).json(), "name"), ["coder"]);
    let members = house.get("/organizations/acme/members", &owner).await.expect(200).json();
    assert_eq!((names(&members, "username"), &members[0]["roles"]), (vec!["ann".to_owned()], &json!([])));
    assert_eq!(members[0]["global_roles"], json!([{ "name": "owner", "display_name": "Owner" }]));

    let id = made["id"].as_str().unwrap();
    for name in [id, "acme", "ACME"] {
        assert_eq!(house.get(&format!("/organizations/{name}"), &owner).await.expect(200).json()["id"], id);
        let hidden = house.get(&format!("/organizations/{name}"), &bob).await.expect(404).json();
        assert!(hidden["message"].as_str().unwrap().contains(name));
    }
    for name in ["default", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(house.get(&format!("/organizations/{name}"), &bob).await.expect(200).json()["name"], "coder");
    }

    for taken in ["acme", "CODER"] {
        let refused = house.api(POST, "/organizations", &owner, json!({ "name": taken })).await.expect(409).json();
        assert_eq!(refused["validations"][0]["field"], "name");
    }
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "name": "new" }), "name"),
        (json!({ "name": "create" }), "name"),
        (json!({ "name": "a_b" }), "name"),
        (json!({ "name": "a".repeat(33) }), "name"),
        (json!({ "name": "b", "display_name": "x".repeat(65) }), "display_name"),
        (json!({ "name": "b", "display_name": " b" }), "display_name"),
        (json!({ "name": "b", "description": "x".repeat(4097) }), "description"),
        (json!({ "name": "b", "icon": "x".repeat(4097) }), "icon"),
    ] {
        let refused = house.api(POST, "/organizations", &owner, body.clone()).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], field, "{body}");
        if body["name"].is_string() {
            let refused = house.api(PATCH, "/organizations/acme", &owner, body).await.expect(400).json();
            assert_eq!(refused["validations"][0]["field"], field);
        }
    }
    for reserved in ["default", "Default"] {
        house.api(POST, "/organizations", &owner, json!({ "name": reserved })).await.expect(400);
        house.api(PATCH, "/organizations/acme", &owner, json!({ "name": reserved })).await.expect(400);
    }
    house.api(POST, "/organizations", &bob, json!({ "name": "bobs" })).await.expect(403);
    house.api(PATCH, "/organizations/acme", &owner, json!({ "name": "coder" })).await.expect(409);
    house.api(PATCH, "/organizations/coder", &bob, json!({ "name": "x" })).await.expect(404);
    house.api(PATCH, "/organizations/acme", &bob, json!({ "name": 1 })).await.expect(404);

    let change = json!({ "name": "ACME", "display_name": "", "description": "us", "icon": null });
    let changed = house.api(PATCH, "/organizations/acme", &owner, change).await.expect(200).json();
    let shown = (&changed["name"], &changed["display_name"], &changed["description"], &changed["icon"]);
    assert_eq!(shown, (&json!("ACME"), &json!("Acme"), &json!("us"), &json!("")));
    let cleared =
        house.api(PATCH, "/organizations/acme", &owner, json!({ "description": "" })).await.expect(200).json();
    assert_eq!(cleared["description"], "");

    house.api(DELETE, "/organizations/default", &owner, Value::Null).await.expect(400);
    house.api(DELETE, "/organizations/default", &bob, Value::Null).await.expect(403);
    house.api(POST, "/organizations/acme/members/bob", &owner, Value::Null).await.expect(200);
    let refused = house.api(DELETE, "/organizations/acme", &owner, Value::Null).await.expect(400).json();
    assert!(refused["detail"].as_str().unwrap().contains("2 members"), "{refused}");
    house.api(DELETE, "/organizations/acme/members/bob", &owner, Value::Null).await.expect(204);
    house.api(DELETE, "/organizations/acme", &owner, Value::Null).await.expect(200);
    house.get(&format!("/organizations/{id}"), &owner).await.expect(404);
    house.api(POST, &format!("/organizations/{id}/members/bob"), &owner, Value::Null).await.expect(404);
    house.api(POST, "/organizations", &owner, json!({ "name": "acme" })).await.expect(201);
    assert_eq!(house.get("/users/me", &owner).await.json()["organization_ids"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn members_come_and_go() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let admin = house.member(&owner, "Cid").await;
    house.api(POST, "/organizations", &owner, json!({ "name": "acme" })).await.expect(201);
    let added = house.api(POST, "/organizations/acme/members/cid", &owner, Value::Null).await.expect(200).json();
    assert!(added.get("username").is_none() && added["user_id"].is_string());
    house.api(POST, "/organizations/acme/members/cid", &owner, Value::Null).await.expect(400);
    let path = "/organizations/acme/members/cid/roles";
    let promoted = house.api(PUT, path, &owner, json!({ "roles": ["organization-admin"] })).await.expect(200).json();
    let role = &promoted["roles"][0];
    let expected = (&json!("organization-admin"), &json!("Organization Admin"), &promoted["organization_id"]);
    assert_eq!((&role["name"], &role["display_name"], &role["organization_id"]), expected);

    // Who is no member sees nothing; who is one sees only themselves.
    house.get("/organizations/acme/members", &bob).await.expect(404);
    house.api(POST, "/organizations/acme/members/me", &bob, Value::Null).await.expect(404);
    let own = house.get("/organizations/coder/members", &bob).await.expect(200).json();
    assert_eq!(names(&own, "username"), ["bob"]);
    house.api(POST, "/organizations/acme/members/bob", &admin, Value::Null).await.expect(200);
    let all = house.get("/organizations/acme/members", &admin).await.expect(200).json();
    assert_eq!(names(&all, "username"), ["ann", "bob", "Cid"]);
    for (query, expected, count) in [
        ("", vec!["ann", "bob", "Cid"], 3),
        ("?limit=2", vec!["ann", "bob"], 3),
        ("?limit=2&offset=2", vec!["Cid"], 3),
        ("?limit=2&offset=9", vec![], 3),
        ("?limit=0", vec!["ann", "bob", "Cid"], 3),
    ] {
        let page = house.get(&format!("/organizations/acme/paginated-members{query}"), &admin).await.expect(200).json();
        assert_eq!(
            (names(&page["members"], "username"), &page["count"]),
            (expected.iter().map(ToString::to_string).collect(), &json!(count)),
            "{query}"
        );
    }
    let bob_id = house.get("/users/bob", &admin).await.expect(200).json()["id"].as_str().unwrap().to_owned();
    let behind = format!("/organizations/acme/paginated-members?after_id={bob_id}&limit=5");
    let page = house.get(&behind, &admin).await.expect(200).json();
    assert_eq!((names(&page["members"], "username"), &page["count"]), (vec!["Cid".to_owned()], &json!(1)));
    let page = house.get("/organizations/acme/paginated-members", &bob).await.expect(200).json();
    assert_eq!(page["count"], 1);
    house.get("/organizations/acme/paginated-members?limit=-1", &admin).await.expect(400);

    house.api(DELETE, "/organizations/acme/members/me", &admin, Value::Null).await.expect(400);
    house.api(DELETE, "/organizations/acme/members/nobody", &admin, Value::Null).await.expect(400);
    house.api(DELETE, "/organizations/acme/members/ann", &bob, Value::Null).await.expect(400);
    house.api(DELETE, "/organizations/acme/members/bob", &admin, Value::Null).await.expect(204);
    house.api(DELETE, "/organizations/acme/members/bob", &admin, Value::Null).await.expect(404);
    house.get("/organizations/acme", &bob).await.expect(404);
    // A deleted user is a member of nothing.
    house.api(DELETE, "/users/cid", &owner, Value::Null).await.expect(200);
    let left = house.get("/organizations/coder/members", &owner).await.expect(200).json();
    assert_eq!(names(&left, "username"), ["ann", "bob"]);
}

#[actix_web::test]
async fn roles_of_members_are_given_by_the_rules() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let cid = house.member(&owner, "cid").await;
    let roles = |names: &[&str]| json!({ "roles": names });
    house.api(POST, "/organizations", &owner, json!({ "name": "other" })).await.expect(201);
    let role = json!({ "name": "elsewhere" });
    house.api(POST, "/organizations/other/members/roles", &owner, role).await.expect(200);
    let bobs = "/organizations/default/members/bob/roles";
    let organization = house.get("/organizations/default", &owner).await.json()["id"].as_str().unwrap().to_owned();
    for (name, says) in [
        ("owner", "is not a supported role"),
        ("nothing", "is not a supported role"),
        ("elsewhere", "is not a supported role"),
        ("Organization-Admin", "is not a supported role"),
        ("", "is not a supported role"),
        (&format!("organization-admin:{organization}"), "colon"),
        ("a:b:c", "colon"),
    ] {
        let refused = house.api(PUT, bobs, &owner, roles(&[name])).await.expect(400).json();
        assert!(refused["message"].as_str().unwrap().contains(says), "{name}: {refused}");
    }
    let many: Vec<String> = (0..40_000).map(|n| format!("r{n}")).collect();
    house.api(PUT, bobs, &owner, json!({ "roles": many })).await.expect(400);
    house.api(PUT, "/users/bob/roles", &owner, json!({ "roles": many })).await.expect(400);

    let own = house.api(PUT, "/organizations/default/members/me/roles", &owner, json!("?")).await.expect(400).json();
    assert_eq!(own["message"], "You cannot change your own organization roles.");
    house.api(PUT, "/organizations/other/members/bob/roles", &owner, roles(&[])).await.expect(404);
    house.api(PUT, "/organizations/nowhere/members/bob/roles", &owner, roles(&[])).await.expect(404);
    house.api(PUT, bobs, &cid, roles(&["organization-admin"])).await.expect(400);

    // Reads members and users, and gives no roles.
    house.api(PUT, "/users/cid/roles", &owner, roles(&["auditor"])).await.expect(200);
    house.api(PUT, bobs, &cid, roles(&["organization-auditor"])).await.expect(403);
    // Gives the implied role only.
    house.api(PUT, "/users/cid/roles", &owner, roles(&["user-admin"])).await.expect(200);
    let refused = house.api(PUT, bobs, &cid, roles(&["organization-auditor"])).await.expect(400).json();
    assert!(refused["message"].as_str().unwrap().contains("not authorized to assign role"), "{refused}");
    house.api(PUT, bobs, &cid, roles(&["organization-member"])).await.expect(200);
    // So does the user admin of the organization.
    house.api(PUT, "/users/cid/roles", &owner, roles(&[])).await.expect(200);
    let cids = "/organizations/default/members/cid/roles";
    house.api(PUT, cids, &owner, roles(&["organization-user-admin"])).await.expect(200);
    house.api(PUT, bobs, &cid, roles(&["organization-admin"])).await.expect(400);

    let twice = roles(&["organization-auditor", "organization-template-admin", "organization-auditor"]);
    let given = house.api(PUT, bobs, &owner, twice).await.expect(200).json();
    assert_eq!(names(&given["roles"], "name"), ["organization-auditor", "organization-template-admin"]);
    let shown = house.get("/users/bob/roles", &owner).await.expect(200).json();
    assert_eq!(
        shown["organization_roles"][&organization],
        json!(["organization-auditor", "organization-template-admin"])
    );
    let seen = house.get("/organizations/default/members", &bob).await.expect(200).json();
    assert_eq!(seen.as_array().unwrap().len(), 3);
    let taken = house.api(PUT, bobs, &owner, roles(&[])).await.expect(200).json();
    assert_eq!(taken["roles"], json!([]));
    assert_eq!(house.get("/organizations/default/members", &bob).await.json().as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn custom_roles_are_made_given_and_taken() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let cid = house.member(&owner, "cid").await;
    house.api(POST, "/organizations", &owner, json!({ "name": "other" })).await.expect(201);
    let path = "/organizations/default/members/roles";
    let permission = |resource: &str, action: &str| json!({ "resource_type": resource, "action": action });
    let role =
        |name: &str, list: Value| json!({ "name": name, "display_name": "Cook", "organization_permissions": list });
    let reads_members = || json!([permission("organization_member", "read")]);
    let made = house.api(POST, path, &owner, role("Cook", reads_members())).await.expect(200).json();
    assert_eq!((&made["name"], &made["display_name"]), (&json!("cook"), &json!("Cook")));
    assert!(made.get("assignable").is_none());
    let expected = json!([{ "negate": false, "resource_type": "organization_member", "action": "read" }]);
    assert_eq!((&made["organization_permissions"], &made["site_permissions"]), (&expected, &json!([])));

    for (body, says) in [
        (role("COOK", json!([])), "Failed to update role permissions"),
        (role("organization-admin", json!([])), "Reserved"),
        (role("OWNER", json!([])), "Reserved"),
        (role("new", json!([])), "Validation failed."),
        (role("a--b", json!([])), "Validation failed."),
        (role(&"a".repeat(33), json!([])), "Validation failed."),
        (json!({ "name": "b", "display_name": "x".repeat(5000) }), "Validation failed."),
        (json!({ "name": "b", "site_permissions": reads_members() }), "for an organization role"),
        (json!({ "name": "b", "user_permissions": reads_members() }), "for an organization role"),
        (role("b", json!([permission("spaceship", "fly")])), "Failed to update role permissions"),
        (role("b", json!([permission("*", "read")])), "Failed to update role permissions"),
        (role("b", json!([permission("template", "*")])), "Failed to update role permissions"),
        (role("b", json!([permission("template", "ssh")])), "Failed to update role permissions"),
        (role("b", json!([{ "negate": true, "resource_type": "template", "action": "read" }])), "Failed to update"),
        (role("b", json!([permission("template", "read"), permission("template", "read")])), "Failed to update"),
        (json!({ "name": {} }), "valid JSON"),
    ] {
        let refused = house.api(POST, path, &owner, body.clone()).await.expect(400).json();
        assert!(refused["message"].as_str().unwrap().contains(says), "{body}: {refused}");
    }
    // Names are taken everywhere at once.
    let elsewhere = house.api(POST, "/organizations/other/members/roles", &owner, role("cook", json!([]))).await;
    assert_eq!(elsewhere.expect(400).json()["message"], "Failed to update role permissions");
    house.api(POST, path, &bob, role("b", json!([]))).await.expect(404);
    house.api(PUT, path, &bob, role("cook", json!([]))).await.expect(404);
    house.api(DELETE, &format!("{path}/cook"), &bob, Value::Null).await.expect(403);
    house.api(POST, "/organizations/other/members/roles", &bob, json!({ "name": 1 })).await.expect(404);

    let given = json!({ "roles": ["cook", "organization-auditor"] });
    let bobs = "/organizations/default/members/bob/roles";
    let shown = house.api(PUT, bobs, &owner, given).await.expect(200).json();
    assert_eq!(names(&shown["roles"], "display_name"), ["Cook", "Organization Auditor"]);
    house.api(PUT, bobs, &owner, json!({ "roles": ["cook"] })).await.expect(200);
    assert_eq!(house.get("/organizations/default/members", &bob).await.json().as_array().unwrap().len(), 3);

    // What its permissions are is read fresh.
    let odd = json!([permission("spaceship", "fly"), permission("template", "read")]);
    house.api(PUT, path, &owner, role("cook", odd)).await.expect(400);
    let reads = json!([permission("template", "read")]);
    let changed = house.api(PUT, path, &owner, role("cook", reads)).await.expect(200).json();
    assert_eq!(names(&changed["organization_permissions"], "resource_type"), ["template"]);
    assert_eq!(house.get("/organizations/default/members", &bob).await.json().as_array().unwrap().len(), 1);
    house.api(PUT, path, &owner, role("nothing", json!([]))).await.expect(404);
    house.api(PUT, "/organizations/other/members/roles", &owner, role("cook", json!([]))).await.expect(404);

    // An organization admin gives what it has.
    let cids = "/organizations/default/members/cid/roles";
    house.api(PUT, cids, &owner, json!({ "roles": ["organization-admin"] })).await.expect(200);
    house.api(POST, path, &cid, role("reader", json!([permission("template", "read")]))).await.expect(200);
    let ssh = role("shell", json!([permission("workspace", "ssh")]));
    assert_eq!(
        house.api(POST, path, &cid, ssh.clone()).await.expect(400).json()["message"],
        "Failed to update role permissions"
    );
    house.api(POST, path, &owner, ssh).await.expect(200);
    house.api(PUT, bobs, &cid, json!({ "roles": ["cook", "reader"] })).await.expect(200);

    let listed = house.get(path, &bob).await.expect(200).json();
    let all = names(&listed, "name");
    assert!(
        !all.contains(&"organization-member".to_owned())
            && all.ends_with(&["cook".into(), "reader".into(), "shell".into()]),
        "{all:?}"
    );
    assert!(
        listed
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["assignable"] == false && entry["organization_id"].is_string())
    );
    let listed = house.get(path, &cid).await.expect(200).json();
    let count = |key: &str| listed.as_array().unwrap().iter().filter(|entry| entry[key] == true).count();
    assert_eq!((count("assignable"), count("built_in")), (8, 5));
    house.get("/organizations/other/members/roles", &cid).await.expect(404);

    let unknown = house.api(DELETE, &format!("{path}/nothing"), &owner, Value::Null).await.expect(404).json();
    assert_eq!(unknown["message"], "No custom role with the name nothing found");
    house.api(DELETE, &format!("{path}/organization-admin"), &owner, Value::Null).await.expect(404);
    house.api(DELETE, "/organizations/other/members/roles/cook", &owner, Value::Null).await.expect(404);
    house.api(DELETE, &format!("{path}/COOK"), &owner, Value::Null).await.expect(204);
    let left = house.get("/organizations/default/members", &bob).await.expect(200).json();
    assert_eq!(names(&left[0]["roles"], "name"), ["reader"], "the others stay");
    house.api(PUT, bobs, &owner, json!({ "roles": ["cook"] })).await.expect(400);
}

#[actix_web::test]
async fn site_roles_are_listed() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let listed = house.get("/users/roles", &owner).await.expect(200).json();
    assert_eq!(names(&listed, "name"), ["owner", "auditor", "template-admin", "user-admin"]);
    assert!(listed.as_array().unwrap().iter().all(|role| role["assignable"] == true && role["built_in"] == true));
    assert!(listed[0].get("organization_id").is_none() && listed[0]["organization_permissions"] == json!([]));
    let listed = house.get("/users/roles", &bob).await.expect(200).json();
    assert!(listed.as_array().unwrap().iter().all(|role| role["assignable"] == false));
    let limited = json!({ "token_name": "narrow", "scope": "application_connect" });
    let token = house.api(POST, "/users/me/keys/tokens", &bob, limited).await.expect(201).json();
    house.get("/users/roles", token["key"].as_str().unwrap()).await.expect(403);
}
