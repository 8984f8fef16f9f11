//! Sessions as others look at them and end them.

use crate::house::{House, PASSWORD, house};
use crate::oauth2::{access_token, client};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};
use time::Duration;

const POST: Method = Method::POST;
const DELETE: Method = Method::DELETE;

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    async fn sessions(&self, path: &str, token: &str) -> Value {
        self.get(path, token).await.expect(200).json()
    }

    async fn lives(&self, token: &str) -> bool {
        self.get("/users/me", token).await.status.as_u16() == 200
    }

    async fn ends(&self, path: &str, token: &str) -> Value {
        self.api(DELETE, path, token, Value::Null).await.expect(200).json()["ended"].clone()
    }
}

/// The public part of a token.
fn id(token: &str) -> &str {
    token.split('-').next().unwrap()
}

fn ids(list: &Value) -> Vec<&str> {
    list["sessions"].as_array().unwrap().iter().map(|session| session["id"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn sessions_are_listed_newest_first_with_whose_they_are() {
    let house = house().await;
    let owner = house.owner().await;
    house.clock.advance(Duration::MINUTE);
    let bob = house.member(&owner, "bob").await;
    house.clock.advance(Duration::MINUTE);
    let second = house.login("bob@example.com").await;
    let body = json!({ "lifetime": 0, "scope": "", "token_name": "ci" });
    house.api(POST, "/users/me/keys/tokens", &bob, body).await.expect(201);
    let app = client(&house, &owner, json!({})).await;
    access_token(&house, &bob, &app, &[]).await;

    let all = house.sessions("/sessions", &owner).await;
    assert_eq!((ids(&all), &all["count"]), (vec![id(&second), id(&bob), id(&owner)], &json!(3)));
    let newest = &all["sessions"][0];
    let me = house.get("/users/me", &bob).await.json();
    let expected = json!({
        "id": id(&second), "user_id": me["id"], "username": "bob", "login_type": "password", "provider": "",
        "device": "", "ip": "127.0.0.1", "created_at": "2026-03-01T12:02:00Z", "last_used": newest["last_used"],
        "expires_at": "2026-03-02T12:02:00Z", "current": false, "apps": [],
    });
    assert_eq!(*newest, expected);
    assert_eq!(all["sessions"][2]["current"], true);

    // Whoever may see only their own sees those.
    for path in ["/sessions", "/users/me/sessions", "/users/bob/sessions"] {
        let own = house.sessions(path, &bob).await;
        assert_eq!(ids(&own), [id(&second), id(&bob)], "{path}");
        assert_eq!((&own["sessions"][0]["current"], &own["sessions"][1]["current"]), (&json!(false), &json!(true)));
    }
    assert_eq!(ids(&house.sessions("/users/bob/sessions", &owner).await), [id(&second), id(&bob)]);
    let page = house.sessions("/sessions?limit=1&offset=1", &owner).await;
    assert_eq!((ids(&page), &page["count"]), (vec![id(&bob)], &json!(3)));
    let behind = house.sessions(&format!("/sessions?after_id={}", id(&bob)), &owner).await;
    assert_eq!(ids(&behind), [id(&owner)]);

    // Those that are over are none.
    house.clock.advance(Duration::days(2));
    let owner = house.login("ann@example.com").await;
    assert_eq!(ids(&house.sessions("/sessions", &owner).await), [id(&owner)]);
}

#[actix_web::test]
async fn a_session_says_in_which_program_it_began() {
    let house = house().await;
    let owner = house.owner().await;
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let body = json!({ "email": "ann@example.com", "password": PASSWORD }).to_string();
    let login = TestRequest::post().uri("/api/v2/users/login").insert_header(("User-Agent", agent));
    house.clock.advance(Duration::MINUTE);
    house.send(login.set_payload(body)).await.expect(201);
    let list = house.sessions("/users/me/sessions", &owner).await;
    assert_eq!(
        (&list["sessions"][0]["device"], &list["sessions"][1]["device"]),
        (&json!("Firefox on Linux"), &json!(""))
    );
}

#[actix_web::test]
async fn what_cannot_be_asked_is_refused() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    for query in ["limit=-1", "offset=x", "limit=1&limit=2", "user=bob", "q=a"] {
        house.get(&format!("/sessions?{query}"), &owner).await.expect(400);
        house.get(&format!("/users/me/sessions?{query}"), &owner).await.expect(400);
    }
    house.api(DELETE, "/sessions?except_current=maybe", &owner, Value::Null).await.expect(400);
    for after in ["nosuchkey0", "x", "%F0%9F%98%80", "a%20b"] {
        // Not the end of the list: nobody knows what stood behind it.
        let refused = house.get(&format!("/sessions?after_id={after}"), &owner).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], "after_id", "{after}");
    }
    for path in ["/users/ann/sessions", "/users/nobody/sessions"] {
        house.get(path, &bob).await.expect(400);
        house.api(DELETE, path, &bob, Value::Null).await.expect(400);
    }
    let path = format!("/users/ann/sessions/{}", id(&owner));
    house.api(DELETE, &path, &bob, Value::Null).await.expect(400);
    house.api(DELETE, "/sessions", &bob, Value::Null).await.expect(403);
    house.get("/sessions", "").await.expect(401);
    assert!(house.lives(&owner).await && house.lives(&bob).await);
}

#[actix_web::test]
async fn one_session_is_ended_and_nothing_that_is_none() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let second = house.login("bob@example.com").await;
    let body = json!({ "lifetime": 0, "scope": "", "token_name": "ci" });
    let token = house.api(POST, "/users/me/keys/tokens", &bob, body).await.expect(201).json()["key"].clone();
    let token = token.as_str().unwrap();
    let end = async |user: &str, key: &str, by: &str, status: u16| {
        let path = format!("/users/{user}/sessions/{}", id(key));
        house.api(DELETE, &path, by, Value::Null).await.expect(status);
    };
    end("bob", token, &owner, 404).await;
    end("ann", &second, &owner, 404).await;
    end("bob", "nosuchkey0", &owner, 404).await;
    end("me", &second, &bob, 204).await;
    end("me", &second, &bob, 404).await;
    assert!(house.lives(&bob).await && house.lives(token).await && !house.lives(&second).await);
    house.clock.advance(Duration::SECOND);
    end("bob", &bob, &owner, 204).await;
    assert!(!house.lives(&bob).await && house.lives(token).await);
    let log = house.get("/audit?q=api_key%20action:delete", &owner).await.expect(200).json();
    assert_eq!(log["count"], 2);
    let entry = &log["audit_logs"][0];
    assert_eq!((&entry["user"]["username"], &entry["additional_fields"]["key_id"]), (&json!("ann"), &json!(id(&bob))));
}

#[actix_web::test]
async fn all_sessions_of_a_user_end_and_the_one_in_use_may_stay() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let (second, third) = (house.login("bob@example.com").await, house.login("bob@example.com").await);
    assert_eq!(house.ends("/users/me/sessions?except_current=true", &second).await, 2);
    assert!(house.lives(&second).await && !house.lives(&bob).await && !house.lives(&third).await);
    assert_eq!(house.ends("/users/me/sessions?except_current=true", &second).await, 0);
    // Of somebody else the one in use is none.
    house.clock.advance(Duration::SECOND);
    assert_eq!(house.ends("/users/bob/sessions?except_current=true", &owner).await, 1);
    assert!(!house.lives(&second).await && house.lives(&owner).await);
    let log = house.get("/audit?q=api_key%20action:delete", &owner).await.expect(200).json();
    let told: Vec<_> = log["audit_logs"].as_array().unwrap().iter().map(|entry| &entry["additional_fields"]).collect();
    assert_eq!(told.len(), 2, "ending none leaves no record: {told:?}");
    assert_eq!((&told[0]["sessions"], &told[1]["sessions"]), (&json!(1), &json!(2)));
    assert_eq!(log["audit_logs"][0]["resource_target"], "the sessions of bob");
}

#[actix_web::test]
async fn the_sessions_of_everybody_end_at_once() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let body = json!({ "lifetime": 0, "scope": "", "token_name": "ci" });
    let token = house.api(POST, "/users/me/keys/tokens", &bob, body).await.expect(201).json()["key"].clone();
    let app = client(&house, &owner, json!({})).await;
    let access = access_token(&house, &bob, &app, &[]).await;
    // What was remembered of them is forgotten.
    assert!(house.lives(&bob).await);
    assert_eq!(house.ends("/sessions?except_current=true", &owner).await, 1);
    assert!(!house.lives(&bob).await && house.lives(&owner).await);
    assert!(house.lives(token.as_str().unwrap()).await, "API tokens stay");
    let bearer = TestRequest::get().uri("/api/v2/users/me");
    house.send(bearer.insert_header(("Authorization", format!("Bearer {access}")))).await.expect(200);
    assert_eq!(house.ends("/sessions", &owner).await, 1);
    assert!(!house.lives(&owner).await);
}

#[actix_web::test]
async fn an_app_sees_sessions_and_ends_none() {
    let house = house().await;
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({})).await;
    let access = access_token(&house, &owner, &app, &[]).await;
    let all = house.sessions("/sessions", &access).await;
    assert_eq!((ids(&all), &all["sessions"][0]["current"]), (vec![id(&owner)], &json!(false)));
    for path in ["/sessions".to_owned(), "/users/me/sessions".to_owned(), format!("/users/me/sessions/{}", id(&owner))]
    {
        house.api(DELETE, &path, &access, Value::Null).await.expect(403);
    }
    assert!(house.lives(&owner).await);
}
