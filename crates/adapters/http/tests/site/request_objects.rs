//! Signed authorization requests (RFC 9101), at the authorization endpoint and pushed; and tokens of one kind as another.

use crate::browser::Browser;
use crate::client_keys::{Keys, Site, app, with};
use crate::house::{Answer, House, ISSUER, NOW, house, house_beside};
use crate::oauth2::{CHALLENGE, Client, VERIFIER, allow, client};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};
use time::Duration;

const WEB: &str = "https://app.example/cb";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn claims(id: &str) -> Value {
    json!({ "iss": id, "aud": ISSUER, "exp": NOW.unix_timestamp() + 300, "client_id": id, "response_type": "code",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "redirect_uri": WEB, "scope": "user:read", "state": "signed" })
}

fn object(keys: &Keys, id: &str, more: Value) -> String {
    keys.signer.sign(&json!({ "typ": "oauth-authz-req+jwt" }), &with(claims(id), more))
}

fn uri(id: &str, request: &str, more: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", id)
        .append_pair("request", request)
        .extend_pairs(more)
        .finish();
    format!("/oauth2/authorize?{query}")
}

fn told(answer: &Answer) -> (Option<String>, Option<String>) {
    (answer.redirected_with("error"), answer.redirected_with("state"))
}

async fn keyed<S: Site>(house: &House<S>, owner: &str, keys: &Keys) -> String {
    app(house, owner, json!({ "jwks": keys.jwks(), "callback_url": WEB })).await
}

#[actix_web::test]
async fn what_is_signed_counts_and_nothing_beside_it() {
    let (house, keys) = (house().await, Keys::new());
    let owner = house.owner().await;
    let id = keyed(&house, &owner, &keys).await;
    let signed = object(&keys, &id, json!({}));
    let beside = [
        ("scope", "coder:all"),
        ("state", "beside"),
        ("redirect_uri", WEB),
        ("response_mode", "form_post"),
        ("response_type", "code"),
    ];
    let allowed = allow(&house, &owner, &uri(&id, &signed, &beside)).await.expect(302);
    assert_eq!(told(&allowed), (None, Some("signed".to_owned())));
    let code = allowed.redirected_with("code").unwrap();
    let assertion = keys.good(&id);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", WEB),
        ("client_assertion_type", TYPE),
        ("client_assertion", &*assertion),
    ];
    assert_eq!(house.form("/oauth2/tokens", "", &fields).await.expect(200).json()["scope"], "user:read");

    // One that is too long for a query comes in a body, and is opened when the browser comes back.
    let long = object(&keys, &id, json!({ "state": "s".repeat(5200), "jti": "long" }));
    assert!((7400..8192).contains(&long.len()), "{}", long.len());
    let body = uri(&id, &long, &[]);
    let body = body.split_once('?').unwrap().1.to_owned();
    let post = || {
        TestRequest::post().uri("/oauth2/authorize").set_payload(body.clone() + &format!("&nonce={}", "n".repeat(900)))
    };
    for is_first in [true, false] {
        let sent = house.send(post()).await.expect(303);
        let allowed = allow(&house, &owner, sent.header("location")).await;
        assert_eq!(allowed.redirected_with("code").is_some(), is_first, "it is good for one code");
    }

    let otherwise = [("response_type", "token"), ("redirect_uri", WEB)];
    let refused = allow(&house, &owner, &uri(&id, &signed, &otherwise)).await.expect(302);
    assert_eq!(told(&refused).0.as_deref(), Some("invalid_request"));
    // The rules of requests are those of all.
    for (more, error) in [
        (json!({ "scope": "nonsense" }), "invalid_scope"),
        (json!({ "code_challenge": null }), "invalid_request"),
        (json!({ "response_type": "token" }), "unsupported_response_type"),
        (json!({ "resource": ["x"] }), "invalid_target"),
    ] {
        let refused = allow(&house, &owner, &uri(&id, &object(&keys, &id, more.clone()), &[])).await.expect(302);
        assert_eq!(told(&refused), (Some(error.to_owned()), Some("signed".to_owned())), "{more}");
    }
    let evil = object(&keys, &id, json!({ "redirect_uri": "https://evil.example/cb" }));
    assert_eq!(allow(&house, &owner, &uri(&id, &evil, &[])).await.expect(400).header("location"), "");
}

#[actix_web::test]
async fn what_is_not_good_is_told_where_answers_surely_go() {
    let (house, keys) = (house().await, Keys::new());
    let owner = house.owner().await;
    let id = keyed(&house, &owner, &keys).await;
    let now = NOW.unix_timestamp();
    let refused = async |request: &str| {
        let answer = allow(&house, &owner, &uri(&id, request, &[("state", "beside")])).await.expect(302);
        assert!(answer.header("location").starts_with(WEB), "{}", answer.header("location"));
        told(&answer)
    };
    let bad = (Some("invalid_request_object".to_owned()), Some("beside".to_owned()));
    for more in [
        json!({ "iss": "other" }),
        json!({ "aud": "https://b.example" }),
        json!({ "aud": format!("{ISSUER}/oauth2/authorize") }),
        json!({ "exp": now - 60 }),
        json!({ "exp": now + 4000 }),
        json!({ "exp": null }),
        json!({ "client_id": "other" }),
        json!({ "sub": id }),
        json!({ "request": "x" }),
        json!({ "request_uri": "https://evil.example/r" }),
        json!({ "state": 7 }),
    ] {
        assert_eq!(refused(&object(&keys, &id, more.clone())).await, bad, "{more}");
    }
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "HS256" }),
        json!({ "typ": "client-authentication+jwt" }),
        json!({ "typ": "dpop+jwt" }),
        json!({ "crit": [] }),
    ] {
        assert_eq!(refused(&keys.signer.sign(&header, &claims(&id))).await, bad, "{header}");
    }
    let signed = object(&keys, &id, json!({}));
    for request in [
        "x",
        "e30.e30.",
        "e30.e30.e30.e30.e30",
        &object(&Keys::new(), &id, json!({})),
        &format!("{}.AAAA", signed.rsplit_once('.').unwrap().0),
        &object(&keys, &id, json!({ "state": "x".repeat(9000) })),
    ] {
        assert_eq!(refused(request).await, bad, "{request}");
    }
    let twice = uri(&id, &signed, &[("request", &signed)]);
    assert_eq!(told(&allow(&house, &owner, &twice).await.expect(302)).0.as_deref(), Some("invalid_request"));
    // An app without keys signs nothing.
    let secret = client(&house, &owner, json!({ "name": "secret", "callback_url": WEB })).await;
    let refused = allow(&house, &owner, &uri(&secret.id, &signed, &[])).await.expect(302);
    assert_eq!(told(&refused).0.as_deref(), Some("request_not_supported"));
    // Where only the object says where answers go, nobody is told but the person.
    let two = json!({ "jwks": keys.jwks(), "callback_url": WEB, "redirect_uris": [WEB, "https://app.example/other"] });
    let two = app(&house, &owner, two).await;
    let answer = allow(&house, &owner, &uri(&two, "x", &[])).await.expect(400);
    assert_eq!((answer.header("location"), &answer.json()["error"]), ("", &json!("invalid_request_object")));
    let answer = allow(&house, &owner, &uri(&two, "x", &[("redirect_uri", "https://evil.example")])).await.expect(400);
    assert_eq!(answer.header("location"), "");
    let good = object(&keys, &two, json!({}));
    assert!(allow(&house, &owner, &uri(&two, &good, &[])).await.expect(302).redirected_with("code").is_some());
}

#[actix_web::test]
async fn one_with_an_id_is_good_for_one_code_however_often_it_is_looked_at() {
    let (house, keys) = (house().await, Keys::new());
    let owner = house.owner().await;
    let id = keyed(&house, &owner, &keys).await;
    let once = uri(&id, &object(&keys, &id, json!({ "jti": "1" })), &[]);
    let browser = Browser::new(&house);
    browser.get(&once).await.expect(303);
    browser.sign_in("ann@example.com").await;
    for _ in 0..2 {
        browser.get(&once).await.expect(200);
    }
    assert!(browser.submit(&once, &[]).await.expect(302).redirected_with("code").is_some());
    // It is remembered that the user has allowed this, so nobody is asked again, and yet there is no second code.
    let again = browser.get(&once).await.expect(400);
    assert!(again.body.contains("used already"), "{}", again.body);
    // The same id as that of an assertion is another one.
    let assertion = keys.assertion(&id, json!({}), json!({ "jti": "1" }));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", "coder_0123456789_x"),
        ("code_verifier", VERIFIER),
        ("client_assertion_type", TYPE),
        ("client_assertion", &*assertion),
    ];
    assert_eq!(house.form("/oauth2/tokens", "", &fields).await.expect(400).json()["error"], "invalid_grant");
    let without = uri(&id, &object(&keys, &id, json!({})), &[]);
    for _ in 0..2 {
        allow(&house, &owner, &without).await.expect(302);
    }
    house.clock.advance(Duration::minutes(10));
    assert_eq!(told(&allow(&house, &owner, &without).await.expect(302)).0.as_deref(), Some("invalid_request_object"));
}

#[actix_web::test]
async fn a_signed_request_may_be_pushed_and_an_app_may_have_to_sign() {
    let (house, keys) = (house().await, Keys::new());
    let owner = house.owner().await;
    let more = json!({ "jwks": keys.jwks(), "callback_url": WEB, "require_signed_request_object": true, "request_object_signing_alg": "ES256" });
    let id = app(&house, &owner, more).await;
    let shown = house.get(&format!("/oauth2-provider/apps/{id}"), &owner).await.expect(200).json();
    assert_eq!(
        (&shown["require_signed_request_object"], &shown["request_object_signing_alg"]),
        (&json!(true), &json!("ES256"))
    );
    let plain = Client { id: id.clone(), secret: String::new() };
    let refused = allow(&house, &owner, &plain.authorize(&[])).await.expect(302);
    assert_eq!(told(&refused).0.as_deref(), Some("invalid_request"));
    let push = async |request: &str| {
        let assertion = keys.good(&id);
        let fields = [
            ("client_assertion_type", TYPE),
            ("client_assertion", &*assertion),
            ("request", request),
            ("scope", "coder:all"),
        ];
        house.form("/oauth2/par", "", &fields).await
    };
    let signed = object(&keys, &id, json!({ "jti": "p" }));
    let pushed = push(&signed).await.expect(201).json();
    assert_eq!(push(&signed).await.expect(400).json()["error"], "invalid_request_object", "its id was used");
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", &id)
        .append_pair("request_uri", pushed["request_uri"].as_str().unwrap())
        .finish();
    let allowed = allow(&house, &owner, &format!("/oauth2/authorize?{query}")).await.expect(302);
    assert_eq!(told(&allowed), (None, Some("signed".to_owned())));
    for request in ["x", "", &*object(&Keys::new(), &id, json!({}))] {
        push(request).await.expect(400);
    }
    let without = json!({ "name": "x", "callback_url": WEB, "require_signed_request_object": true });
    let refused = house.api(Method::POST, "/oauth2-provider/apps", &owner, without).await.expect(400).json();
    assert_eq!(refused["validations"][0]["field"], "require_signed_request_object");
}

#[actix_web::test]
async fn a_client_with_a_document_signs_by_the_keys_that_it_names() {
    let keys = Keys::new();
    let document = "https://chat.example/oauth/client.json";
    let metadata = json!({ "client_id": document, "client_name": "Chat", "redirect_uris": [WEB], "jwks_uri": "https://chat.example/jwks" });
    keys.signer.state().others =
        vec![(document.to_owned(), metadata), ("https://chat.example/jwks".to_owned(), keys.jwks())];
    let house = house_beside(keys.signer.upstreams(), |_| ()).await;
    let owner = house.owner().await;
    let allowed = allow(&house, &owner, &uri(document, &object(&keys, document, json!({})), &[])).await.expect(302);
    assert!(allowed.redirected_with("code").is_some());
    // Nobody has this server ask for keys without saying who they are.
    allow(&house, "", &uri(document, &object(&keys, document, json!({})), &[])).await.expect(303);
}

/// Every token that clients, this server and others sign, in the place of every one that a client sends.
#[actix_web::test]
async fn a_token_of_one_kind_is_none_of_another() {
    let (house, keys) = (house().await, Keys::new());
    let owner = house.owner().await;
    let id = keyed(&house, &owner, &keys).await;
    let now = NOW.unix_timestamp();
    let common = |typ: Value, more: Value| {
        let claims = json!({ "iss": id, "aud": ISSUER, "iat": now, "exp": now + 300, "jti": format!("{typ}{more}") });
        keys.signer.sign(&json!({ "typ": typ }), &with(claims, more))
    };
    let tokens = [
        ("client assertion", keys.good(&id)),
        ("request object", object(&keys, &id, json!({ "jti": "r" }))),
        (
            "DPoP proof",
            common(
                json!("dpop+jwt"),
                json!({ "sub": id, "htm": "POST", "htu": format!("{ISSUER}/oauth2/tokens"), "iss": id }),
            ),
        ),
        ("ID token", common(json!("JWT"), json!({ "iss": ISSUER, "aud": id, "sub": id }))),
        ("access token", common(json!("at+jwt"), json!({ "iss": ISSUER, "sub": id, "client_id": id }))),
        ("ID-JAG", common(json!("oauth-id-jag+jwt"), json!({ "sub": id, "client_id": id }))),
        ("logout token", common(json!("logout+jwt"), json!({ "sub": id, "events": {} }))),
        (
            "workload token",
            common(json!("JWT"), json!({ "iss": "https://issuer.example", "sub": "system:serviceaccount:a:b" })),
        ),
    ];
    let bearer = Client { id: id.clone(), secret: String::new() };
    let code = allow(&house, &owner, &bearer.authorize(&[])).await.expect(302).redirected_with("code").unwrap();
    for (name, token) in &tokens {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("code_verifier", VERIFIER),
            ("client_id", &*id),
            ("client_assertion_type", TYPE),
            ("client_assertion", token),
        ];
        let as_assertion = house.form("/oauth2/tokens", "", &fields).await.status.as_u16();
        assert_eq!(as_assertion, if *name == "client assertion" { 200 } else { 401 }, "{name} as client assertion");
        let as_request = allow(&house, &owner, &uri(&id, token, &[])).await.expect(302);
        let error = as_request.redirected_with("error");
        let expected = (*name != "request object").then_some("invalid_request_object");
        assert_eq!(error.as_deref(), expected, "{name} as request object");
        let as_uri = allow(&house, &owner, &bearer.authorize(&[("request_uri", token)])).await.expect(302);
        assert_eq!(
            as_uri.redirected_with("error").as_deref(),
            Some("request_uri_not_supported"),
            "{name} as request_uri"
        );
        let hint = [("id_token_hint", token.as_str()), ("prompt", "none"), ("scope", "openid")];
        let as_hint = allow(&house, &owner, &bearer.authorize(&hint)).await.expect(302);
        assert_eq!(as_hint.redirected_with("error").as_deref(), Some("invalid_request"), "{name} as id_token_hint");
        house.get("/users/me", token).await.expect(401);
        let opened = house.form("/oauth2/revoke", "", &[("client_id", &*id), ("token", token)]).await;
        opened.expect(401);
    }
}
