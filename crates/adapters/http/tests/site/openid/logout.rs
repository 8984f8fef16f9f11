//! Signing out at the wish of an app, and apps that are told of it.

use super::{CALLBACK, ask, claims_of, relying_party, tokens};
use crate::browser::Browser;
use crate::house::{Answer, House, house, house_beside};
use crate::oauth2::{Client, client};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use async_trait::async_trait;
use doorward_domain::Secret;
use doorward_ports::fetch::{self, ChosenBy, FailureClass, Fetch, FetchError};
use doorward_services::identity_providers::Upstreams;
use doorward_services::openid::backchannel::tell_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use time::Duration;

const BYE: &str = "https://app.example/bye?a=1";
const LISTENS: &str = "https://app.example/backchannel";

/// Where apps are told; what came, and whether it is taken.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<(Vec<fetch::Request>, bool)>>);

#[async_trait]
impl Fetch for Receiver {
    async fn fetch(&self, request: fetch::Request) -> Result<fetch::Answer, FetchError> {
        let mut state = self.0.lock().unwrap();
        state.0.push(request);
        if state.1 {
            return Err(FetchError::new(FailureClass::Status, "status 503"));
        }
        Ok(fetch::Answer { status: 200, headers: Vec::new(), body: Secret::new(Vec::new()) })
    }
}

impl Receiver {
    fn take(&self) -> Vec<fetch::Request> {
        std::mem::take(&mut self.0.lock().unwrap().0)
    }

    fn is_away(&self, away: bool) {
        self.0.lock().unwrap().1 = away;
    }
}

async fn told()
-> (House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>>, Receiver) {
    let receiver = Receiver::default();
    let house = house_beside(Upstreams::new(Arc::new(receiver.clone())), |_| {}).await;
    (house, receiver)
}

/// The logout token of a request, whose signature must be good.
async fn logout_token<S>(house: &House<S>, request: &fetch::Request) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let fetch::Method::Post { content_type, body } = &request.method else { panic!("a GET") };
    assert_eq!(*content_type, "application/x-www-form-urlencoded");
    let form: BTreeMap<_, _> = url::form_urlencoded::parse(body.expose()).into_owned().collect();
    assert_eq!(form.len(), 1, "{form:?}");
    let token = form["logout_token"].clone();
    let header = doorward_domain::identity_providers::Compact::parse(&token).unwrap().header;
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!((&header["typ"], &header["alg"]), (&json!("logout+jwt"), &json!("RS256")));
    claims_of(house, &json!(token)).await
}

async fn leaving<S>(house: &House<S>, owner: &str) -> Client
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    client(house, owner, json!({ "callback_url": CALLBACK, "post_logout_redirect_uris": [BYE] })).await
}

async fn listening<S>(house: &House<S>, owner: &str, more: Value) -> Client
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let mut app = json!({ "callback_url": CALLBACK, "backchannel_logout_uri": LISTENS });
    app.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    client(house, owner, app).await
}

fn end(parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("/oauth2/logout?{query}")
}

async fn id_token<S>(house: &House<S>, session: &str, app: &Client) -> String
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let answer = tokens(house, session, app, &[("scope", "openid offline_access")]).await;
    answer["id_token"].as_str().unwrap().to_owned()
}

/// Whether the session still is one.
async fn lives<S>(house: &House<S>, session: &str) -> bool
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    house.get("/users/me", session).await.status.as_u16() == 200
}

fn is_question(answer: &Answer) -> bool {
    answer.status.as_u16() == 200 && answer.body.contains("sign-out-form")
}

fn is_done(answer: &Answer) -> bool {
    answer.status.as_u16() == 200 && answer.body.contains("You are signed out")
}

#[actix_web::test]
async fn oidcc_rp_initiated_logout() {
    let house = house().await;
    let owner = house.owner().await;
    let app = leaving(&house, &owner).await;
    let hint = id_token(&house, &owner, &app).await;
    house.clock.advance(Duration::hours(2));
    let uri = end(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE), ("state", "s &t")]);
    let answer = ask(&house, &owner, &uri).await.expect(303);
    assert_eq!(answer.header("location"), "https://app.example/bye?a=1&state=s+%26t", "the hint may have expired");
    assert!(answer.cookies().contains(&"coder_session_token=".to_owned()), "{:?}", answer.cookies());
    assert!(!lives(&house, &owner).await);
    let silent = ask(&house, "", &app.authorize(&[("scope", "openid"), ("prompt", "none")])).await.expect(302);
    assert_eq!(silent.redirected_with("error").as_deref(), Some("login_required"));
    // Once more, with the same hint: nobody is signed in, and the user goes where the app wants them.
    assert_eq!(ask(&house, "", &uri).await.expect(303).header("location"), answer.header("location"));
    // Nobody is sent where an owner lets nobody be sent, or by an app that is blocked.
    for list in [json!({ "redirect_hosts": ["app.example"] }), json!({ "client_ids": [app.id] })] {
        let owner = house.login("ann@example.com").await;
        house.api(Method::PUT, "/oauth2-provider/blocklist", &owner, list).await.expect(200);
        let answer = ask(&house, "", &uri).await;
        assert!(is_done(&answer), "{} {}", answer.status, answer.body);
    }
}

#[actix_web::test]
async fn oidcc_rp_initiated_logout_bad_requests_do_nothing() {
    let house = house().await;
    let owner = house.owner().await;
    let (app, other) = (leaving(&house, &owner).await, relying_party(&house, &owner).await);
    let hint = id_token(&house, &owner, &app).await;
    let (head, tail) = hint.rsplit_once('.').unwrap();
    let modified = format!("{head}.{}{}", if tail.starts_with('A') { 'B' } else { 'A' }, &tail[1..]);
    let payload = hint.split('.').nth(1).unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{payload}.");
    let evil = "https://evil.example/bye";
    for (name, parameters) in [
        ("bad post_logout_redirect_uri", vec![("id_token_hint", &*hint), ("post_logout_redirect_uri", evil)]),
        ("a query less", vec![("id_token_hint", &*hint), ("post_logout_redirect_uri", "https://app.example/bye")]),
        (
            "a query more",
            vec![("id_token_hint", &*hint), ("post_logout_redirect_uri", "https://app.example/bye?a=1&b=2")],
        ),
        ("modified", vec![("id_token_hint", &*modified), ("post_logout_redirect_uri", BYE)]),
        ("unsigned", vec![("id_token_hint", &*unsigned), ("post_logout_redirect_uri", BYE)]),
        ("no token", vec![("id_token_hint", "x"), ("post_logout_redirect_uri", BYE)]),
        ("the access token", vec![("id_token_hint", &*owner)]),
        ("nobody known", vec![("post_logout_redirect_uri", BYE), ("state", "s")]),
        ("of another", vec![("id_token_hint", &*hint), ("client_id", &*other.id)]),
        ("of nobody", vec![("client_id", "11111111-1111-4111-8111-111111111111")]),
        ("no id", vec![("client_id", "x")]),
        (
            "twice",
            vec![("id_token_hint", &*hint), ("post_logout_redirect_uri", BYE), ("post_logout_redirect_uri", evil)],
        ),
    ] {
        let answer = ask(&house, &owner, &end(&parameters)).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (400, ""), "{name}: {}", answer.body);
        assert!(lives(&house, &owner).await, "{name}");
    }
    let long = "s".repeat(4097);
    let uri = end(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE), ("state", &long)]);
    ask(&house, &owner, &uri).await.expect(400);
    assert!(lives(&house, &owner).await);
}

#[actix_web::test]
async fn oidcc_rp_initiated_logout_without_proof_asks_first() {
    let house = house().await;
    let owner = house.owner().await;
    let app = leaving(&house, &owner).await;
    let hint = id_token(&house, &owner, &app).await;
    let again = house.login("ann@example.com").await;
    let bob = house.member(&owner, "bob").await;
    for (name, session, parameters) in [
        ("no params", &owner, vec![]),
        ("only state", &owner, vec![("state", "s")]),
        ("no hint", &owner, vec![("client_id", &*app.id), ("post_logout_redirect_uri", BYE)]),
        ("another session", &again, vec![("id_token_hint", &*hint), ("post_logout_redirect_uri", BYE)]),
        ("another user", &bob, vec![("id_token_hint", &*hint), ("post_logout_redirect_uri", BYE)]),
    ] {
        let answer = ask(&house, session, &end(&parameters)).await;
        assert!(is_question(&answer), "{name}: {} {}", answer.status, answer.body);
        assert!(lives(&house, session).await, "{name}");
    }
    // Without a session there is nothing to be asked.
    assert!(is_done(&ask(&house, "", &end(&[])).await));
    let named = end(&[("client_id", &app.id), ("post_logout_redirect_uri", BYE)]);
    assert!(is_done(&ask(&house, "", &named).await), "a name is no proof");
    // Who proves it and wants nothing else sees that it is done.
    assert!(is_done(&ask(&house, &owner, &end(&[("id_token_hint", &hint)])).await));
    assert!(!lives(&house, &owner).await && lives(&house, &again).await && lives(&house, &bob).await);
}

#[actix_web::test]
async fn the_question_is_answered_on_the_page_and_by_no_other_site() {
    let house = house().await;
    let owner = house.owner().await;
    let app = leaving(&house, &owner).await;
    let hint = id_token(&house, &owner, &app).await;
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    let session = browser.cookies.borrow()["coder_session_token"].clone();
    let uri = end(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE), ("state", "s")]);
    assert!(browser.get(&uri).await.expect(200).body.contains("robot"), "the hint is of another session");

    let cookie = format!("coder_session_token={session}");
    let stale = TestRequest::post().uri(&uri).set_payload("csrf_token=x").insert_header(("Accept", "text/html"));
    let stale = house.send(stale.insert_header(("Cookie", cookie.clone()))).await.expect(400);
    assert!(stale.body.contains("sign-out-form"));
    let foreign = TestRequest::post().uri(&uri).insert_header(("Origin", "https://evil.example"));
    let token = browser.tokens.borrow()[&uri].clone();
    let foreign = foreign.insert_header(("Cookie", cookie)).set_payload(format!("csrf_token={token}"));
    house.send(foreign).await.expect(403);
    // The token is good for what was asked, and for nothing else.
    let other = end(&[("client_id", &app.id)]);
    browser.tokens.borrow_mut().insert(other.clone(), token);
    browser.submit(&other, &[]).await.expect(400);
    assert!(lives(&house, &session).await);

    browser.get(&uri).await.expect(200);
    let out = browser.submit(&uri, &[]).await.expect(303);
    assert_eq!(out.header("location"), "https://app.example/bye?a=1&state=s");
    assert!(!lives(&house, &session).await && lives(&house, &owner).await);
}

#[actix_web::test]
async fn a_request_by_post_comes_again_by_get() {
    let house = house().await;
    let request = TestRequest::post().uri("/oauth2/logout").insert_header(("Origin", "https://app.example"));
    let request = request.set_payload("post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye&state=a%20b");
    let answer = house.send(request).await.expect(303);
    let location = "/oauth2/logout?post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye&state=a+b";
    assert_eq!(answer.header("location"), location);
    let long = TestRequest::post().uri("/oauth2/logout").set_payload(format!("state={}", "s".repeat(25_000)));
    house.send(long).await.expect(400);
}

#[actix_web::test]
async fn oidcc_backchannel_logout_discovery_endpoint_verification() {
    let house = house().await;
    let metadata = house.send(TestRequest::get().uri("/.well-known/openid-configuration")).await.expect(200).json();
    assert_eq!(metadata["end_session_endpoint"], "https://door.example/oauth2/logout");
    for member in ["backchannel_logout_supported", "backchannel_logout_session_supported"] {
        assert_eq!(metadata[member], true, "{member}");
    }
    assert_eq!(metadata["frontchannel_logout_supported"], false);
    let off = crate::house::house_with(|settings| settings.oidc.enabled = false).await;
    ask(&off, "", "/oauth2/logout").await.expect(404);
}

#[actix_web::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    let (house, receiver) = told().await;
    let owner = house.owner().await;
    let (app, deaf) = (listening(&house, &owner, json!({})).await, relying_party(&house, &owner).await);
    let hint = id_token(&house, &owner, &app).await;
    // A second grant of the same session is no second message, and an app that does not listen is told nothing.
    id_token(&house, &owner, &app).await;
    id_token(&house, &owner, &deaf).await;
    tell_all(&house.context).await.unwrap();
    assert!(receiver.take().is_empty(), "the session goes on");

    let said = claims_of(&house, &json!(hint)).await;
    house.clock.advance(Duration::minutes(3));
    ask(&house, &owner, &end(&[("id_token_hint", &hint)])).await.expect(200);
    tell_all(&house.context).await.unwrap();
    let requests = receiver.take();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].url.as_str(), requests[0].chosen_by), (LISTENS, ChosenBy::Trusted));
    let token = logout_token(&house, &requests[0]).await;
    let now = said["iat"].as_i64().unwrap() + 180;
    let expected = json!({
        "iss": "https://door.example", "aud": app.id, "sub": said["sub"], "sid": said["sid"], "iat": now,
        "exp": now + 120, "jti": token["jti"], "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    assert_eq!(token, expected, "and no nonce");
    tell_all(&house.context).await.unwrap();
    assert!(receiver.take().is_empty(), "once is enough");
    // A logout token is no ID token.
    let fetch::Method::Post { body, .. } = &requests[0].method else { panic!("a GET") };
    let form: BTreeMap<_, _> = url::form_urlencoded::parse(body.expose()).into_owned().collect();
    ask(&house, "", &end(&[("id_token_hint", &form["logout_token"])])).await.expect(400);
}

#[actix_web::test]
async fn a_code_of_a_session_that_has_ended_is_no_good_to_an_app_that_follows_sessions() {
    let (house, receiver) = told().await;
    let owner = house.owner().await;
    let app = listening(&house, &owner, json!({})).await;
    let ending = relying_party(&house, &owner).await;
    let path = format!("/oauth2-provider/apps/{}", ending.id);
    let body = json!({ "name": "robot", "end_with_session": true });
    house.api(Method::PUT, &path, &owner, body).await.expect(200);
    let plain = relying_party(&house, &owner).await;
    house.member(&owner, "bob").await;
    for (app, status) in [(&app, 400), (&ending, 400), (&plain, 200)] {
        let session = house.login("bob@example.com").await;
        let uri = app.authorize(&[("scope", "openid")]);
        let code = crate::oauth2::allow(&house, &session, &uri).await.expect(302).redirected_with("code").unwrap();
        house.api(Method::POST, "/users/logout", &session, Value::Null).await.expect(200);
        let fields =
            [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", crate::oauth2::VERIFIER)];
        let answer = house.form("/oauth2/tokens", &app.basic(), &fields).await.expect(status).json();
        if status == 400 {
            assert_eq!(answer["error"], "invalid_grant");
        }
    }
    tell_all(&house.context).await.unwrap();
    assert!(receiver.take().is_empty(), "who got nothing is told nothing");
}

#[actix_web::test]
async fn every_end_of_a_session_is_told() {
    let (house, receiver) = told().await;
    let owner = house.owner().await;
    let app = listening(&house, &owner, json!({})).await;
    let strict = listening(&house, &owner, json!({ "backchannel_logout_session_required": true })).await;
    house.member(&owner, "bob").await;
    let id = house.get("/users/bob", &owner).await.json()["id"].as_str().unwrap().to_owned();
    let first = async |with: &Client| {
        let session = house.login("bob@example.com").await;
        let sid = claims_of(&house, &json!(id_token(&house, &session, with).await)).await["sid"].clone();
        (session, sid)
    };
    let heard = async || {
        tell_all(&house.context).await.unwrap();
        let mut heard = Vec::new();
        for request in receiver.take() {
            let token = logout_token(&house, &request).await;
            assert_eq!(token["sub"], json!(id));
            heard.push((token["aud"].clone(), token.get("sid").cloned().unwrap_or_default()));
        }
        heard
    };

    let (session, sid) = first(&app).await;
    house.api(Method::POST, "/users/logout", &session, Value::Null).await.expect(200);
    assert_eq!(heard().await, [(json!(app.id), sid)], "signing out at the API");

    let (session, sid) = first(&app).await;
    let key = session.split('-').next().unwrap();
    house.api(Method::DELETE, &format!("/users/bob/keys/{key}"), &owner, Value::Null).await.expect(204);
    assert_eq!(heard().await, [(json!(app.id), sid)], "a session that somebody else has ended");

    let (session, sid) = first(&app).await;
    let listed = house.get("/users/bob/sessions", &owner).await.expect(200).json();
    assert_eq!(listed["sessions"][0]["apps"], json!([{ "id": app.id, "name": "robot" }]));
    let key = session.split('-').next().unwrap();
    house.api(Method::DELETE, &format!("/users/bob/sessions/{key}"), &owner, Value::Null).await.expect(204);
    assert_eq!(heard().await, [(json!(app.id), sid)], "a session that was found in the list");

    for (path, what) in
        [("/users/bob/sessions", "all of a user"), ("/sessions?except_current=true", "all of everybody")]
    {
        let (_, sid) = first(&app).await;
        house.api(Method::DELETE, path, &owner, Value::Null).await.expect(200);
        assert_eq!(heard().await, [(json!(app.id), sid)], "{what}");
    }

    let (session, sid) = first(&app).await;
    let key = session.split('-').next().unwrap();
    house.api(Method::PUT, &format!("/users/bob/keys/{key}/expire"), &owner, Value::Null).await.expect(204);
    assert_eq!(heard().await, [(json!(app.id), sid)], "a session that was made to expire");

    let (_, sid) = first(&strict).await;
    first(&app).await;
    house.api(Method::PUT, "/users/bob/status/suspend", &owner, Value::Null).await.expect(200);
    let mut told = heard().await;
    told.sort_by_key(|(app, _)| app.to_string());
    let mut expected = [(json!(app.id), Value::Null), (json!(strict.id), sid)];
    expected.sort_by_key(|(app, _)| app.to_string());
    assert_eq!(told, expected, "all sessions at once, and one by one for who must know which");

    house.api(Method::PUT, "/users/bob/status/activate", &owner, Value::Null).await.expect(200);
    first(&app).await;
    let password = json!({ "password": "AnotherSecurePassword!" });
    house.api(Method::PUT, "/users/bob/password", &owner, password).await.expect(204);
    assert_eq!(heard().await, [(json!(app.id), Value::Null)], "another password");

    let body = json!({ "email": "bob@example.com", "password": "AnotherSecurePassword!" });
    let signed_in = house.api(Method::POST, "/users/login", "", body).await.expect(201).json();
    id_token(&house, signed_in["session_token"].as_str().unwrap(), &app).await;
    house.api(Method::DELETE, "/users/bob", &owner, Value::Null).await.expect(200);
    assert_eq!(heard().await, [(json!(app.id), Value::Null)], "the end of the account");
}

#[actix_web::test]
async fn who_is_away_is_told_later_and_others_do_not_wait() {
    let (house, receiver) = told().await;
    let owner = house.owner().await;
    let app = listening(&house, &owner, json!({})).await;
    let session = house.login("ann@example.com").await;
    id_token(&house, &session, &app).await;
    receiver.is_away(true);
    house.api(Method::POST, "/users/logout", &session, Value::Null).await.expect(200);
    tell_all(&house.context).await.unwrap();
    assert_eq!(receiver.take().len(), 1);
    // It has five seconds to wait by the clock of the database.
    tell_all(&house.context).await.unwrap();
    assert!(receiver.take().is_empty());
    receiver.is_away(false);
    let session = house.login("ann@example.com").await;
    id_token(&house, &session, &app).await;
    house.api(Method::POST, "/users/logout", &session, Value::Null).await.expect(200);
    tell_all(&house.context).await.unwrap();
    assert_eq!(receiver.take().len(), 1, "another session is told at once");
}

#[actix_web::test]
async fn a_grant_ends_with_its_session_only_where_that_is_wanted() {
    let (house, _) = told().await;
    let owner = house.owner().await;
    let site = client(&house, &owner, json!({ "callback_url": CALLBACK, "end_with_session": true })).await;
    let tool = relying_party(&house, &owner).await;
    let session = house.login("ann@example.com").await;
    let access = async |app: &Client| {
        let answer = tokens(&house, &session, app, &[("scope", "openid user:read")]).await;
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let (of_site, of_tool) = (access(&site).await, access(&tool).await);
    assert!(lives(&house, &of_site).await && lives(&house, &of_tool).await);
    house.api(Method::POST, "/users/logout", &session, Value::Null).await.expect(200);
    assert!(!lives(&house, &of_site).await && lives(&house, &of_tool).await);
    house.get("/users/me", &owner).await.expect(200);
}

#[actix_web::test]
async fn owners_say_what_is_particular_about_an_app() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let path = format!("/oauth2-provider/apps/{}", app.id);
    let plain = house.get(&path, &owner).await.expect(200).json();
    assert_eq!((&plain["post_logout_redirect_uris"], &plain["backchannel_logout_uri"]), (&json!([]), &json!("")));
    assert_eq!((&plain["id_token_signed_response_alg"], &plain["trusted"]), (&json!("RS256"), &json!(false)));
    let change = json!({
        "name": "robot", "id_token_signed_response_alg": "ES256", "claims_in_id_token": true, "default_max_age": 60,
        "trusted": true, "post_logout_redirect_uris": [BYE, BYE], "backchannel_logout_uri": LISTENS,
        "backchannel_logout_session_required": true, "end_with_session": true,
    });
    let changed = house.api(Method::PUT, &path, &owner, change.clone()).await.expect(200).json();
    let mut expected = change.as_object().unwrap().clone();
    expected["post_logout_redirect_uris"] = json!([BYE]);
    for (name, value) in &expected {
        assert_eq!(&changed[name], value, "{name}");
    }
    let kept = house.api(Method::PUT, &path, &owner, json!({ "name": "robot" })).await.expect(200).json();
    assert_eq!(kept["default_max_age"], 60);
    let clear = json!({ "name": "robot", "default_max_age": -1, "backchannel_logout_uri": "" });
    let cleared = house.api(Method::PUT, &path, &owner, clear).await.expect(200).json();
    assert!(cleared.get("default_max_age").is_none() && cleared["backchannel_logout_uri"] == "");
    let listed = house.get("/oauth2-provider/apps", &owner).await.expect(200).json();
    assert_eq!((&listed[0]["trusted"], &listed[0]["end_with_session"]), (&json!(true), &json!(true)));
    for (name, value) in [
        ("id_token_signed_response_alg", json!("none")),
        ("id_token_signed_response_alg", json!("PS256")),
        ("post_logout_redirect_uris", json!(["javascript:alert(1)"])),
        ("post_logout_redirect_uris", json!(vec!["https://a.example/"; 33])),
        ("backchannel_logout_uri", json!("http://app.example/l")),
        ("backchannel_logout_uri", json!("https://app.example/l#x")),
    ] {
        let body = json!({ "name": "robot", name: value });
        let refused = house.api(Method::PUT, &path, &owner, body).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], name, "{refused}");
    }
    house.api(Method::PUT, &path, &owner, json!({ "name": "robot", "default_max_age": "x" })).await.expect(400);
    let records = house.get("/audit?q=resource_type:oauth2_provider_app&limit=10", &owner).await.expect(200).json();
    let diffs = records["audit_logs"].as_array().unwrap();
    let trusted = diffs.iter().find_map(|record| record["diff"].get("trusted")).unwrap();
    assert_eq!((&trusted["old"], &trusted["new"]), (&json!(false), &json!(true)));
    let bob = house.member(&owner, "bob").await;
    house.api(Method::PUT, &path, &bob, json!({ "name": "robot", "trusted": true })).await.expect(403);
}

#[actix_web::test]
async fn who_registers_itself_says_where_it_is_told_and_others_do_not_learn_of_its_users() {
    let receiver = Receiver::default();
    let house = house_beside(Upstreams::new(Arc::new(receiver.clone())), |settings| {
        settings.oauth2.registration.mode = doorward_services::oauth2::registration::RegistrationMode::Open;
    })
    .await;
    let owner = house.owner().await;
    let register =
        async |body: Value| house.send(TestRequest::post().uri("/oauth2/register").set_payload(body.to_string())).await;
    let silent = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none", "client_name": "Site" });
    let mut speaking = silent.clone();
    speaking["post_logout_redirect_uris"] = json!([BYE]);
    speaking["backchannel_logout_uri"] = json!(LISTENS);
    speaking["backchannel_logout_session_required"] = json!(true);
    speaking["id_token_signed_response_alg"] = json!("EdDSA");
    let first = register(speaking.clone()).await.expect(201).json();
    for name in ["post_logout_redirect_uris", "backchannel_logout_uri", "id_token_signed_response_alg"] {
        assert_eq!(first[name], speaking[name], "{name}");
    }
    assert_ne!(register(silent.clone()).await.expect(201).json()["client_id"], first["client_id"]);
    // What is not part of what it is known by stays as the first has said.
    let mut same = speaking.clone();
    same["id_token_signed_response_alg"] = json!("ES256");
    let second = register(same.clone()).await.expect(201).json();
    assert_eq!((&second["client_id"], &second["id_token_signed_response_alg"]), (&first["client_id"], &json!("EdDSA")));
    let token = second["registration_access_token"].as_str().unwrap();
    let change = TestRequest::put().uri(&format!("/oauth2/clients/{}", first["client_id"].as_str().unwrap()));
    let change = change.insert_header(("Authorization", format!("Bearer {token}"))).set_payload(same.to_string());
    house.send(change).await.expect(403);
    for (name, value) in [
        ("backchannel_logout_uri", json!("http://app.example/l")),
        ("post_logout_redirect_uris", json!(["http://app.example/bye"])),
        ("id_token_signed_response_alg", json!("none")),
    ] {
        let mut bad = speaking.clone();
        bad[name] = value;
        assert_eq!(register(bad).await.expect(400).json()["error"], "invalid_client_metadata", "{name}");
    }

    let app = Client { id: first["client_id"].as_str().unwrap().to_owned(), secret: String::new() };
    let uri = app.authorize(&[("scope", "openid")]);
    let code = crate::oauth2::allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", &*app.id),
        ("code", &*code),
        ("code_verifier", crate::oauth2::VERIFIER),
    ];
    house.form("/oauth2/tokens", "", &fields).await.expect(200);
    house.api(Method::POST, "/users/logout", &owner, Value::Null).await.expect(200);
    tell_all(&house.context).await.unwrap();
    let requests = receiver.take();
    assert_eq!((requests.len(), requests[0].chosen_by), (1, ChosenBy::Stranger));
}
