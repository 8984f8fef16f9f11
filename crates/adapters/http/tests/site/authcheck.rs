//! Asking what one may do.

use crate::house::{Answer, House, house};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};
use std::fmt::Write as _;

const POST: Method = Method::POST;
const PATH: &str = "/authcheck";

async fn raw<S>(house: &House<S>, token: &str, body: &[u8]) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let request = TestRequest::post().uri("/api/v2/authcheck").insert_header(("Coder-Session-Token", token.to_owned()));
    house.send(request.set_payload(body.to_vec())).await
}

#[actix_web::test]
async fn answers_have_the_keys_of_the_questions() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let id = |user: Value| user["id"].as_str().unwrap().to_owned();
    let ann_id = id(house.get("/users/me", &owner).await.json());
    let bob_id = id(house.get("/users/me", &bob).await.json());
    let organization = id(house.get("/users/me/organizations", &bob).await.json()[0].clone());
    let checks = json!({ "checks": {
        "mine": { "action": "delete", "object": { "resource_type": "workspace", "owner_id": "me", "organization_id": organization } },
        "any": { "action": "read", "object": { "resource_type": "organization", "any_org": true } },
        "both": { "action": "read", "object": { "resource_type": "organization", "any_org": true, "organization_id": organization } },
        "<all> \"users\"": { "action": "read", "object": { "resource_type": "user" } },
        "ann": { "action": "read", "object": { "resource_type": "user", "resource_id": ann_id, "owner_id": "me" } },
        "bob": { "action": "read", "object": { "resource_type": "user", "resource_id": format!("{{{}}}", bob_id.to_uppercase()) } },
        "nobody": { "action": "read", "object": { "resource_type": "user", "resource_id": organization } },
        "template": { "action": "read", "object": { "resource_type": "template", "resource_id": organization } },
        "unknown": { "action": "read", "object": { "resource_type": "spaceship", "owner_id": "me" } },
        "": { "action": "fly", "object": { "resource_type": "license" } },
    }});
    let answer = house.api(POST, PATH, &bob, checks.clone()).await.expect(200);
    let of_bob = json!({
        "mine": true, "any": true, "both": false, "<all> \"users\"": false, "ann": false, "bob": true, "nobody": false,
        "template": false, "unknown": false, "": false,
    });
    assert_eq!(answer.json(), of_bob);
    assert!(answer.body.contains("\\u003call\\u003e") && answer.header("content-type").starts_with("application/json"));
    let answer = house.api(POST, PATH, &owner, checks.clone()).await.expect(200).json();
    for (key, expected) in
        [("mine", true), ("<all> \"users\"", true), ("ann", true), ("both", false), ("unknown", false), ("", true)]
    {
        assert_eq!(answer[key], expected, "{key}");
    }
    // Deleted users are found still.
    house.api(Method::DELETE, "/users/bob", &owner, Value::Null).await.expect(200);
    assert_eq!(house.api(POST, PATH, &owner, checks).await.expect(200).json()["bob"], true);
    house.api(POST, PATH, &bob, json!({})).await.expect(401);
    house.api(POST, PATH, "", json!({})).await.expect(401);
}

#[actix_web::test]
async fn bodies_are_read_as_elsewhere() {
    let house = house().await;
    let owner = house.owner().await;
    for body in ["{}", "null", "{\"checks\":null}", "{\"CHECKS\":{}}"] {
        assert_eq!(raw(&house, &owner, body.as_bytes()).await.expect(200).body, "{}\n", "{body}");
    }
    let twice = r#"{"checks":{"k":{"action":"ssh","object":{"resource_type":"workspace_dormant"}},
        "K":{"Action":"read","OBJECT":{"Resource_Type":"license"}},
        "k":{"action":"read","object":{"resource_type":"license"}}}} trailing"#;
    assert_eq!(raw(&house, &owner, twice.as_bytes()).await.expect(200).body, "{\"K\":true,\"k\":true}\n");
    for body in ["", "{", "[]", "{\"checks\":[]}", "{\"checks\":{\"k\":{\"object\":{\"any_org\":\"yes\"}}}}"] {
        let refused = raw(&house, &owner, body.as_bytes()).await.expect(400).json();
        assert_eq!(refused["message"], "Request body must be valid JSON.", "{body}");
        assert!(!refused["detail"].as_str().unwrap().is_empty(), "{body}");
    }
}

#[actix_web::test]
async fn each_defect_has_its_text() {
    let house = house().await;
    let owner = house.owner().await;
    let ask = |checks: Value| house.api(POST, PATH, &owner, json!({ "checks": checks }));
    let object =
        |kind: &str, id: &str| json!({ "action": "read", "object": { "resource_type": kind, "resource_id": id } });
    let id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

    let refused = ask(json!({ "a key": object("", "") })).await.expect(400).json();
    let text = "Object's \"resource_type\" field must be defined for key \"a key\".";
    let validations = json!([{ "field": "resource_type", "detail": text }]);
    assert_eq!(refused, json!({ "message": text, "validations": validations }));
    let refused = ask(json!({ "k": object("user", "x") })).await.expect(400).json();
    assert_eq!(refused["message"], "Object \"x\" id is not a valid uuid.");
    assert_eq!(refused["validations"][0]["field"], "resource_id");
    let refused = ask(json!({ "k": object("file", id) })).await.expect(400).json();
    let text = "Object type \"file\" does not support \"resource_id\" field.";
    let validations = json!([{ "field": "resource_type", "detail": text }]);
    assert_eq!(refused, json!({ "message": text, "detail": text, "validations": validations }));

    // Before all others, and whatever else is wrong.
    let many = |count: u32| (0..count).map(|n| (n.to_string(), object("", "x"))).collect::<serde_json::Map<_, _>>();
    let refused = ask(many(12).into()).await.expect(400).json();
    let text = "Endpoint only supports using \"resource_id\" field 10 times, found 12 usages. Remove 2 objects with this field set.";
    assert_eq!(refused["message"], text);
    let ten: Value = (0..10).map(|n| (n.to_string(), object("user", id))).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(ask(ten).await.expect(200).json()["9"], false);

    for (query, status) in [("explain=maybe", 400), ("explain=1&explain=1", 400), ("explain=", 200), ("other=1", 200)] {
        let answer = house.api(POST, &format!("{PATH}?{query}"), &owner, json!({})).await.expect(status);
        if status == 400 {
            assert_eq!(answer.json()["validations"][0]["field"], "explain");
        }
    }
}

#[actix_web::test]
async fn explanations_say_what_decided() {
    let house = house().await;
    let owner = house.owner().await;
    let token = json!({ "lifetime": 0, "scope": "workspace:read", "token_name": "narrow" });
    let narrow = house.api(POST, "/users/me/keys/tokens", &owner, token).await.expect(201).json();
    let narrow = narrow["key"].as_str().unwrap();
    let checks = json!({ "checks": {
        "a": { "action": "read", "object": { "resource_type": "license" } },
        "b": { "action": "read", "object": { "resource_type": "user", "resource_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8" } },
    }});
    let path = format!("{PATH}?explain=true");
    let answer = house.api(POST, &path, &owner, checks.clone()).await.expect(200).json();
    let because = json!({ "code": "site_allows", "text": "a site permission allows it", "level": "site", "roles": [{ "name": "owner" }] });
    assert_eq!(answer["a"], json!({ "allowed": true, "because": because }));
    assert_eq!((&answer["b"]["allowed"], &answer["b"]["because"]["code"]), (&json!(false), &json!("not_found")));
    let answer = house.api(POST, &path, narrow, checks).await.expect(200).json();
    assert_eq!(answer["a"]["because"]["level"], "scope");
    assert_eq!(answer["a"]["because"]["scopes"], json!(["workspace:read"]));
}

#[actix_web::test]
async fn very_many_questions_are_answered() {
    let house = house().await;
    let owner = house.owner().await;
    let me = house.get("/users/me", &owner).await.json()["id"].as_str().unwrap().to_owned();
    let mut body = String::from("{\"checks\":{");
    for n in 0..20_000 {
        write!(
            body,
            "\"k{n}\":{{\"action\":\"read\",\"object\":{{\"resource_type\":\"license\",\"owner_id\":\"me\"}}}},"
        )
        .unwrap();
    }
    let with = |last: &str| format!("{body}{last}}}}}");
    let plain = with("\"last\":{\"action\":\"read\",\"object\":{\"resource_type\":\"spaceship\"}}");
    let answer = raw(&house, &owner, plain.as_bytes()).await.expect(200).json();
    assert_eq!(answer.as_object().unwrap().len(), 20_001);
    assert_eq!((&answer["k19999"], &answer["last"]), (&json!(true), &json!(false)));
    let named = with(&format!(
        "\"last\":{{\"action\":\"read\",\"object\":{{\"resource_type\":\"user\",\"resource_id\":\"{me}\"}}}}"
    ));
    assert_eq!(raw(&house, &owner, named.as_bytes()).await.expect(200).json()["last"], true);
    let wrong = with("\"last\":{}");
    let refused = raw(&house, &owner, wrong.as_bytes()).await.expect(400).json();
    assert!(refused["message"].as_str().unwrap().ends_with("for key \"last\"."));
    raw(&house, &owner, &vec![b' '; 4 * 1024 * 1024 + 1]).await.expect(413);
    raw(&house, &owner, with("nonsense").as_bytes()).await.expect(400);
}

#[actix_web::test]
async fn groups_templates_and_workspaces_are_asked_as_they_are_stored() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let id = |thing: &Value| thing["id"].as_str().unwrap().to_owned();
    let bob_id = id(&house.get("/users/me", &bob).await.json());
    let group = json!({ "name": "devs" });
    let devs = id(&house.api(POST, "/organizations/default/groups", &owner, group).await.expect(201).json());
    let template = json!({ "name": "base", "disable_everyone_group_access": true });
    let base = house.api(POST, "/organizations/default/templates", &owner, template).await;
    let base = id(&base.expect(201).json());
    let acl = json!({ "group_perms": { &devs: "use" } });
    house.api(Method::PATCH, &format!("/templates/{base}/acl"), &owner, acl).await.expect(200);

    let ask = async |token: &str, action: &str, kind: &str, thing: &str| {
        let object = json!({ "resource_type": kind, "resource_id": thing, "owner_id": "me", "any_org": true });
        let body = json!({ "checks": { "k": { "action": action, "object": object } } });
        house.api(POST, &format!("{PATH}?explain=1"), token, body).await.expect(200).json()["k"].clone()
    };
    assert_eq!(ask(&bob, "use", "template", &base).await["because"]["code"], "not_found");
    assert_eq!(ask(&bob, "read", "group", &devs).await["because"]["code"], "not_found");
    let add = json!({ "add_users": [bob_id] });
    house.api(Method::PATCH, &format!("/groups/{devs}"), &owner, add).await.expect(200);
    let listed = json!({ "kind": "group", "id": devs, "action": "use" });
    let answer = ask(&bob, "use", "template", &base).await;
    assert_eq!((&answer["allowed"], &answer["because"]["access_list"]), (&json!(true), &listed));
    assert_eq!(ask(&bob, "update", "template", &base).await["because"]["code"], "nothing_allows");
    assert_eq!(ask(&bob, "read", "group", &devs).await["because"]["access_list"]["id"], devs);
    assert_eq!(ask(&bob, "read", "workspace", &base).await["because"]["code"], "not_found", "of another type");

    let workspace = json!({ "template_id": base, "name": "work" });
    let work = id(&house.api(POST, "/users/me/workspaces", &bob, workspace).await.expect(201).json());
    assert_eq!(ask(&bob, "start", "workspace", &work).await["because"]["level"], "user");
    assert_eq!(ask(&owner, "start", "workspace", &work).await["allowed"], true);
    let path = format!("/workspaces/{work}/dormant");
    house.api(Method::PUT, &path, &bob, json!({ "dormant": true })).await.expect(200);
    for token in [&bob, &owner] {
        assert_eq!(ask(token, "start", "workspace", &work).await["allowed"], false, "it sleeps");
        assert_eq!(ask(token, "read", "workspace", &work).await["allowed"], true);
    }
}
