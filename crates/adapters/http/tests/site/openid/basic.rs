//! Codes, ID tokens and refreshes.

use super::{ask, claims_of, exchange, relying_party, tokens};
use crate::house::{NOW, house};
use crate::oauth2::{CHALLENGE, Client, allow, client};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::identity_providers::Compact;
use doorward_domain::jws::{SignatureAlgorithm, access_token_hash};
use serde_json::{Value, json};
use time::Duration;

#[actix_web::test]
async fn oidcc_server() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    house.clock.advance(Duration::minutes(5));
    let answer = tokens(&house, &owner, &app, &[("scope", "openid profile email"), ("nonce", "n 1/é")]).await;
    assert_eq!(answer["scope"], "openid profile email");
    let claims = claims_of(&house, &answer["id_token"]).await;
    let me = house.get("/users/me", &owner).await.json();
    let now = (NOW + Duration::minutes(5)).unix_timestamp();
    let hash = access_token_hash(SignatureAlgorithm::Rs256, answer["access_token"].as_str().unwrap());
    let expected = json!({
        "iss": "https://door.example", "sub": me["id"], "aud": app.id, "iat": now, "exp": now + 3600,
        "auth_time": NOW.unix_timestamp(), "acr": "pwd", "amr": ["pwd"], "sid": claims["sid"], "nonce": "n 1/é",
        "at_hash": hash,
    });
    assert_eq!(claims, expected, "and nothing about the person: that is asked for at the endpoint for claims");
    assert!(uuid::Uuid::parse_str(claims["sid"].as_str().unwrap()).is_ok());
}

#[actix_web::test]
async fn oidcc_alternate_happy_flow() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let answer = tokens(&house, &owner, &app, &[("scope", "email openid unheard_of")]).await;
    assert_eq!(answer["scope"], "email openid");
    assert!(answer["id_token"].is_string());
}

#[actix_web::test]
async fn oidcc_idtoken_signature() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let answer = tokens(&house, &owner, &app, &[("scope", "openid")]).await;
    let compact = Compact::parse(answer["id_token"].as_str().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&compact.header).unwrap();
    assert_eq!(header["alg"], "RS256");
    assert_eq!(header.as_object().unwrap().len(), 2, "{header}");
    // Its signature is looked at, and its key is in the set.
    claims_of(&house, &answer["id_token"]).await;
}

#[actix_web::test]
async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let answer = tokens(&house, &owner, &app, &[("scope", "openid")]).await;
    assert!(claims_of(&house, &answer["id_token"]).await.get("nonce").is_none());
}

#[actix_web::test]
async fn without_openid_there_is_no_id_token() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let asked = [("scope", "profile user:read"), ("nonce", "n"), ("prompt", "consent"), ("max_age", "100000")];
    let answer = tokens(&house, &owner, &app, &asked).await;
    assert!(answer.get("id_token").is_none());
}

#[actix_web::test]
async fn oidcc_response_type_missing() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let uri = format!("/oauth2/authorize?client_id={}&scope=openid&state=s&code_challenge={CHALLENGE}", app.id);
    let answer = ask(&house, &owner, &uri).await.expect(302);
    assert_eq!(answer.redirected_with("error").as_deref(), Some("invalid_request"));
    assert_eq!(answer.redirected_with("state").as_deref(), Some("s"));
}

/// A code that comes again after so long is refused, and what came of it ends.
async fn a_code_is_good_once(wait: Duration) {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let uri = app.authorize(&[("scope", "openid")]);
    let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
    let first = exchange(&house, &app, &code).await.expect(200).json();
    house.clock.advance(wait);
    let again = exchange(&house, &app, &code).await.expect(400);
    assert_eq!(again.json()["error"], "invalid_grant");
    let bearer = format!("Bearer {}", first["access_token"].as_str().unwrap());
    let request = TestRequest::get().uri("/oauth2/userinfo").insert_header(("Authorization", bearer));
    house.send(request).await.expect(401);
}

#[actix_web::test]
async fn oidcc_codereuse() {
    a_code_is_good_once(Duration::SECOND).await;
}

#[actix_web::test]
async fn oidcc_codereuse_30seconds() {
    a_code_is_good_once(Duration::seconds(30)).await;
}

#[actix_web::test]
async fn oidcc_refresh_token() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let other = relying_party(&house, &owner).await;
    let first = tokens(&house, &owner, &app, &[("scope", "openid offline_access"), ("nonce", "n")]).await;
    let before = claims_of(&house, &first["id_token"]).await;
    house.clock.advance(Duration::HOUR);
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", first["refresh_token"].as_str().unwrap())];
    let foreign = house.form("/oauth2/tokens", &other.basic(), &refresh).await.expect(400);
    assert_eq!(foreign.json()["error"], "invalid_grant");
    let next = house.form("/oauth2/tokens", &app.basic(), &refresh).await.expect(200).json();
    let after = claims_of(&house, &next["id_token"]).await;
    for same in ["iss", "sub", "aud", "auth_time", "sid", "acr", "amr"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(after["iat"], before["iat"].as_i64().unwrap() + 3600);
    assert!(after.get("nonce").is_none());
    // The same once more, by the steps: a lost answer is given again, and says the same.
    let repeated = house.form("/oauth2/tokens", &app.basic(), &refresh).await.expect(200).json();
    assert_eq!(claims_of(&house, &repeated["id_token"]).await, after);
    let narrow = [
        ("grant_type", "refresh_token"),
        ("refresh_token", next["refresh_token"].as_str().unwrap()),
        ("scope", "offline_access"),
    ];
    house.form("/oauth2/tokens", &app.basic(), &narrow).await.expect(200);
}

#[actix_web::test]
async fn two_sessions_have_two_names_and_one_session_has_one() {
    let house = house().await;
    let owner = house.owner().await;
    let (one, two) = (relying_party(&house, &owner).await, relying_party(&house, &owner).await);
    let sid = async |session: &str, app: &Client| {
        let answer = tokens(&house, session, app, &[("scope", "openid")]).await;
        claims_of(&house, &answer["id_token"]).await["sid"].clone()
    };
    let first = sid(&owner, &one).await;
    assert_eq!(first, sid(&owner, &two).await, "apps know which of their sessions belong together");
    let again = house.login("ann@example.com").await;
    assert_ne!(first, sid(&again, &one).await);
    assert!(!owner.contains(first.as_str().unwrap()), "it is no part of the key");
}

#[actix_web::test]
async fn oidcc_ensure_registered_redirect_uri() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let uri = app.authorize(&[("scope", "openid"), ("redirect_uri", "https://evil.example/cb")]);
    let page = ask(&house, &owner, &uri).await.expect(400);
    assert_eq!(page.header("location"), "");
}

#[actix_web::test]
async fn oidcc_ensure_post_request_succeeds() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let uri = app.authorize(&[("scope", "openid"), ("nonce", "a b&c")]);
    let (_, query) = uri.split_once('?').unwrap();
    // From the page of the app, without the cookie of this site.
    let request = TestRequest::post().uri("/oauth2/authorize").insert_header(("Origin", "https://app.example"));
    let request = request.insert_header(("Content-Type", "application/x-www-form-urlencoded"));
    let sent = house.send(request.set_payload(query.to_owned())).await.expect(303);
    assert_eq!(sent.header("location"), uri);
    let page = ask(&house, &owner, sent.header("location")).await.expect(200);
    assert!(page.body.contains("Know who you are"), "{}", page.body);
    // What presses a button is still for pages of this site only.
    let press = TestRequest::post().uri(&uri).insert_header(("Origin", "https://app.example"));
    house.send(press.insert_header(("Coder-Session-Token", &*owner))).await.expect(403);
}

#[actix_web::test]
async fn a_request_that_is_too_long_for_a_query_is_kept_and_goes_on() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let send = async |more: &[(&str, &str)]| {
        let uri = app.authorize(more);
        let (_, query) = uri.split_once('?').unwrap();
        let request = TestRequest::post().uri("/oauth2/authorize").insert_header(("Origin", "https://app.example"));
        house.send(request.set_payload(query.replace("state=s+t&", ""))).await
    };
    let state = "s".repeat(9000);
    let sent = send(&[("scope", "openid"), ("state", &state), ("login_hint", "ann")]).await.expect(303);
    let uri = sent.header("location").to_owned();
    assert!(uri.len() < 500 && sent.redirected_with("request_uri").is_some(), "{uri}");
    assert_eq!(sent.redirected_with("login_hint").as_deref(), Some("ann"));
    // It is as one that was pushed: good for one decision.
    let page = ask(&house, &owner, &uri).await.expect(200);
    assert!(page.body.contains("Know who you are"), "{}", page.body);
    let allowed = allow_as_shown(&house, &owner, &uri, &page).await.expect(302);
    assert_eq!(allowed.redirected_with("state").as_deref(), Some(&*state));
    assert!(allowed.redirected_with("code").is_some());
    ask(&house, &owner, &uri).await.expect(400);
    // What is wrong with it is told at once; for nobody anything is kept.
    let refused = send(&[("scope", "nothing:known"), ("state", &state)]).await.expect(302);
    assert_eq!(refused.redirected_with("error").as_deref(), Some("invalid_scope"));
    let elsewhere = send(&[("redirect_uri", "https://evil.example/cb"), ("state", &state)]).await.expect(400);
    assert_eq!(elsewhere.header("location"), "");
    let nobody = format!("client_id=00000000-0000-0000-0000-000000000001&state={state}");
    house.send(TestRequest::post().uri("/oauth2/authorize").set_payload(nobody)).await.expect(401);
    send(&[("scope", "openid"), ("state", &"s".repeat(65 * 1024))]).await.expect(400);
    // Nobody has proved anything by it.
    let path = format!("/oauth2-provider/apps/{}", app.id);
    let strict = json!({ "name": "robot", "require_pushed_authorization_requests": true });
    house.api(Method::PUT, &path, &owner, strict).await.expect(200);
    let refused = send(&[("scope", "openid"), ("state", &state)]).await.expect(302);
    assert_eq!(refused.redirected_with("error").as_deref(), Some("invalid_request"));
}

/// Presses Allow on the page, in the browser that was shown it.
async fn allow_as_shown<S: crate::client_keys::Site>(
    house: &crate::house::House<S>,
    session: &str,
    uri: &str,
    page: &crate::house::Answer,
) -> crate::house::Answer {
    let cookies: Vec<String> =
        page.cookies().into_iter().map(|cookie| cookie.split(';').next().unwrap().to_owned()).collect();
    let request = TestRequest::post().uri(uri).insert_header(("Coder-Session-Token", session));
    house.send(request.insert_header(("Cookie", cookies.join("; ")))).await
}

#[actix_web::test]
async fn oidcc_server_client_secret_post() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let uri = app.authorize(&[("scope", "openid")]);
    let code = allow(&house, &owner, &uri).await.expect(302).redirected_with("code").unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("code_verifier", crate::oauth2::VERIFIER),
        ("client_id", &app.id),
        ("client_secret", &app.secret),
    ];
    let answer = house.form("/oauth2/tokens", "", &fields).await.expect(200).json();
    assert!(answer["id_token"].is_string());
}

/// What an app is told that sends this parameter.
async fn refused_for(parameter: &str, value: &str) -> Option<String> {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let answer = ask(&house, &owner, &app.authorize(&[("scope", "openid"), (parameter, value)])).await.expect(302);
    assert_eq!(answer.redirected_with("state").as_deref(), Some("s t"));
    answer.redirected_with("error")
}

#[actix_web::test]
async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported() {
    let error = refused_for("request", "eyJhbGciOiJub25lIn0.e30.").await;
    assert_eq!(error.as_deref(), Some("request_not_supported"));
}

#[actix_web::test]
async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported() {
    let error = refused_for("request_uri", "https://app.example/request.jwt").await;
    assert_eq!(error.as_deref(), Some("request_uri_not_supported"));
}

#[actix_web::test]
async fn oidcc_ensure_request_object_with_redirect_uri() {
    // {"redirect_uri":"https://evil.example/cb"}
    let object = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZS9jYiJ9.";
    assert_eq!(refused_for("request", object).await.as_deref(), Some("request_not_supported"));
}

#[actix_web::test]
async fn a_registration_in_a_request_is_refused() {
    assert_eq!(refused_for("registration", "{}").await.as_deref(), Some("registration_not_supported"));
}

#[actix_web::test]
async fn oidcc_ensure_request_with_valid_pkce_succeeds() {
    let house = house().await;
    let owner = house.owner().await;
    let app = relying_party(&house, &owner).await;
    let asked = [("scope", "openid"), ("code_challenge_method", "S256")];
    assert!(tokens(&house, &owner, &app, &asked).await["id_token"].is_string());
}

#[actix_web::test]
async fn oidcc_idtoken_unsigned() {
    let house = house().await;
    let metadata = house.send(TestRequest::get().uri("/.well-known/openid-configuration")).await.expect(200).json();
    let algorithms = metadata["id_token_signing_alg_values_supported"].as_array().unwrap();
    assert!(algorithms.contains(&json!("RS256")) && !algorithms.contains(&json!("none")), "{algorithms:?}");
    assert!("none".parse::<SignatureAlgorithm>().is_err(), "no app can be set to it");
}

#[actix_web::test]
async fn client_credentials_say_nothing_of_anybody() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({ "service_account": true })).await;
    let fields = [("grant_type", "client_credentials"), ("scope", "openid profile")];
    let answer = house.form("/oauth2/tokens", &robot.basic(), &fields).await.expect(200).json();
    assert!(answer.get("id_token").is_none());
    let apps = house.api(Method::GET, "/oauth2-provider/apps", &owner, Value::Null).await;
    apps.expect(200);
}
