//! Workspaces, builds and quotas.

use crate::house::{House, house};
use crate::templates::id;
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
    /// Makes a workspace of the one who asks.
    pub(crate) async fn workspace(&self, token: &str, template: &Value, name: &str) -> Value {
        let body = json!({ "template_id": template["id"], "name": name });
        self.api(POST, "/users/me/workspaces", token, body).await.expect(201).json()
    }

    pub(crate) async fn build(&self, token: &str, workspace: &Value, transition: &str, daily_cost: i32) -> Value {
        let body = json!({ "transition": transition, "daily_cost": daily_cost });
        self.api(POST, &format!("/workspaces/{}/builds", id(workspace)), token, body).await.expect(201).json()
    }

    async fn quota(&self, token: &str, user: &str) -> (i64, i64) {
        let quota = self.get(&format!("/workspace-quota/{user}"), token).await.expect(200).json();
        let path = format!("/organizations/default/members/{user}/workspace-quota");
        assert_eq!(self.get(&path, token).await.expect(200).json(), quota);
        (quota["credits_consumed"].as_i64().unwrap(), quota["budget"].as_i64().unwrap())
    }

    /// Sets what every member may spend.
    async fn allow(&self, owner: &str, credits: i32) {
        let everyone = format!("/groups/{}", self.organization_id(owner).await);
        self.api(PATCH, &everyone, owner, json!({ "quota_allowance": credits })).await.expect(200);
    }
}

#[actix_web::test]
async fn of_two_values_of_one_name_nobody_knows_which_is_meant() {
    let house = house().await;
    let owner = house.owner().await;
    let dev = house.template(&owner, "dev").await;
    let made = house.workspace(&owner, &dev, "box").await;
    let value = |name: &str, value: &str| json!({ "name": name, "value": value });
    let values = json!([value("size", "1"), value("zone", "eu"), value("size", "2")]);
    let new = json!({ "template_id": dev["id"], "name": "other", "rich_parameter_values": values });
    let build = json!({ "transition": "start", "rich_parameter_values": values });
    let organization = house.organization_id(&owner).await;
    for (path, body) in [
        ("/users/me/workspaces".to_owned(), new.clone()),
        (format!("/organizations/{organization}/members/me/workspaces"), new),
        (format!("/workspaces/{}/builds", id(&made)), build),
    ] {
        let refused = house.api(POST, &path, &owner, body).await.expect(400).json();
        let told = json!([{ "field": "rich_parameter_values", "detail": "\"size\" is named more than once" }]);
        assert_eq!(refused["validations"], told, "{path}");
    }
}

#[actix_web::test]
async fn a_workspace_lives_its_life() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let dev = house.template(&owner, "dev").await;
    let made = house.workspace(&bob, &dev, "box").await;
    assert_eq!(
        (&made["owner_name"], &made["template_name"], &made["organization_name"]),
        (&json!("bob"), &json!("dev"), &json!("coder"))
    );
    let build = &made["latest_build"];
    assert_eq!(
        (&build["build_number"], &build["transition"], &build["status"]),
        (&json!(1), &json!("start"), &json!("running"))
    );
    assert_eq!(
        (&build["workspace_id"], &build["job"]["status"], &build["daily_cost"]),
        (&made["id"], &json!("succeeded"), &json!(0))
    );
    assert_eq!(
        (&made["dormant_at"], &made["favorite"], &made["outdated"]),
        (&Value::Null, &json!(false), &json!(false))
    );
    let path = format!("/workspaces/{}", id(&made));
    assert_eq!(house.get(&path, &bob).await.expect(200).json(), made);
    assert_eq!(house.get(&format!("/templates/{}", id(&dev)), &bob).await.json()["active_user_count"], 1);
    // It keeps its template and its owner from being deleted.
    house.api(DELETE, &format!("/templates/{}", id(&dev)), &owner, Value::Null).await.expect(400);
    house.api(DELETE, "/users/bob", &owner, Value::Null).await.expect(417);

    assert_eq!(house.build(&bob, &made, "stop", 0).await["status"], "stopped");
    let builds = house.get(&format!("{path}/builds"), &bob).await.expect(200).json();
    let numbers: Vec<i64> =
        builds.as_array().unwrap().iter().map(|build| build["build_number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(house.get(&format!("{path}/builds?limit=1&offset=1"), &bob).await.json()[0]["build_number"], 1);
    assert_eq!(house.build(&bob, &made, "delete", 0).await["status"], "deleted");
    for path in [path.clone(), format!("{path}/builds")] {
        house.get(&path, &bob).await.expect(404);
    }
    house.api(POST, &format!("{path}/builds"), &bob, json!({ "transition": "start" })).await.expect(404);
    assert_eq!(house.get("/workspaces", &bob).await.expect(200).json(), json!({ "workspaces": [], "count": 0 }));
    house.api(DELETE, &format!("/templates/{}", id(&dev)), &owner, Value::Null).await.expect(200);
    house.api(DELETE, "/users/bob", &owner, Value::Null).await.expect(200);
}

#[actix_web::test]
async fn who_may_do_what_with_workspaces() {
    let house = house().await;
    let owner = house.owner().await;
    let (bob, cy) = (house.member(&owner, "bob").await, house.member(&owner, "cy").await);
    house.api(PUT, "/users/cy/roles", &owner, json!({ "roles": ["template-admin"] })).await.expect(200);
    let dev = house.template(&owner, "dev").await;
    let closed = json!({ "name": "closed", "disable_everyone_group_access": true });
    let closed = house.api(POST, "/organizations/default/templates", &owner, closed).await.expect(201).json();
    let made = house.workspace(&bob, &dev, "box").await;
    let path = format!("/workspaces/{}", id(&made));
    for (user, template, name, status) in [
        ("me", &json!({}), "x", 400),
        ("me", &dev, "a b", 400),
        ("me", &dev, "BOX", 409),
        // What cannot be seen does not exist.
        ("me", &closed, "x", 400),
        ("ann", &dev, "x", 400),
    ] {
        let body = json!({ "template_id": template["id"], "name": name });
        house.api(POST, &format!("/users/{user}/workspaces"), &bob, body).await.expect(status);
    }
    let body = json!({ "template_id": dev["id"], "name": "for-bob" });
    house.api(POST, "/users/bob/workspaces", &cy, body.clone()).await.expect(403);
    house.api(POST, "/organizations/default/members/bob/workspaces", &owner, body.clone()).await.expect(201);
    house.api(POST, "/organizations/none/members/bob/workspaces", &owner, body).await.expect(404);
    for body in [json!({}), json!({ "transition": "restart" }), json!({ "transition": "stop", "daily_cost": -1 })] {
        house.api(POST, &format!("{path}/builds"), &bob, body).await.expect(400);
    }
    let too_much = json!({ "transition": "stop", "daily_cost": 2_147_483_648_i64 });
    house.api(POST, &format!("{path}/builds"), &bob, too_much).await.expect(400);
    // A template admin sees workspaces and cannot build them.
    house.api(POST, &format!("{path}/builds"), &cy, json!({ "transition": "stop" })).await.expect(403);
    house.get("/workspaces/box", &bob).await.expect(400);

    // Dormant: stopped and deleted, never started; a template admin still finds it in the list, but cannot open it.
    let asleep = house.api(PUT, &format!("{path}/dormant"), &bob, json!({ "dormant": true })).await.expect(200).json();
    assert!(asleep["dormant_at"].is_string());
    for token in [&bob, &owner] {
        house.api(POST, &format!("{path}/builds"), token, json!({ "transition": "start" })).await.expect(403);
    }
    house.build(&bob, &made, "stop", 0).await;
    house.get(&path, &cy).await.expect(404);
    let listed = house.get("/workspaces?q=name:bo%20owner:bob&limit=1", &cy).await.expect(200).json();
    assert_eq!((id(&listed["workspaces"][0]), &listed["count"]), (id(&made), &json!(2)));
    house.api(PUT, &format!("{path}/dormant"), &cy, json!({ "dormant": false })).await.expect(404);
    let awake = house.api(PUT, &format!("{path}/dormant"), &bob, json!({ "dormant": false })).await.expect(200).json();
    assert_eq!(awake["dormant_at"], Value::Null);
    house.build(&bob, &made, "start", 0).await;

    for (query, count) in
        [("owner:me", 0), ("template:DEV", 2), ("owner:nobody", 0), ("organization:coder", 2), ("fo", 1)]
    {
        let found = house.get(&format!("/workspaces?q={query}"), &cy).await.expect(200).json();
        assert_eq!(found["count"], count, "{query}");
    }
    house.get("/workspaces?q=status:running", &cy).await.expect(400);
}

#[actix_web::test]
async fn builds_spend_what_the_groups_of_the_owner_allow() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let dev = house.template(&owner, "dev").await;
    assert_eq!(house.quota(&bob, "me").await, (0, 0));
    let (one, two) = (house.workspace(&bob, &dev, "one").await, house.workspace(&bob, &dev, "two").await);
    let refused = house.build(&bob, &one, "start", 1).await;
    assert_eq!(
        (&refused["status"], &refused["job"]["status"], &refused["daily_cost"]),
        (&json!("failed"), &json!("failed"), &json!(0))
    );
    assert!(refused["job"]["error"].as_str().unwrap().contains("insufficient quota"), "{refused}");

    house.allow(&owner, 10).await;
    assert_eq!(house.build(&bob, &one, "start", 7).await["status"], "running");
    assert_eq!(house.quota(&bob, "me").await, (7, 10));
    assert_eq!(house.build(&bob, &two, "start", 4).await["status"], "failed");
    assert_eq!(house.build(&bob, &two, "start", 3).await["status"], "running");
    assert_eq!(house.quota(&owner, "bob").await, (10, 10));

    // Over budget: the same cost again is an increase, anything cheaper is not.
    house.allow(&owner, 5).await;
    assert_eq!(house.build(&bob, &one, "stop", 6).await["status"], "stopped");
    assert_eq!(house.quota(&bob, "me").await, (9, 5));
    assert_eq!(house.build(&bob, &one, "start", 6).await["status"], "failed");
    assert_eq!(house.quota(&bob, "me").await, (3, 5), "a build that failed is the latest one all the same");
    assert_eq!(house.build(&bob, &two, "delete", 0).await["status"], "deleted");
    assert_eq!(house.quota(&bob, "me").await, (0, 5));

    let body = json!({ "template_id": dev["id"], "name": "dear", "daily_cost": 6 });
    let dear = house.api(POST, "/users/me/workspaces", &bob, body).await.expect(201).json();
    assert_eq!(dear["latest_build"]["status"], "failed");

    house.allow(&owner, -3).await;
    assert_eq!(house.quota(&bob, "me").await, (0, -3));
    house.get("/workspace-quota/ann", &bob).await.expect(400);
    house.get("/organizations/none/members/me/workspace-quota", &bob).await.expect(404);
}
