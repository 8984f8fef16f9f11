//! Groups within groups, and those who look after their members.

use crate::house::{House, house};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use serde_json::{Value, json};

const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    /// Makes a group with these members; answers its path.
    async fn group_with(&self, owner: &str, name: &str, users: &[&str]) -> String {
        let made = self.api(POST, "/organizations/default/groups", owner, json!({ "name": name })).await.expect(201);
        let path = format!("/groups/{}", made.json()["id"].as_str().unwrap());
        self.api(PATCH, &path, owner, json!({ "add_users": users })).await.expect(200);
        path
    }

    /// Names of the groups that somebody sees.
    async fn groups_seen_by(&self, token: &str) -> Vec<String> {
        names(&self.get("/groups", token).await.expect(200).json(), "name")
    }

    async fn own_id_of(&self, token: &str) -> String {
        self.get("/users/me", token).await.expect(200).json()["id"].as_str().unwrap().to_owned()
    }
}

fn names(list: &Value, key: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_owned()).collect()
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[actix_web::test]
async fn lists_are_flat_and_who_is_nested_gains_and_loses_at_once() {
    let house = house().await;
    let owner = house.owner().await;
    let (bob, cy) = (house.member(&owner, "bob").await, house.member(&owner, "cy").await);
    let (b, c) = (house.own_id_of(&bob).await, house.own_id_of(&cy).await);
    let outer = house.group_with(&owner, "outer", &[&c]).await;
    let inner = house.group_with(&owner, "inner", &[&b, &c]).await;
    assert_eq!(house.groups_seen_by(&bob).await, ["Everyone", "inner"]);

    let nesting = format!("{outer}/groups/{}", id(&inner));
    house.api(PUT, &nesting, &bob, Value::Null).await.expect(404);
    house.api(PUT, &nesting, &cy, Value::Null).await.expect(403);
    house.api(PUT, &nesting, &owner, Value::Null).await.expect(204);
    house.api(PUT, &nesting, &owner, Value::Null).await.expect(204);
    assert_eq!(house.groups_seen_by(&bob).await, ["Everyone", "inner", "outer"], "at once");
    let shown = house.get(&outer, &owner).await.expect(200).json();
    assert_eq!(
        (names(&shown["members"], "username"), &shown["total_member_count"]),
        (vec!["bob".into(), "cy".into()], &json!(2))
    );
    assert_eq!(shown["source"], "user");
    let page = house.get(&format!("{outer}/members"), &owner).await.expect(200).json();
    assert_eq!((names(&page["users"], "username").len(), &page["count"]), (2, &json!(2)));
    let nested = house.get(&format!("{outer}/groups"), &owner).await.expect(200).json();
    assert_eq!((names(&nested, "name"), &nested[0]["total_member_count"]), (vec!["inner".to_owned()], &json!(2)));

    // Who is in only by the inner group is removed there.
    let refused = house.api(PATCH, &outer, &owner, json!({ "remove_users": [b] })).await.expect(400).json();
    assert_eq!(refused["validations"][0]["field"], "remove_users");
    assert!(refused["message"].as_str().unwrap().contains("by a group within this one"), "{refused}");
    house.api(PATCH, &outer, &owner, json!({ "remove_users": [c] })).await.expect(200);
    assert_eq!(house.groups_seen_by(&cy).await, ["Everyone", "inner", "outer"], "cy is in the inner one too");
    house.api(PATCH, &outer, &owner, json!({ "add_users": [b] })).await.expect(200);

    let back = format!("{inner}/groups/{}", id(&outer));
    let circle = house.api(PUT, &back, &owner, Value::Null).await.expect(400).json();
    assert!(circle["detail"].as_str().unwrap().contains("lies in the other one already"), "{circle}");
    let everyone = house.get("/organizations/coder/groups/Everyone", &owner).await.expect(200).json();
    house
        .api(PUT, &format!("{outer}/groups/{}", everyone["id"].as_str().unwrap()), &owner, Value::Null)
        .await
        .expect(400);
    house.api(PUT, &format!("{outer}/groups/{}", id(&outer)), &owner, Value::Null).await.expect(400);
    house
        .api(PUT, &format!("{outer}/groups/00000000-0000-0000-0000-000000000001"), &owner, Value::Null)
        .await
        .expect(404);
    house.api(PUT, &format!("{outer}/groups/x"), &owner, Value::Null).await.expect(400);

    house.api(DELETE, &nesting, &cy, Value::Null).await.expect(403);
    house.api(DELETE, &nesting, &owner, Value::Null).await.expect(204);
    house.api(DELETE, &nesting, &owner, Value::Null).await.expect(404);
    assert_eq!(house.groups_seen_by(&cy).await, ["Everyone", "inner"]);
    assert_eq!(house.groups_seen_by(&bob).await, ["Everyone", "inner", "outer"], "bob was put in");

    // A group that is deleted takes along whom it brought.
    house.api(PUT, &nesting, &owner, Value::Null).await.expect(204);
    assert_eq!(house.groups_seen_by(&cy).await, ["Everyone", "inner", "outer"]);
    house.api(DELETE, &inner, &owner, Value::Null).await.expect(200);
    assert_eq!(house.groups_seen_by(&cy).await, ["Everyone"]);
    let log = house.get("/audit?q=resource_type:group&limit=50", &owner).await.expect(200).json();
    let told: Vec<&Value> = log["audit_logs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["diff"]["nested_groups"])
        .filter(|one| !one.is_null())
        .collect();
    assert_eq!(told.len(), 3, "twice in, once out: {log}");
}

#[actix_web::test]
async fn a_manager_changes_members_and_nothing_else() {
    let house = house().await;
    let owner = house.owner().await;
    let (bob, cy) = (house.member(&owner, "bob").await, house.member(&owner, "cy").await);
    let (b, c) = (house.own_id_of(&bob).await, house.own_id_of(&cy).await);
    let devs = house.group_with(&owner, "devs", &[]).await;
    let ops = house.group_with(&owner, "ops", &[]).await;
    let manager = format!("{devs}/managers/cy");
    house.get(&devs, &cy).await.expect(404);
    house.api(PUT, &manager, &bob, Value::Null).await.expect(404);
    house.api(PUT, &manager, &owner, Value::Null).await.expect(204);
    house.api(PUT, &manager, &owner, Value::Null).await.expect(204);
    house.api(PUT, &format!("{devs}/managers/nobody"), &owner, Value::Null).await.expect(400);
    assert_eq!(names(&house.get(&format!("{devs}/managers"), &owner).await.expect(200).json(), "username"), ["cy"]);

    assert_eq!(house.groups_seen_by(&cy).await, ["devs", "Everyone"]);
    let changed = house.api(PATCH, &devs, &cy, json!({ "add_users": [b] })).await.expect(200).json();
    assert_eq!(names(&changed["members"], "username"), ["bob"], "managers see whom they look after");
    let page = house.get(&format!("{devs}/members"), &cy).await.expect(200).json();
    assert_eq!(page["count"], 1);
    assert_eq!(names(&house.get(&format!("{devs}/managers"), &bob).await.expect(200).json(), "username"), [""; 0]);

    for body in [
        json!({ "name": "new", "remove_users": [b] }),
        json!({ "quota_allowance": 9, "remove_users": [b] }),
        json!({ "display_name": "New" }),
        json!([]),
    ] {
        let status = if body.is_array() { 400 } else { 403 };
        house.api(PATCH, &devs, &cy, body).await.expect(status);
    }
    let oneself = house.api(PATCH, &devs, &cy, json!({ "add_users": [c] })).await.expect(400).json();
    assert_eq!(oneself["validations"][0]["field"], "add_users");
    for (method, path) in [
        (PUT, format!("{devs}/managers/bob")),
        (DELETE, manager.clone()),
        (DELETE, devs.clone()),
        (PUT, format!("{devs}/groups/{}", id(&devs))),
    ] {
        house.api(method, &path, &cy, Value::Null).await.expect(403);
    }
    house.api(PATCH, &ops, &cy, json!({ "add_users": [b] })).await.expect(404);
    let stranger = "00000000-0000-0000-0000-000000000001";
    house.api(PATCH, &devs, &cy, json!({ "add_users": [stranger] })).await.expect(400);

    // By a token with its scope only.
    for (scope, status) in [("group:read", 403), ("group:update", 200)] {
        let asked = json!({ "scopes": ["group:read", scope], "token_name": scope.replace(':', "-") });
        let made = house.api(POST, "/users/me/keys/tokens", &cy, asked).await.expect(201).json();
        let token = made["key"].as_str().unwrap();
        house.api(PATCH, &devs, token, json!({ "remove_users": [b] })).await.expect(status);
    }
    let log = house.get("/audit?q=resource_type:group&limit=50", &owner).await.expect(200).json();
    let log = log["audit_logs"].as_array().unwrap();
    let by_manager = log.iter().filter(|one| one["additional_fields"]["as_manager"] == json!(true)).count();
    assert_eq!(by_manager, 2, "added and removed");
    assert!(log.iter().any(|one| one["diff"]["managers"]["new"] == json!(["cy"])));

    house.api(DELETE, &manager, &owner, Value::Null).await.expect(204);
    house.api(DELETE, &manager, &owner, Value::Null).await.expect(404);
    house.get(&devs, &cy).await.expect(404);
    let everyone = house.get("/organizations/coder/groups/Everyone", &owner).await.expect(200).json();
    house
        .api(PUT, &format!("/groups/{}/managers/cy", everyone["id"].as_str().unwrap()), &owner, Value::Null)
        .await
        .expect(400);
}
