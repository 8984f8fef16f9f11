//! Directories of organizations, and their tokens.

use crate::house::{Answer, House, house_with};
use crate::scim::{KEY, patch};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::Secret;
use serde_json::{Value, json};
use time::Duration;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

async fn site() -> House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> {
    house_with(|settings| {
        settings.scim.key = Secret::from(KEY);
        settings.scim.organization_directories = true;
    })
    .await
}

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    /// A request of the directory of an organization.
    async fn scim_of(&self, organization: &str, token: &str, method: Method, path: &str, body: Value) -> Answer {
        let request = TestRequest::with_uri(&format!("/scim/v2/organizations/{organization}{path}"))
            .method(method)
            .peer_addr("127.0.0.1:1".parse().unwrap())
            .insert_header(("Authorization", format!("Bearer {token}")));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(request.set_payload(body)).await
    }

    /// Makes an organization with a token for its directory.
    async fn organization_with_token(&self, owner: &str, name: &str) -> (String, String) {
        let made = self.api(POST, "/organizations", owner, json!({ "name": name })).await.expect(201).json();
        let path = format!("/organizations/{name}/scim/tokens");
        let token = self.api(POST, &path, owner, json!({ "name": "entra" })).await.expect(201).json();
        (made["id"].as_str().unwrap().to_owned(), token["token"].as_str().unwrap().to_owned())
    }
}

#[actix_web::test]
async fn tokens_are_made_listed_rotated_and_revoked() {
    let house = site().await;
    let owner = house.owner().await;
    let (id, first) = house.organization_with_token(&owner, "acme").await;
    let path = "/organizations/acme/scim/tokens";
    let listed = house.get(path, &owner).await.expect(200);
    assert!(!listed.body.contains(&first), "only a digest is kept");
    let token = listed.json()[0].clone();
    assert_eq!(
        (&token["name"], &token["organization_id"], &token["last_used_at"]),
        (&json!("entra"), &json!(id), &json!("0001-01-01T00:00:00Z"))
    );

    let enter = async |token: &str| house.scim_of("acme", token, GET, "/Users", Value::Null).await;
    enter(&first).await.expect(200);
    assert_eq!(house.get(path, &owner).await.expect(200).json()[0]["last_used_at"], "2026-03-01T12:00:00Z");
    // The old one stays good for a while.
    let rotate = format!("{path}/{}/rotate", token["id"].as_str().unwrap());
    let second = house.api(POST, &rotate, &owner, json!({ "overlap_seconds": 3600 })).await.expect(201).json();
    let second_id = second["id"].as_str().unwrap().to_owned();
    let second = second["token"].as_str().unwrap().to_owned();
    enter(&first).await.expect(200);
    enter(&second).await.expect(200);
    house.clock.advance(Duration::HOUR);
    enter(&first).await.expect(401);
    enter(&second).await.expect(200);
    house.api(POST, &rotate, &owner, json!({})).await.expect(404);

    let all = house.get(path, &owner).await.expect(200).json();
    assert_eq!(all.as_array().unwrap().len(), 2);
    let last = format!("{path}/{second_id}");
    house.api(DELETE, &last, &owner, Value::Null).await.expect(204);
    enter(&second).await.expect(401);
    house.api(DELETE, &last, &owner, Value::Null).await.expect(404);
    let log = house.get("/audit?q=resource_type:scim_token&limit=9", &owner).await.expect(200);
    assert_eq!(log.json()["count"], 4, "{}", log.body);
    assert!(!log.body.contains(&second));
}

#[actix_web::test]
async fn a_token_lives_as_long_as_the_one_that_it_replaces_was_to() {
    let house = site().await;
    let owner = house.owner().await;
    let path = "/organizations/default/scim/tokens";
    for (lifetime, expires_at) in [(Value::Null, "0001-01-01T00:00:00Z"), (json!(90 * 86_400), "2026-05-30T13:00:00Z")]
    {
        let body = json!({ "name": "entra", "lifetime_seconds": lifetime });
        let token = house.api(POST, path, &owner, body).await.expect(201).json();
        let rotate = format!("{path}/{}/rotate", token["id"].as_str().unwrap());
        house.clock.advance(Duration::minutes(30));
        // Again, for the first answer was lost: the old one ends in an hour now, the new ones do not.
        for _ in 0..2 {
            let new = house.api(POST, &rotate, &owner, json!({ "overlap_seconds": 3600 })).await.expect(201).json();
            assert_eq!(new["expires_at"], expires_at);
        }
    }
}

#[actix_web::test]
async fn what_is_wrong_with_a_token_that_is_asked_for_is_told() {
    let house = site().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let path = "/organizations/default/scim/tokens";
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "name": "x".repeat(65) }), "name"),
        (json!({ "name": "a", "lifetime_seconds": 1 }), "lifetime_seconds"),
        (json!({ "name": "a", "lifetime_seconds": i64::MAX }), "lifetime_seconds"),
    ] {
        let refused = house.api(POST, path, &owner, body).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], field);
    }
    house.get(path, &bob).await.expect(403);
    house.api(POST, path, &bob, json!({ "name": "a" })).await.expect(403);
    house.get("/organizations/nowhere/scim/tokens", &owner).await.expect(404);
    for _ in 0..20 {
        house.api(POST, path, &owner, json!({ "name": "a", "lifetime_seconds": 60 })).await.expect(201);
    }
    house.api(POST, path, &owner, json!({ "name": "a" })).await.expect(409);

    let off = house_with(|settings| settings.scim.key = Secret::from(KEY)).await;
    let owner = off.owner().await;
    let told = off.get(path, &owner).await.expect(404).json();
    assert!(told["message"].as_str().unwrap().contains("scim.organization_directories"));
    let told = off.scim_of("default", "x", GET, "/Users", Value::Null).await.expect(404).json();
    assert!(told["detail"].as_str().unwrap().contains("scim.organization_directories"));
}

#[actix_web::test]
async fn a_directory_of_an_organization_sees_and_changes_its_own_only() {
    let house = site().await;
    let owner = house.owner().await;
    let (acme, token) = house.organization_with_token(&owner, "acme").await;
    let (_, other) = house.organization_with_token(&owner, "zoo").await;
    let of = async |token: &str, method, path: &str, body| house.scim_of("acme", token, method, path, body).await;
    let carl = json!({ "userName": "carl@example.com", "externalId": "1" });
    let made = of(&token, POST, "/Users", carl.clone()).await.expect(201).json();
    let path = format!("/Users/{}", made["id"].as_str().unwrap());
    assert_eq!(made["meta"]["location"], format!("https://door.example/scim/v2/organizations/{acme}{path}"));
    let account = house.get("/users/carl", &owner).await.expect(200).json();
    assert_eq!(account["organization_ids"], json!([acme]));
    assert_eq!(of(&token, GET, "/Users", Value::Null).await.expect(200).json()["totalResults"], 1);
    house.scim_of(&acme, &token, GET, &path, Value::Null).await.expect(200);

    // Others are not let in, and see nothing of it.
    for wrong in [other.as_str(), KEY, owner.as_str()] {
        of(wrong, GET, "/Users", Value::Null).await.expect(401);
    }
    house
        .send(TestRequest::get().uri("/scim/v2/Users").insert_header(("Authorization", token.as_str())))
        .await
        .expect(401);
    house.scim_of("zoo", &other, GET, &path, Value::Null).await.expect(404);
    // Neither does it take over who is there already.
    let ann = json!({ "userName": "ann", "emails": [{ "value": "ann@example.com" }] });
    of(&token, POST, "/Users", ann).await.expect(409);
    house.scim_of("zoo", &other, POST, "/Users", carl).await.expect(409);

    // Groups are those of the organization.
    let group = json!({ "displayName": "Devs", "members": [{ "value": made["id"] }] });
    let group = of(&token, POST, "/Groups", group).await.expect(201).json();
    let own = house.get(&format!("/groups/{}", group["id"].as_str().unwrap()), &owner).await.expect(200).json();
    assert_eq!((&own["organization_id"], &own["members"][0]["username"]), (&json!(acme), &json!("carl")));
    house.scim_get(&format!("/Groups/{}", group["id"].as_str().unwrap())).await.expect(404);

    // Who has got roles of the deployment is out of its reach.
    let off = patch(json!([{ "op": "replace", "path": "active", "value": false }]));
    house.api(Method::PUT, "/users/carl/roles", &owner, json!({ "roles": ["auditor"] })).await.expect(200);
    of(&token, PATCH, &path, off.clone()).await.expect(409);
    house.api(Method::PUT, "/users/carl/roles", &owner, json!({ "roles": [] })).await.expect(200);
    house.clock.advance(Duration::SECOND);
    assert_eq!(of(&token, PATCH, &path, off).await.expect(200).json()["active"], false);
    assert_eq!(house.get("/users/carl", &owner).await.expect(200).json()["status"], "suspended");
    let record = house.get("/audit?q=resource_type:user%20action:write&limit=1", &owner).await.expect(200).json();
    assert_eq!(record["audit_logs"][0]["additional_fields"]["actor"]["organization_id"], json!(acme));

    // So is who has got roles of another organization, but not who is a plain member there.
    house.api(POST, "/organizations/zoo/members/carl", &owner, Value::Null).await.expect(200);
    let roles = |roles: Value| {
        house.api(Method::PUT, "/organizations/zoo/members/carl/roles", &owner, json!({ "roles": roles }))
    };
    roles(json!(["organization-admin"])).await.expect(200);
    let address = json!([{ "op": "replace", "path": "emails", "value": [{ "value": "mine@example.com" }] }]);
    let refused = of(&token, PATCH, &path, patch(address.clone())).await.expect(409).json();
    assert!(refused["detail"].as_str().unwrap().contains("another organization"), "{refused}");
    of(&token, DELETE, &path, Value::Null).await.expect(409);
    roles(json!([])).await.expect(200);
    of(&token, PATCH, &path, patch(address)).await.expect(200);

    // Nor does it see others by making them members.
    let dora = house.scim_of("zoo", &other, POST, "/Users", json!({ "userName": "dora@example.com" })).await;
    let dora = dora.expect(201).json()["id"].clone();
    house.api(POST, "/organizations/acme/members/dora", &owner, Value::Null).await.expect(200);
    let add = patch(json!([{ "op": "add", "path": "members", "value": [{ "value": dora }] }]));
    let refused =
        of(&token, PATCH, &format!("/Groups/{}", group["id"].as_str().unwrap()), add).await.expect(400).json();
    assert!(refused["scimType"] == "invalidValue" && !refused.to_string().contains("dora"), "{refused}");

    let config = TestRequest::get().uri("/scim/v2/organizations/acme/ServiceProviderConfig");
    let config = house.send(config).await.expect(200).json();
    assert_eq!(config["meta"]["location"], "https://door.example/scim/v2/organizations/acme/ServiceProviderConfig");
    of(&token, GET, "/Schemas", Value::Null).await.expect(200);
    let bulk = json!([{ "method": "DELETE", "path": path }]);
    let done = of(&token, POST, "/Bulk", json!({ "Operations": bulk })).await.expect(200).json();
    assert_eq!(done["Operations"][0]["status"], "204");
}

#[actix_web::test]
async fn a_member_whom_people_have_added_has_no_address_in_the_directory() {
    let house = site().await;
    let owner = house.owner().await;
    let (_, token) = house.organization_with_token(&owner, "acme").await;
    let user = json!({ "userName": "zoe@example.com", "emails": [{ "value": "zoe@example.com" }] });
    let zoe = house.scim_of("acme", &token, POST, "/Users", user).await.expect(201).json();
    let body = json!({ "displayName": "Devs", "members": [{ "value": zoe["id"] }] });
    let group = house.scim_of("acme", &token, POST, "/Groups", body).await.expect(201).json();
    let path = format!("/Groups/{}", group["id"].as_str().unwrap());
    house.member(&owner, "mia").await;
    let mia = house.get("/users/mia", &owner).await.json();
    let add = json!({ "add_users": [mia["id"]] });
    house.api(PATCH, &path.replace("/Groups/", "/groups/"), &owner, add).await.expect(200);

    let found = house.scim_of("acme", &token, GET, &path, Value::Null).await.expect(200).json();
    let listed = house.scim_of("acme", &token, GET, "/Groups", Value::Null).await.expect(200).json();
    assert_eq!(listed["Resources"][0]["members"], found["members"]);
    let members = found["members"].as_array().unwrap();
    assert_eq!(members.len(), 2, "{found}");
    for member in members {
        let id = member["value"].as_str().unwrap();
        let status = if *id == zoe["id"] { 200 } else { 404 };
        house.scim_of("acme", &token, GET, &format!("/Users/{id}"), Value::Null).await.expect(status);
        assert_eq!(member.get("$ref").is_some(), status == 200, "{member}");
    }
    let mias = members.iter().find(|member| member["value"] == mia["id"]).unwrap();
    assert_eq!((&mias["display"], &mias["type"]), (&json!("mia"), &json!("User")));
}
