//! Groups.

use crate::house::{House, house};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use serde_json::{Value, json};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;
const DEVS: &str = "/organizations/coder/groups/devs";

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    /// Makes a group in the default organization.
    async fn group(&self, token: &str, body: Value) -> Value {
        self.api(POST, "/organizations/default/groups", token, body).await.expect(201).json()
    }

    async fn patch(&self, token: &str, group: &Value, body: Value, status: u16) -> Value {
        self.api(PATCH, &format!("/groups/{}", text(&group["id"])), token, body).await.expect(status).json()
    }

    /// Id of the one who asks.
    async fn me(&self, token: &str) -> String {
        text(&self.get("/users/me", token).await.expect(200).json()["id"]).to_owned()
    }

    /// Names of the groups of a list.
    async fn names(&self, path: &str, token: &str) -> Vec<String> {
        let list = self.get(path, token).await.expect(200).json();
        list.as_array().unwrap().iter().map(|group| text(&group["name"]).to_owned()).collect()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Names of the members, sorted.
fn members(group: &Value) -> Vec<&str> {
    let mut names: Vec<&str> =
        group["members"].as_array().unwrap().iter().map(|member| text(&member["username"])).collect();
    names.sort_unstable();
    names
}

fn blamed(error: &Value) -> &str {
    text(&error["validations"][0]["field"])
}

#[actix_web::test]
async fn paging_goes_on_after_a_group_or_user_that_was_deleted_meanwhile() {
    let house = house().await;
    let owner = house.owner().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let made = house.group(&owner, json!({ "name": name })).await;
        ids.push(text(&made["id"]).to_owned());
        house.member(&owner, &format!("user-{name}")).await;
    }
    house.api(DELETE, &format!("/groups/{}", ids[1]), &owner, Value::Null).await.expect(200);
    assert_eq!(house.names(&format!("/groups?limit=1&after_id={}", ids[1]), &owner).await, ["c"]);
    let paged = format!("/organizations/coder/paginated-groups?limit=1&after_id={}", ids[1]);
    assert_eq!(house.get(&paged, &owner).await.expect(200).json()["groups"][0]["name"], "c");
    house.api(DELETE, &format!("/groups/{}", ids[2]), &owner, Value::Null).await.expect(200);
    assert_eq!(house.names(&format!("/groups?after_id={}", ids[1]), &owner).await, ["d", "Everyone"]);

    // The group of all members goes with its organization.
    let acme = house.api(POST, "/organizations", &owner, json!({ "name": "acme" })).await.expect(201).json();
    house.api(DELETE, "/organizations/acme", &owner, Value::Null).await.expect(200);
    house.group(&owner, json!({ "name": "zoo" })).await;
    assert_eq!(house.names(&format!("/groups?after_id={}", text(&acme["id"])), &owner).await.last().unwrap(), "zoo");

    let user = house.get("/users/user-b", &owner).await.expect(200).json();
    house.api(DELETE, "/users/user-b", &owner, Value::Null).await.expect(200);
    let page = house.get(&format!("/users?limit=1&after_id={}", text(&user["id"])), &owner).await.expect(200).json();
    assert_eq!(page["users"][0]["username"], "user-c");
}

#[actix_web::test]
async fn a_new_group_is_empty_and_has_all_keys() {
    let house = house().await;
    let owner = house.owner().await;
    let made = house.group(&owner, json!({ "NAME": "devs", "avatar_url": "no url", "quota_allowance": -7 })).await;
    let organization = &house.get("/users/me/organizations", &owner).await.json()[0];
    assert_eq!(
        made,
        json!({
            "id": made["id"], "name": "devs", "display_name": "", "organization_id": organization["id"], "members": [],
            "total_member_count": 0, "avatar_url": "no url", "quota_allowance": -7, "source": "user",
            "organization_name": organization["name"], "organization_display_name": organization["display_name"],
        })
    );
    assert_eq!(house.get(DEVS, &owner).await.expect(200).json(), made);
    assert_eq!(house.get(&format!("/groups/{}", text(&made["id"])), &owner).await.expect(200).json(), made);
    house.get("/organizations/coder/groups/Devs", &owner).await.expect(404);
    house.get("/groups/devs", &owner).await.expect(400);
    house.get("/groups/00000000-0000-0000-0000-000000000001", &owner).await.expect(404);
    let unknown = house.get("/organizations/none/groups/devs", &owner).await.expect(404).json();
    assert!(text(&unknown["message"]).contains("\"none\""));
}

#[actix_web::test]
async fn what_a_new_group_must_keep() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    house.group(&owner, json!({ "name": "devs" })).await;
    house.group(&owner, json!({ "name": "DEVS" })).await;
    house.group(&owner, json!({ "name": "everyone" })).await;
    let long = "a".repeat(256);
    for (body, status, field) in [
        (json!({}), 400, "name"),
        (json!({ "name": "Everyone" }), 400, "name"),
        (json!({ "name": "new" }), 400, "name"),
        (json!({ "name": "create" }), 400, "name"),
        (json!({ "name": "a_b" }), 400, "name"),
        (json!({ "name": long }), 400, "name"),
        (json!({ "name": "ops", "display_name": " x" }), 400, "display_name"),
        (json!({ "name": "ops", "display_name": "x".repeat(65) }), 400, "display_name"),
        (json!({ "name": "ops", "avatar_url": "x".repeat(2049) }), 400, "avatar_url"),
        (json!({ "name": "ops", "quota_allowance": 2_147_483_648_i64 }), 400, "quota_allowance"),
        (json!({ "name": "ops", "quota_allowance": -2_147_483_649_i64 }), 400, "quota_allowance"),
        (json!({ "name": "devs" }), 409, "name"),
    ] {
        let refused = house.api(POST, "/organizations/coder/groups", &owner, body.clone()).await.expect(status).json();
        assert_eq!(blamed(&refused), field, "{body}");
    }
    for broken in [json!({ "name": 1 }), json!({ "name": "x\u{0}" }), json!({ "name": "x", "quota_allowance": 1.5 })] {
        house.api(POST, "/organizations/coder/groups", &owner, broken).await.expect(400);
    }
    // Who may not make any is told so, whatever is sent.
    for body in [json!({ "name": "ops" }), json!({ "name": "Everyone" }), json!([])] {
        house.api(POST, "/organizations/coder/groups", &bob, body.clone()).await.expect(403);
        house.api(POST, "/organizations/none/groups", &bob, body).await.expect(404);
    }
    house.group(&owner, json!({ "name": "a".repeat(255), "quota_allowance": i32::MIN })).await;
}

#[actix_web::test]
async fn members_see_their_groups_and_themselves_in_them() {
    let house = house().await;
    let owner = house.owner().await;
    let (bob, cy) = (house.member(&owner, "bob").await, house.member(&owner, "cy").await);
    let (b, c) = (house.me(&bob).await, house.me(&cy).await);
    let devs = house.group(&owner, json!({ "name": "devs" })).await;
    house.group(&owner, json!({ "name": "Ants" })).await;
    let changed = house.patch(&owner, &devs, json!({ "add_users": [b, c] }), 200).await;
    assert_eq!((members(&changed), &changed["total_member_count"]), (vec!["bob", "cy"], &json!(2)));
    let member = &changed["members"][0];
    let user = house.get(&format!("/users/{}", text(&member["id"])), &owner).await.json();
    for key in ["id", "username", "email", "created_at", "updated_at", "last_seen_at", "status", "login_type"] {
        assert_eq!(member[key], user[key], "{key}");
    }
    assert!(member.get("name").is_none() && member.get("roles").is_none() && member.get("avatar_url").is_none());

    assert_eq!(house.names("/groups", &owner).await, ["Ants", "devs", "Everyone"]);
    assert_eq!(house.names("/groups", &bob).await, ["devs", "Everyone"], "membership counts at once");
    let seen = house.get(DEVS, &bob).await.expect(200).json();
    assert_eq!((members(&seen), &seen["total_member_count"]), (vec!["bob"], &json!(2)));
    let everyone = house.get("/organizations/coder/groups/Everyone", &cy).await.expect(200).json();
    assert_eq!(everyone["id"], everyone["organization_id"]);
    assert_eq!((members(&everyone), &everyone["total_member_count"]), (vec!["cy"], &json!(3)));
    house.get("/organizations/coder/groups/Ants", &bob).await.expect(404);
    house.api(PATCH, &format!("/groups/{}", text(&devs["id"])), &bob, json!({ "name": "x" })).await.expect(403);
    house.api(PATCH, &format!("/groups/{}", text(&devs["id"])), &bob, json!([])).await.expect(403);
    house.api(DELETE, &format!("/groups/{}", text(&devs["id"])), &bob, Value::Null).await.expect(403);

    house.api(Method::PUT, "/users/bob/status/suspend", &owner, Value::Null).await.expect(200);
    assert_eq!(members(&house.get(DEVS, &owner).await.json()), ["bob", "cy"], "suspended, and still a member");
    house.api(DELETE, "/users/bob", &owner, Value::Null).await.expect(200);
    let left = house.get(DEVS, &owner).await.json();
    assert_eq!((members(&left), &left["total_member_count"]), (vec!["cy"], &json!(1)));
    house.patch(&owner, &devs, json!({ "remove_users": [c] }), 200).await;
    assert_eq!(house.names("/groups", &cy).await, ["Everyone"], "and so does leaving");
}

#[actix_web::test]
async fn lists_are_narrowed() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let b = house.me(&bob).await;
    let mut ids = Vec::new();
    for name in ["b", "A", "a-b"] {
        ids.push(text(&house.group(&owner, json!({ "name": name })).await["id"]).to_owned());
    }
    house.patch(&owner, &json!({ "id": ids[0] }), json!({ "add_users": [b] }), 200).await;
    let organization = house.get("/users/me/organizations", &owner).await.json()[0]["id"].clone();
    let id = text(&organization);
    for (path, expected) in [
        ("/groups".to_owned(), "A a-b b Everyone"),
        ("/groups?organization=CODER".to_owned(), "A a-b b Everyone"),
        (format!("/groups?organization={id}"), "A a-b b Everyone"),
        ("/groups?organization=00000000-0000-0000-0000-000000000001".to_owned(), ""),
        ("/groups?has_member=Bob".to_owned(), "b Everyone"),
        (format!("/groups?has_member={b}&organization={id}"), "b Everyone"),
        ("/groups?has_member=00000000-0000-0000-0000-000000000001".to_owned(), ""),
        (format!("/groups?group_ids={},{}&group_ids={id}", ids[0], ids[1]), "A b Everyone"),
        (format!("/groups?group_ids={},{}&has_member=bob", ids[0], ids[1]), "b"),
        ("/groups?group_ids=&has_member=&organization=".to_owned(), "A a-b b Everyone"),
        ("/organizations/default/groups?has_member=bob".to_owned(), "b Everyone"),
        (format!("/organizations/coder/groups?group_ids={}", ids[2]), "a-b"),
        ("/groups?limit=2&offset=1".to_owned(), "a-b b"),
        (format!("/groups?limit=1&after_id={}", ids[0]), "Everyone"),
        ("/groups?after_id=00000000-0000-0000-0000-000000000001".to_owned(), ""),
    ] {
        assert_eq!(house.names(&path, &owner).await.join(" "), expected, "{path}");
    }
    for (path, field) in [
        ("/groups?has_member=nobody", "has_member"),
        ("/groups?organization=none", "organization"),
        ("/groups?group_ids=x", "group_ids"),
        ("/groups?name=x", "name"),
        ("/groups?has_member=a&has_member=b", "has_member"),
        ("/organizations/coder/groups?organization=coder", "organization"),
    ] {
        assert_eq!(blamed(&house.get(path, &owner).await.expect(400).json()), field, "{path}");
    }
    let both = house.get("/groups?has_member=nobody&organization=none", &owner).await.expect(400).json();
    assert_eq!(both["validations"].as_array().unwrap().len(), 2, "{both}");
    // Who cannot be seen has no name that could be asked for.
    assert_eq!(blamed(&house.get("/groups?has_member=ann", &bob).await.expect(400).json()), "has_member");
    // Nor does an id tell who else is a member.
    let a = house.me(&owner).await;
    assert_eq!(house.names(&format!("/groups?has_member={a}"), &owner).await, ["Everyone"]);
    assert_eq!(house.names(&format!("/groups?has_member={a}"), &bob).await, [""; 0]);
    assert_eq!(house.names(&format!("/groups?has_member={b}"), &bob).await, ["b", "Everyone"]);
    house.get("/organizations/none/groups", &owner).await.expect(404);
    let ids: Vec<String> = (0..1500).map(|n| format!("00000000-0000-0000-0000-{n:012}")).collect();
    assert_eq!(
        house.get(&format!("/groups?group_ids={},{id}", ids.join(",")), &owner).await.expect(200).json()[0]["id"],
        id
    );
}

#[actix_web::test]
async fn a_change_is_checked_in_order_and_done_as_a_whole() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let (a, b) = (house.me(&owner).await, house.me(&bob).await);
    let devs = house.group(&owner, json!({ "name": "devs", "display_name": "Devs", "avatar_url": "/a" })).await;
    house.group(&owner, json!({ "name": "ops" })).await;
    house.patch(&owner, &devs, json!({ "add_users": [b] }), 200).await;
    let nobody = "00000000-0000-0000-0000-000000000001";
    let before = house.get(DEVS, &owner).await.json();
    for (body, status, field) in [
        (json!({ "name": "a_b", "add_users": ["x"] }), 400, "name"),
        (json!({ "name": "Everyone", "add_users": ["x"] }), 400, "name"),
        (json!({ "name": "ops", "add_users": ["x"] }), 400, "add_users"),
        (json!({ "name": "ops", "remove_users": ["x"] }), 400, "remove_users"),
        (json!({ "name": "ops", "add_users": [nobody] }), 400, "add_users"),
        (json!({ "name": "ops", "remove_users": [nobody] }), 400, "remove_users"),
        (json!({ "name": "ops", "add_users": [b] }), 409, "name"),
        (json!({ "name": "new-name", "display_name": "x", "add_users": [a, b] }), 400, "add_users"),
        (json!({ "quota_allowance": 5, "add_users": [a, a] }), 400, "add_users"),
        (json!({ "quota_allowance": 2_147_483_648_i64 }), 400, "quota_allowance"),
        (json!({ "avatar_url": "x".repeat(3000) }), 400, "avatar_url"),
        (json!({ "display_name": "x ", "avatar_url": "y" }), 400, "display_name"),
    ] {
        let refused = house.patch(&owner, &devs, body.clone(), status).await;
        assert_eq!(blamed(&refused), field, "{body}");
        assert_eq!(house.get(DEVS, &owner).await.json(), before, "{body}");
    }
    let same = house.patch(&owner, &devs, json!({ "name": "devs", "display_name": null }), 200).await;
    assert_eq!(
        (&same["name"], &same["display_name"], &same["avatar_url"]),
        (&json!("devs"), &json!("Devs"), &json!("/a"))
    );
    let removed = house.patch(&owner, &devs, json!({ "remove_users": [a, a, b] }), 200).await;
    assert_eq!(members(&removed), [""; 0], "who is not there may be removed");
    let renamed = house
        .patch(
            &owner,
            &devs,
            json!({ "name": "Devs", "display_name": "", "avatar_url": "", "quota_allowance": -1, "add_users": [b, a] }),
            200,
        )
        .await;
    assert_eq!(
        (&renamed["name"], &renamed["display_name"], &renamed["avatar_url"]),
        (&json!("Devs"), &json!(""), &json!(""))
    );
    assert_eq!((&renamed["quota_allowance"], members(&renamed)), (&json!(-1), vec!["ann", "bob"]));
    house.api(PATCH, &format!("/groups/{nobody}"), &owner, json!([])).await.expect(404);
    house.api(PATCH, "/groups/devs", &owner, json!({})).await.expect(400);
    house.api(PATCH, &format!("/groups/{}", text(&devs["id"])), &owner, json!({ "add_users": [1] })).await.expect(400);
}

#[actix_web::test]
async fn everyone_stays_everyone() {
    let house = house().await;
    let owner = house.owner().await;
    let me = house.me(&owner).await;
    let everyone = house.get("/organizations/coder/groups/Everyone", &owner).await.expect(200).json();
    for (body, status) in [
        (json!({ "name": "all" }), 400),
        (json!({ "display_name": "All" }), 400),
        (json!({ "add_users": [me] }), 403),
        (json!({ "remove_users": ["x"] }), 403),
    ] {
        house.patch(&owner, &everyone, body, status).await;
    }
    let body = json!({ "name": "Everyone", "display_name": "", "quota_allowance": 9, "avatar_url": "/all.png" });
    let changed = house.patch(&owner, &everyone, body, 200).await;
    assert_eq!((&changed["quota_allowance"], &changed["avatar_url"]), (&json!(9), &json!("/all.png")));
    assert_eq!(members(&changed), ["ann"]);
    house.api(DELETE, &format!("/groups/{}", text(&everyone["id"])), &owner, Value::Null).await.expect(400);
}

#[actix_web::test]
async fn a_deleted_group_is_gone() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let devs = house.group(&owner, json!({ "name": "devs" })).await;
    house.patch(&owner, &devs, json!({ "add_users": [house.me(&bob).await] }), 200).await;
    let path = format!("/groups/{}", text(&devs["id"]));
    let answer = house.api(DELETE, &path, &owner, Value::Null).await.expect(200).json();
    assert!(answer.get("message").is_some() && answer.get("id").is_none());
    house.api(GET, &path, &owner, Value::Null).await.expect(404);
    house.api(DELETE, &path, &owner, Value::Null).await.expect(404);
    assert_eq!(house.names("/groups", &bob).await, ["Everyone"]);
    house.group(&owner, json!({ "name": "devs" })).await;
}
