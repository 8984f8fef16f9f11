//! Sessions and tokens in the console.

use crate::browser::Browser;
use crate::console::{HOSTILE, town};
use crate::house::house;
use actix_web::http::Method;
use serde_json::json;

/// What nobody means to type into a field.
pub(crate) fn odd_texts() -> [String; 5] {
    [String::new(), "x".repeat(20_000), HOSTILE.to_owned(), "\u{202e}bob".to_owned(), "bob\0".to_owned()]
}

const SESSIONS: &str = "/deployment/sessions";
const TOKENS: &str = "/deployment/tokens";

#[actix_web::test]
async fn sessions_are_seen_and_ended_one_by_one_and_by_user() {
    let house = house().await;
    let (token, _) = town(&house).await;
    let (owner, bob) = (Browser::new(&house), Browser::new(&house));
    owner.sign_in("ann@example.com").await;
    // The newest of his sessions is that of the browser.
    house.clock.advance(time::Duration::minutes(1));
    bob.sign_in("bob@example.com").await;
    let listed = house.get("/users/bob/sessions", &token).await.json();
    let (user, session) = (listed["sessions"][0]["user_id"].as_str().unwrap(), listed["sessions"][0]["id"].as_str());
    let session = session.unwrap();
    let fields = [("do", "end"), ("user", user), ("session", session), ("shown", "bob")];
    let stale = owner.submit(SESSIONS, &fields).await.expect(400).body;
    assert!(stale.contains("out of date"));
    assert_eq!(house.get("/users/bob/sessions", &token).await.json()["count"], listed["count"]);

    let page = owner.get(SESSIONS).await.expect(200).body;
    assert!(page.contains(">This one<") && page.contains(">bob<"), "{page}");
    assert!(page.contains(&format!("value=\"{session}\"")));
    assert_eq!(page.matches(">This one<").count(), 1);
    let done = owner.submit(SESSIONS, &fields).await.expect(303);
    assert!(done.header("location").starts_with("/deployment/sessions?done=ended&by="));
    let page = owner.get(done.header("location")).await.expect(200).body;
    assert!(page.contains("The session is ended.") && page.contains("value=\"bob\"") && !page.contains(session));
    // The form once more, as by a second click.
    let twice = owner.submit(SESSIONS, &fields).await.expect(404).body;
    assert!(twice.contains("no such session any more") && twice.contains("<table>"), "{twice}");
    // Nobody is told so by a link that somebody else made up.
    let made_up = owner.get("/deployment/sessions?done=all&by=x").await.expect(200).body;
    assert!(!made_up.contains("notice-done"));

    bob.sign_in("bob@example.com").await;
    bob.get("/").await.expect(200);
    let done = owner.submit(SESSIONS, &[("do", "user"), ("user", user), ("shown", "bob")]).await.expect(303);
    assert!(owner.get(done.header("location")).await.expect(200).body.contains("The sessions of this user are ended."));
    bob.get("/account/applications").await.expect(303);
    let none = owner.submit(SESSIONS, &[("do", "user"), ("user", user)]).await.expect(303);
    assert!(none.header("location").contains("done=none"));
    house.api(Method::DELETE, "/users/bob", &token, json!(null)).await.expect(200);
    let gone = owner.submit(SESSIONS, &[("do", "user"), ("user", user)]).await.expect(404).body;
    assert!(gone.contains("There is no such user"));
}

#[actix_web::test]
async fn all_sessions_but_ones_own_are_ended_by_those_who_may() {
    let house = house().await;
    town(&house).await;
    let (owner, bob) = (Browser::new(&house), Browser::new(&house));
    owner.sign_in("ann@example.com").await;
    bob.sign_in("bob@example.com").await;
    // Others see their own, and can end what is theirs.
    let page = bob.get(SESSIONS).await.expect(200).body;
    assert!(page.contains(">bob<") && !page.contains(">ann<") && !page.contains("value=\"all\""), "{page}");
    let refused = bob.submit(SESSIONS, &[("do", "all")]).await.expect(403).body;
    assert!(refused.contains("You may not do this."));
    bob.submit(SESSIONS, &[("do", "user"), ("user", "ann")]).await.expect(404);

    assert!(owner.get(SESSIONS).await.expect(200).body.contains("value=\"all\""));
    let done = owner.submit(SESSIONS, &[("do", "all")]).await.expect(303);
    let page = owner.get(done.header("location")).await.expect(200).body;
    assert!(page.contains("All sessions but yours are ended.") && page.contains("1 session<"), "{page}");
    bob.get("/account/applications").await.expect(303);
}

#[actix_web::test]
async fn odd_texts_end_no_session_and_no_token() {
    let house = house().await;
    let (token, _) = town(&house).await;
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    owner.get(SESSIONS).await.expect(200);
    owner.get(TOKENS).await.expect(200);
    let before = house.get("/sessions", &token).await.json()["count"].clone();
    for text in odd_texts() {
        for fields in [
            vec![("do", text.as_str())],
            vec![("do", "user"), ("user", &text)],
            vec![("do", "end"), ("user", &text), ("session", "x"), ("shown", &text)],
            vec![("do", "end"), ("user", "bob"), ("session", &text), ("token", &text), ("q", &text), ("show", &text)],
        ] {
            for path in [SESSIONS, TOKENS] {
                let page = owner.submit(path, &fields).await;
                assert!(matches!(page.status.as_u16(), 400 | 404), "{path} {fields:?}: {}", page.status);
                assert!(!page.body.contains("<b onclick"), "{path} {fields:?}");
            }
        }
        let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for path in [
            format!("{SESSIONS}?user={text}"),
            format!("{SESSIONS}?after={text}"),
            format!("{TOKENS}?q={text}&show={text}&after={text}"),
        ] {
            let page = owner.get(&path).await;
            assert!(matches!(page.status.as_u16(), 200 | 400 | 404 | 414), "{path}: {}", page.status);
            assert!(!page.body.contains("<b onclick"), "{path}");
        }
    }
    assert_eq!(house.get("/sessions", &token).await.json()["count"], before);
}

#[actix_web::test]
async fn tokens_are_found_by_what_they_are_and_ended() {
    let house = house().await;
    let (token, _) = town(&house).await;
    for (name, scope) in [("mighty", "all"), ("narrow", "user:read")] {
        let body = json!({ "token_name": name, "scope": scope });
        house.api(Method::POST, "/users/bob/keys/tokens", &token, body).await.expect(201);
        house.clock.advance(time::Duration::minutes(1));
    }
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    let names = |page: &str| ["mighty", "narrow"].map(|name| page.contains(&format!("<bdi>{name}</bdi>")));
    for (query, shown) in [
        ("", [true, true]),
        ("?q=NARR", [false, true]),
        ("?q=bob", [true, true]),
        ("?show=unlimited", [true, false]),
        ("?show=unused", [true, true]),
        ("?show=expired", [false, false]),
        ("?q=nobody", [false, false]),
    ] {
        assert_eq!(names(&owner.get(&format!("{TOKENS}{query}")).await.expect(200).body), shown, "{query}");
    }
    let listed = house.get("/users/bob/keys/tokens", &token).await.json();
    let key = listed.as_array().unwrap().iter().find(|key| key["token_name"] == "mighty").unwrap();
    let (user, id) = (key["user_id"].as_str().unwrap(), key["id"].as_str().unwrap());
    // What is no token is not ended here.
    let session = house.get("/users/bob/sessions", &token).await.json()["sessions"][0]["id"].clone();
    let other = [("do", "end"), ("user", user), ("token", session.as_str().unwrap())];
    owner.submit(TOKENS, &other).await.expect(404);
    let fields = [("do", "end"), ("user", user), ("token", id), ("q", "m&m")];
    let done = owner.submit(TOKENS, &fields).await.expect(303);
    assert!(done.header("location").ends_with("&q=m%26m"), "{}", done.header("location"));
    assert!(owner.get(done.header("location")).await.expect(200).body.contains("The token is ended."));
    let twice = owner.submit(TOKENS, &fields).await.expect(404).body;
    assert!(twice.contains("no such token any more") && twice.contains("value=\"m&#38;m\""), "{twice}");
    assert_eq!(names(&owner.get(TOKENS).await.expect(200).body), [false, true]);
    let bob = Browser::new(&house);
    bob.sign_in("bob@example.com").await;
    assert_eq!(names(&bob.get(TOKENS).await.expect(200).body), [false, true]);
}
