//! Users of a directory that provisions by SCIM 2.0.

use crate::house::{Answer, House, NOW, house_on_postgres, house_with};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::Secret;
use doorward_domain::ids::UserId;
use doorward_domain::roles::System;
use doorward_ports::StoreError;
use doorward_services::scim::PostExisting;
use doorward_testkit::postgres::Database;
use serde_json::{Value, json};
use std::rc::Rc;
use time::Duration;

pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Tests of a directory, each on both databases.
macro_rules! directories {
    ($(async fn $name:ident($house:ident) $test:block)+) => {$(
        mod $name {
            use super::*;

            #[actix_web::test]
            async fn sqlite() {
                let $house = $crate::scim::directory().await;
                $test
            }

            #[actix_web::test]
            async fn postgres() {
                let ($house, _) = $crate::scim::directory_on_postgres().await;
                $test
            }
        }
    )+};
}
pub(crate) use directories;

/// A site with a directory on PostgreSQL, and its database.
pub(crate) async fn directory_on_postgres()
-> (House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>>, Rc<Database>) {
    house_on_postgres(|settings| settings.scim.key = Secret::from(KEY)).await
}

/// A site with a directory.
pub(crate) async fn directory() -> House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> {
    house_with(|settings| settings.scim.key = Secret::from(KEY)).await
}

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    /// A request of the directory.
    pub(crate) async fn scim(&self, method: Method, path: &str, body: Value) -> Answer {
        self.scim_if(method, path, body, &[]).await
    }

    /// A request of the directory with more headers.
    pub(crate) async fn scim_if(&self, method: Method, path: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = TestRequest::with_uri(&format!("/scim/v2{path}"))
            .method(method)
            .peer_addr("127.0.0.1:1".parse().unwrap())
            .insert_header(("Authorization", format!("Bearer {KEY}")))
            .insert_header(("Content-Type", "application/scim+json"));
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(request.set_payload(body)).await
    }

    /// What the directory reads.
    pub(crate) async fn scim_get(&self, path: &str) -> Answer {
        self.scim(Method::GET, path, Value::Null).await
    }

    /// Makes a user, and answers the id.
    pub(crate) async fn scim_user(&self, user_name: &str) -> String {
        // Ids are in the order of time.
        self.clock.advance(Duration::MILLISECOND);
        let body = json!({ "schemas": [USER], "userName": user_name, "active": true });
        let made = self.scim(Method::POST, "/Users", body).await.expect(201).json();
        made["id"].as_str().unwrap().to_owned()
    }
}

/// A PATCH of these operations.
pub(crate) fn patch(operations: Value) -> Value {
    let mut body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"] });
    body["Operations"] = operations;
    body
}

fn bjensen() -> Value {
    json!({
        "schemas": [USER, ENTERPRISE], "externalId": "00u1", "userName": "BJensen@example.com",
        "name": { "givenName": "Barbara", "familyName": "Jensen" }, "displayName": "Babs Jensen", "title": "Tour Guide",
        "emails": [{ "value": "bjensen@example.com", "type": "work", "primary": true }, { "value": "babs@home.example", "type": "home" }],
        "active": true, ENTERPRISE: { "department": "Tours", "employeeNumber": "701984" },
    })
}

directories! {
    async fn a_user_is_made_read_and_ended(house) {
        let owner = house.owner().await;
        house.clock.advance(Duration::SECOND);
        let made = house.scim(Method::POST, "/Users", bjensen()).await.expect(201);
        assert_eq!(made.header("content-type"), "application/scim+json; charset=utf-8");
        let body = made.json();
        for (name, value) in bjensen().as_object().unwrap() {
            assert_eq!(&body[name], value, "{name}");
        }
        let path = format!("/Users/{}", body["id"].as_str().unwrap());
        let location = format!("https://door.example/scim/v2{path}");
        assert_eq!((made.header("location"), &body["meta"]["location"]), (location.as_str(), &json!(location)));
        assert_eq!(made.header("etag"), body["meta"]["version"].as_str().unwrap());
        assert_eq!(body["meta"]["resourceType"], "User");
        assert_eq!(house.scim_get(&path).await.expect(200).json(), body);
        // Who asks for JSON by its common name gets it by that name, errors too.
        let plain = [("Accept", "application/json")];
        for (place, status) in [(path.as_str(), 200), ("/Users", 200), ("/Users/1", 404), ("/nope", 404)] {
            let answer = house.scim_if(Method::GET, place, Value::Null, &plain).await.expect(status);
            assert_eq!(answer.header("content-type"), "application/json; charset=utf-8", "{place}");
            let usual = house.scim_get(place).await.expect(status);
            assert_eq!(usual.header("content-type"), "application/scim+json; charset=utf-8", "{place}");
        }

        // The account: dormant, without a password, a member of the default organization.
        let account = house.get("/users/bjensen", &owner).await.expect(200).json();
        assert_eq!(
            [&account["id"], &account["status"], &account["login_type"], &account["email"], &account["name"]],
            [&body["id"], &json!("dormant"), &json!("oidc"), &json!("bjensen@example.com"), &json!("Babs Jensen")]
        );
        assert_eq!(account["organization_ids"].as_array().unwrap().len(), 1);
        let log = house.get("/audit?q=resource_type:user%20action:create&limit=1", &owner).await.expect(200).json();
        let record = &log["audit_logs"][0];
        assert_eq!(record["additional_fields"]["automatic_actor"], "coder");
        assert_eq!(record["additional_fields"]["automatic_subsystem"], "scim");
        assert_eq!(record["diff"]["scim_external_id"]["new"], "00u1");
        assert!(!record["diff"].to_string().contains("babs@home.example"), "{record}");

        house.scim(Method::DELETE, &path, Value::Null).await.expect(204);
        for method in [Method::GET, Method::DELETE] {
            let gone = house.scim(method, &path, Value::Null).await.expect(404).json();
            assert_eq!((&gone["schemas"], &gone["status"]), (&json!([ERROR]), &json!("404")));
        }
        house.get("/users/bjensen", &owner).await.expect(400);
        // Name, address and external id are free again.
        house.scim(Method::POST, "/Users", bjensen()).await.expect(201);
    }

    async fn a_directory_makes_nobody_before_there_is_an_owner(house) {
        let refused = house.scim(Method::POST, "/Users", bjensen()).await.expect(409).json();
        assert!(refused["detail"].as_str().unwrap().contains("set up"), "{refused}");
        house.owner().await;
        house.scim(Method::POST, "/Users", bjensen()).await.expect(201);
    }

    async fn what_a_directory_does_not_touch_stays_with_the_account(house) {
        let owner = house.owner().await;
        let flo = json!({ "userName": "flo", "displayName": "Flo", "emails": [{ "value": "fl@example.com" }] });
        let made = house.scim(Method::POST, "/Users", flo.clone()).await.expect(201).json();
        let id: UserId = made["id"].as_str().unwrap().parse().unwrap();
        // As the provider says at a sign-in.
        let followed: Result<bool, StoreError> = house
            .store
            .write(move |repos| {
                let (email, name) = ("married@example.com".parse().unwrap(), "Flora".parse().unwrap());
                repos.users().update_contact(&System::because("a test").permit(), id, &email, &name, "", NOW)
            })
            .await;
        assert!(followed.unwrap());
        house.clock.advance(Duration::MILLISECOND);
        house.member(&owner, "fl").await;
        let account = async || {
            let user = house.get(&format!("/users/{id}"), &owner).await.expect(200).json();
            [user["email"].clone(), user["name"].clone(), user["status"].clone()]
        };
        let path = format!("/Users/{id}");
        let set = |path: &str, value: Value| patch(json!([{ "op": "replace", "path": path, "value": value }]));
        house.scim(Method::PATCH, &path, set("title", json!("Boss"))).await.expect(200);
        assert_eq!(account().await, [json!("married@example.com"), json!("Flora"), json!("dormant")]);
        house.scim(Method::PATCH, &path, set("displayName", json!("Flo F."))).await.expect(200);
        assert_eq!(account().await[1], "Flo F.");
        let mut off = flo.clone();
        off["active"] = json!(false);
        for (method, body) in [(Method::PATCH, set("active", json!(false))), (Method::PUT, off.clone())] {
            assert_eq!(house.scim(method, &path, body).await.expect(200).json()["active"], false);
            assert_eq!(account().await[2], "suspended");
            house.scim(Method::PATCH, &path, set("active", json!(true))).await.expect(200);
        }
        // Somebody else's address is refused, but nobody stays for it.
        off["emails"] = json!([{ "value": "ann@example.com" }]);
        let mut on = off.clone();
        on["active"] = json!(true);
        assert_eq!(house.scim(Method::PUT, &path, on).await.expect(409).json()["scimType"], "uniqueness");
        house.scim(Method::PUT, &path, off).await.expect(200);
        assert_eq!(account().await, [json!("married@example.com"), json!("Flo"), json!("suspended")]);
    }

    async fn whoever_has_a_name_of_a_user_is_switched_off(house) {
        let owner = house.owner().await;
        let zed = json!({ "userName": "zed", "emails": [{ "value": "zed@corp.example" }] });
        house.scim(Method::POST, "/Users", zed).await.expect(201);
        let renamed = json!({ "username": "zedx", "name": "" });
        house.api(Method::PUT, "/users/zed/profile", &owner, renamed).await.expect(200);
        house.clock.advance(Duration::MILLISECOND);
        let token = house.member(&owner, "zed").await;
        let id = house.get("/users/zed", &owner).await.expect(200).json()["id"].as_str().unwrap().to_owned();
        let off = patch(json!([{ "op": "replace", "path": "active", "value": false }]));
        let off = house.scim(Method::PATCH, &format!("/Users/{id}"), off).await.expect(200).json();
        assert_eq!((&off["active"], &off["userName"]), (&json!(false), &json!("zed@example.com")));
        house.get("/users/me", &token).await.expect(401);
        let found = house.scim_get("/Users?filter=userName%20eq%20%22zed%22").await.expect(200).json();
        assert_eq!((&found["totalResults"], &found["Resources"][0]["emails"][0]["value"]), (&json!(1), &json!("zed@corp.example")));
    }

    async fn a_name_that_the_directory_says_is_not_changed_by_hand(house) {
        let owner = house.owner().await;
        house.scim(Method::POST, "/Users", bjensen()).await.expect(201);
        house.scim_user("bob@example.com").await;
        let named = async |user: &str, username: &str, name: &str, status: u16| {
            let body = json!({ "username": username, "name": name });
            house.api(Method::PUT, &format!("/users/{user}/profile"), &owner, body).await.expect(status).json()
        };
        let refused = named("bjensen", "bjensen", "By Hand", 400).await;
        assert!(refused["message"].as_str().unwrap().contains("follows the directory"), "{refused}");
        // The user name is not the directory's, nor are names that it does not say.
        named("bjensen", "barbara", "Babs Jensen", 200).await;
        assert_eq!(named("bob", "bob", "Bob", 200).await["name"], "Bob");
        assert_eq!(named("ann", "ann", "Ann", 200).await["name"], "Ann");
    }
}

#[actix_web::test]
async fn a_user_that_is_there_is_a_conflict_or_is_returned() {
    let house = directory().await;
    house.owner().await;
    let id = house.scim(Method::POST, "/Users", bjensen()).await.expect(201).json()["id"].clone();
    let other_case = json!({ "userName": "bjensen@EXAMPLE.com", "emails": [{ "value": "other@example.com" }] });
    let same_address = json!({ "userName": "other", "emails": [{ "value": "BJENSEN@example.com" }] });
    let same_id = json!({ "userName": "other", "externalId": "00u1", "emails": [{ "value": "o@example.com" }] });
    for taken in [
        bjensen(),
        other_case,
        same_address,
        same_id,
        json!({ "userName": "ann", "emails": [{ "value": "x@example.com" }] }),
    ] {
        let refused = house.scim(Method::POST, "/Users", taken).await.expect(409).json();
        assert_eq!((&refused["scimType"], &refused["status"]), (&json!("uniqueness"), &json!("409")));
    }

    let house = house_with(|settings| {
        settings.scim.key = Secret::from(KEY);
        settings.scim.post_existing = PostExisting::Return;
    })
    .await;
    let owner = house.owner().await;
    assert_ne!(id, json!(null));
    let made = house.scim(Method::POST, "/Users", bjensen()).await.expect(201).json();
    let again = house.scim(Method::POST, "/Users", bjensen()).await.expect(200).json();
    assert_eq!(again["id"], made["id"]);
    // One who was there before the directory is taken over, and gets the external id.
    let ann = json!({ "userName": "ann.lee", "externalId": "00uA", "emails": [{ "value": "ann@example.com", "primary": true }] });
    let adopted = house.scim(Method::POST, "/Users", ann).await.expect(200).json();
    let account = house.get("/users/me", &owner).await.expect(200).json();
    assert_eq!(
        (&adopted["id"], &account["username"], &account["status"]),
        (&account["id"], &json!("ann"), &json!("active"))
    );
    let found = house.scim_get("/Users?filter=externalId%20eq%20%2200uA%22").await.expect(200).json();
    assert_eq!(found["Resources"][0]["id"], account["id"]);
    // Who was suspended may sign in again, if that is asked.
    let path = format!("/Users/{}", made["id"].as_str().unwrap());
    house.scim(Method::PATCH, &path, json!({ "active": false })).await.expect(200);
    let asleep = house.scim(Method::POST, "/Users", json!({ "userName": "bjensen@example.com" })).await.expect(200);
    assert_eq!(asleep.json()["active"], false);
    assert_eq!(house.scim(Method::POST, "/Users", bjensen()).await.expect(200).json()["active"], true);
}

directories! {
    async fn deprovisioning_ends_sessions_and_tokens_and_the_last_owner_stays(house) {
        let owner = house.owner().await;
        let bob = house.member(&owner, "bob").await;
        let token = house.api(Method::POST, "/users/me/keys/tokens", &bob, json!({})).await.expect(201).json();
        let token = token["key"].as_str().unwrap().to_owned();
        let id = house.get("/users/me", &bob).await.expect(200).json()["id"].as_str().unwrap().to_owned();
        let path = format!("/Users/{id}");
        let off = patch(json!([{ "op": "Replace", "path": "active", "value": "False" }]));
        assert_eq!(house.scim(Method::PATCH, &path, off.clone()).await.expect(200).json()["active"], false);
        house.get("/users/me", &bob).await.expect(401);
        house.get("/users/me", &token).await.expect(401);
        assert_eq!(house.get("/users/bob", &owner).await.expect(200).json()["status"], "suspended");
        let on = patch(json!([{ "op": "replace", "value": { "active": true } }]));
        assert_eq!(house.scim(Method::PATCH, &path, on).await.expect(200).json()["active"], true);
        assert_eq!(house.get("/users/bob", &owner).await.expect(200).json()["status"], "dormant");
        house.get("/users/me", &token).await.expect(401);

        let ann = house.get("/users/me", &owner).await.expect(200).json()["id"].as_str().unwrap().to_owned();
        let ann = format!("/Users/{ann}");
        let refused = house.scim(Method::PATCH, &ann, off).await.expect(409).json();
        assert!(refused["detail"].as_str().unwrap().contains("last active owner"), "{refused}");
        house.scim(Method::DELETE, &ann, Value::Null).await.expect(409);
        house.get("/users/me", &owner).await.expect(200);
    }

    async fn a_put_replaces_and_keeps_what_it_may_not_change(house) {
        let owner = house.owner().await;
        let made = house.scim(Method::POST, "/Users", bjensen()).await.expect(201).json();
        let path = format!("/Users/{}", made["id"].as_str().unwrap());
        let new = json!({
            "schemas": [USER], "id": "other", "userName": "bjensen@example.com", "active": false, "displayName": "B. Jensen",
            "emails": [{ "value": "new@example.com", "primary": true }], "groups": [{ "value": "x" }],
        });
        let replaced = house.scim(Method::PUT, &path, new).await.expect(200).json();
        assert_eq!((&replaced["id"], &replaced["active"], replaced.get("title")), (&made["id"], &json!(false), None));
        assert_eq!((replaced.get("externalId"), replaced.get("groups")), (None, None));
        let account = house.get("/users/bjensen", &owner).await.expect(200).json();
        assert_eq!((&account["email"], &account["name"]), (&json!("new@example.com"), &json!("B. Jensen")));
        // Without `active` and addresses the account stays as it is.
        let bare = house.scim(Method::PUT, &path, json!({ "userName": "bjensen@example.com" })).await.expect(200).json();
        assert_eq!((&bare["active"], bare.get("emails")), (&json!(false), None));
        assert_eq!(house.get("/users/bjensen", &owner).await.expect(200).json()["email"], "new@example.com");

        let refused = house.scim(Method::PUT, &path, json!({ "userName": "other" })).await.expect(400).json();
        assert_eq!(refused["scimType"], "mutability");
        house.scim(Method::PUT, "/Users/nobody", json!({ "userName": "other" })).await.expect(404);
        let incomplete = house.scim(Method::PUT, &path, json!({ "active": true })).await.expect(400).json();
        assert_eq!(incomplete["scimType"], "invalidValue");
    }
}

#[actix_web::test]
async fn user_names_change_if_that_is_allowed() {
    let house = house_with(|settings| {
        settings.scim.key = Secret::from(KEY);
        settings.scim.user_name_changes = true;
    })
    .await;
    let owner = house.owner().await;
    let id = house.scim_user("bob@example.com").await;
    house.scim_user("carl@example.com").await;
    let rename = |name: &str| patch(json!([{ "op": "replace", "path": "userName", "value": name }]));
    let path = format!("/Users/{id}");
    let renamed = house.scim(Method::PATCH, &path, rename("robert@example.com")).await.expect(200).json();
    assert_eq!(renamed["userName"], "robert@example.com");
    assert_eq!(house.get("/users/robert", &owner).await.expect(200).json()["id"], json!(id));
    // Ann's account is one that the directory has not written to.
    for name in ["CARL@example.com", "Ann"] {
        let taken = house.scim(Method::PATCH, &path, rename(name)).await.expect(409).json();
        assert_eq!(taken["scimType"], "uniqueness");
    }
    // A name that only the account of somebody else has gets some characters more.
    house.scim(Method::PATCH, &path, rename("ann@other.example")).await.expect(200);
    let account = house.get(&format!("/users/{id}"), &owner).await.expect(200).json();
    assert!(account["username"].as_str().unwrap().starts_with("ann-"), "{account}");
}

directories! {
    async fn versions_are_compared(house) {
        house.owner().await;
        let made = house.scim(Method::POST, "/Users", bjensen()).await.expect(201);
        let (first, body) = (made.header("etag").to_owned(), made.json());
        let path = format!("/Users/{}", body["id"].as_str().unwrap());
        let known = house.scim_if(Method::GET, &path, Value::Null, &[("If-None-Match", &first)]).await.expect(304);
        assert_eq!((known.body.as_str(), known.header("etag")), ("", first.as_str()));
        house.scim_if(Method::GET, &path, Value::Null, &[("If-None-Match", "W/\"other\"")]).await.expect(200);

        let title = |title: &str| patch(json!([{ "op": "replace", "path": "title", "value": title }]));
        let headers = [("If-Match", first.as_str())];
        let new = house.scim_if(Method::PATCH, &path, title("Boss"), &headers).await.expect(200);
        assert_ne!(new.header("etag"), first);
        let stale = house.scim_if(Method::PATCH, &path, title("Chief"), &headers).await.expect(412).json();
        assert_eq!((&stale["schemas"], &stale["status"]), (&json!([ERROR]), &json!("412")));
        house.scim_if(Method::PUT, &path, bjensen(), &headers).await.expect(412);
        house.scim_if(Method::DELETE, &path, Value::Null, &headers).await.expect(412);
        assert_eq!(house.scim_get(&path).await.expect(200).json()["title"], "Boss");
        house.scim_if(Method::PATCH, &path, title("x"), &[("If-Match", "nonsense")]).await.expect(400);
        // What is ruled out is not changed either, and who reads wants what was named.
        for ruled_out in ["*", new.header("etag")] {
            let headers = [("If-None-Match", ruled_out)];
            house.scim_if(Method::PATCH, &path, title("Chief"), &headers).await.expect(412);
            house.scim_if(Method::PUT, &path, bjensen(), &headers).await.expect(412);
            house.scim_if(Method::DELETE, &path, Value::Null, &headers).await.expect(412);
            house.scim_if(Method::GET, &path, Value::Null, &headers).await.expect(304);
        }
        house.scim_if(Method::GET, &path, Value::Null, &headers).await.expect(412);
        house.scim_if(Method::PATCH, &path, title("Boss"), &[("If-None-Match", &first)]).await.expect(200);
        // What changes nothing keeps the version, and time.
        let same = house.scim_if(Method::PATCH, &path, title("Boss"), &[("If-Match", "*")]).await.expect(200);
        assert_eq!(same.header("etag"), new.header("etag"));
    }
}

#[actix_web::test]
async fn only_the_key_lets_in() {
    let house = directory().await;
    let owner = house.owner().await;
    let with = |value: String| TestRequest::get().uri("/scim/v2/Users").insert_header(("Authorization", value));
    for good in [KEY.to_owned(), format!("bearer {KEY}"), format!("BEARER  {KEY}")] {
        house.send(with(good)).await.expect(200);
    }
    for bad in
        [with("Bearer wrong".to_owned()), with(format!("Bearer {owner}")), TestRequest::get().uri("/scim/v2/Users")]
    {
        let refused = house.send(bad.insert_header(("Coder-Session-Token", owner.as_str()))).await.expect(401);
        assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"coder\"");
        let body = refused.json();
        assert_eq!((&body["schemas"], &body["status"], body.get("scimType")), (&json!([ERROR]), &json!("401"), None));
    }
    // The key is good for nothing else.
    house.get("/users/me", KEY).await.expect(401);
    let off = house_with(|_settings| {}).await;
    let told = off.scim_get("/Users").await.expect(404);
    assert_eq!(told.header("content-type"), "application/json; charset=utf-8");
    assert!(told.json()["detail"].as_str().unwrap().contains("scim.key"));
}

#[actix_web::test]
async fn what_is_wrong_is_told_in_the_words_of_the_rfc() {
    let house = directory().await;
    house.owner().await;
    let path = format!("/Users/{}", house.scim_user("bob@example.com").await);
    for (method, path, body, kind) in [
        (Method::POST, "/Users", json!([]), "invalidSyntax"),
        (Method::POST, "/Users", json!({ "active": true }), "invalidValue"),
        (Method::POST, "/Users", json!({ "userName": "no-address" }), "invalidValue"),
        (Method::POST, "/Users", json!({ "userName": "a@b.example", "active": "perhaps" }), "invalidValue"),
        (Method::PATCH, &path, json!({}), "invalidSyntax"),
        (Method::PATCH, &path, patch(json!([{ "op": "remove" }])), "noTarget"),
        (Method::PATCH, &path, patch(json!([{ "op": "replace", "path": "id", "value": "x" }])), "mutability"),
        (Method::PATCH, &path, patch(json!([{ "op": "replace", "path": "shoeSize", "value": 5 }])), "invalidPath"),
        (Method::PATCH, &path, patch(json!([{ "op": "add", "path": "emails[type eq", "value": 5 }])), "invalidPath"),
    ] {
        let refused = house.scim(method, path, body.clone()).await.expect(400).json();
        assert_eq!((&refused["scimType"], &refused["status"]), (&json!(kind), &json!("400")), "{body}");
    }
    // What stands twice is refused in one spelling as in two.
    for (place, body) in [
        ("/Users", "{"),
        ("/Users", r#"{"userName":"a@b.example","userName":"c@d.example"}"#),
        ("/Users", r#"{"userName":"a@b.example","USERNAME":"c@d.example"}"#),
        ("/Groups", r#"{"displayName":"a","members":[],"members":[]}"#),
        ("/Bulk", r#"{"Operations":[{"method":"DELETE","path":"/Users/1","path":"/Users/2"}]}"#),
        ("/.search", r#"{"filter":"userName pr","filter":"id pr"}"#),
    ] {
        let broken = TestRequest::post().uri(&format!("/scim/v2{place}")).insert_header(("Authorization", KEY));
        let refused = house.send(broken.set_payload(body)).await.expect(400).json();
        assert_eq!(refused["scimType"], "invalidSyntax", "{body}");
    }
    let wrong = house.scim(Method::POST, &path, json!({})).await.expect(405);
    assert!(wrong.header("allow").contains("PATCH") && wrong.json()["schemas"] == json!([ERROR]));
    house.scim_get("/nope").await.expect(404);
    let big = "x".repeat(2 << 20);
    house.scim(Method::POST, "/Users", json!({ "userName": big })).await.expect(413);
}

directories! {
    async fn of_two_who_patch_one_version_one_is_refused(house) {
        house.owner().await;
        let made = house.scim(Method::POST, "/Users", bjensen()).await.expect(201);
        let (version, id) = (made.header("etag").to_owned(), made.json()["id"].as_str().unwrap().to_owned());
        let path = format!("/Users/{id}");
        let headers = [("If-Match", version.as_str())];
        let change = |title: &str| patch(json!([{ "op": "replace", "path": "title", "value": title }]));
        let (one, other) = tokio::join!(
            house.scim_if(Method::PATCH, &path, change("one"), &headers),
            house.scim_if(Method::PATCH, &path, change("other"), &headers),
        );
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
    }
}

#[actix_web::test]
async fn of_two_who_make_one_user_at_once_each_gets_it() {
    let (house, _) = house_on_postgres(|settings| {
        settings.scim.key = Secret::from(KEY);
        settings.scim.post_existing = PostExisting::Return;
    })
    .await;
    house.owner().await;
    for n in 0..12 {
        let user =
            json!({ "schemas": [USER], "userName": format!("new-{n}@example.com"), "externalId": format!("x{n}") });
        let post = || house.scim(Method::POST, "/Users", user.clone());
        let (one, other) = futures_util::future::join(post(), post()).await;
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 201], "{} {}", one.body, other.body);
        assert_eq!(one.json()["id"], other.json()["id"]);
    }
}
