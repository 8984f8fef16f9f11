//! Where there must be a key, and what is published about it.

use super::{Prover, error, post, public, redeem, refresh};
use crate::client_keys::with;
use crate::house::{house, house_with};
use crate::oauth2::{CALLBACK, Client, client};
use crate::signed_tokens::{FILES, RESOURCES, read, register};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_services::oauth2::registration::RegistrationMode;
use serde_json::json;

#[actix_web::test]
async fn an_app_may_be_registered_to_prove_a_key_always() {
    let (house, key) = (house().await, Prover::new());
    let owner = house.owner().await;
    let app = client(&house, &owner, json!({ "service_account": true })).await;
    let own = [("grant_type", "client_credentials")];
    let plain = redeem(&house, &owner, &app, &[], &[]).await.expect(200).json();
    assert_eq!(
        post(&house, "/oauth2/tokens", &app.basic(), &own, &[]).await.expect(200).json()["token_type"],
        "Bearer"
    );
    let bound = post(&house, "/oauth2/tokens", &app.basic(), &own, &[&key.good()]).await.expect(200).json();
    assert_eq!(bound["token_type"], "DPoP");

    let path = format!("/oauth2-provider/apps/{}", app.id);
    let change = json!({ "name": "robot", "callback_url": CALLBACK, "dpop_bound_access_tokens": true });
    let shown = house.api(Method::PUT, &path, &owner, change).await.expect(200).json();
    assert_eq!(shown["dpop_bound_access_tokens"], true);
    for refused in [
        redeem(&house, &owner, &app, &[], &[]).await,
        refresh(&house, &app, &plain, &[]).await,
        post(&house, "/oauth2/tokens", &app.basic(), &own, &[]).await,
    ] {
        assert_eq!(error(&refused.expect(400)), "invalid_dpop_proof");
    }
    // Nothing was used up, and by a key it goes on.
    let next = refresh(&house, &app, &plain, &[&key.good()]).await.expect(200).json();
    assert_eq!(next["token_type"], "DPoP");
    assert_eq!(error(&refresh(&house, &app, &next, &[]).await.expect(400)), "invalid_dpop_proof");
    refresh(&house, &app, &next, &[&key.good()]).await.expect(200);
    redeem(&house, &owner, &app, &[], &[&key.good()]).await.expect(200);
    let bound = post(&house, "/oauth2/tokens", &app.basic(), &own, &[&key.good()]).await.expect(200).json();
    let access = bound["access_token"].as_str().unwrap();
    let asked = house.form("/oauth2/introspect", &app.basic(), &[("token", access)]).await.expect(200).json();
    assert_eq!(asked["cnf"]["jkt"], key.jkt());
}

#[actix_web::test]
async fn a_client_may_register_itself_so() {
    let house = house_with(|settings| settings.oauth2.registration.mode = RegistrationMode::Open).await;
    let (owner, key) = (house.owner().await, Prover::new());
    let metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none", "client_name": "cli" });
    let register = async |more| {
        let request = TestRequest::post().uri("/oauth2/register").set_payload(with(metadata.clone(), more).to_string());
        house.send(request).await.expect(201).json()
    };
    let plain = register(json!({})).await;
    assert_eq!(plain.get("dpop_bound_access_tokens"), None);
    let bound = register(json!({ "dpop_bound_access_tokens": true })).await;
    assert_eq!(bound["dpop_bound_access_tokens"], true);
    assert_ne!(plain["client_id"], bound["client_id"], "it is another client");
    assert_eq!(register(json!({ "dpop_bound_access_tokens": true })).await["client_id"], bound["client_id"]);
    let app = Client { id: bound["client_id"].as_str().unwrap().to_owned(), secret: String::new() };
    assert_eq!(error(&redeem(&house, &owner, &app, &[], &[]).await.expect(400)), "invalid_dpop_proof");
    redeem(&house, &owner, &app, &[], &[&key.good()]).await.expect(200);
}

#[actix_web::test]
async fn a_resource_may_want_bound_tokens_which_say_to_which_key() {
    let (house, key) = (house().await, Prover::new());
    let owner = house.owner().await;
    let made = register(&house, &owner, json!({ "token_format": "jwt" })).await;
    assert_eq!(made["dpop"], "optional");
    let app = public(&house, &owner, json!({})).await;
    let place = [("resource", FILES)];
    let plain = redeem(&house, &owner, &app, &place, &[]).await.expect(200).json();
    let elsewhere = redeem(&house, &owner, &app, &[], &[]).await.expect(200).json();
    assert_eq!(read(&house, &plain["access_token"]).await.1.get("cnf"), None);

    let path = format!("{RESOURCES}/{}", made["id"].as_str().unwrap());
    let refused = house.api(Method::PUT, &path, &owner, json!({ "dpop": "always" })).await.expect(400).json();
    assert_eq!(refused["validations"][0]["field"], "dpop");
    let changed = house.api(Method::PUT, &path, &owner, json!({ "dpop": "required" })).await.expect(200).json();
    assert_eq!(changed["dpop"], "required");
    assert_eq!(error(&redeem(&house, &owner, &app, &place, &[]).await.expect(400)), "invalid_dpop_proof");
    assert_eq!(error(&refresh(&house, &app, &plain, &[]).await.expect(400)), "invalid_dpop_proof");
    refresh(&house, &app, &elsewhere, &[]).await.expect(200);
    let bound = refresh(&house, &app, &plain, &[&key.good()]).await.expect(200).json();
    assert_eq!(bound["token_type"], "DPoP");
    let (_, claims) = read(&house, &bound["access_token"]).await;
    assert_eq!(claims["cnf"], json!({ "jkt": key.jkt() }));
    let again = redeem(&house, &owner, &app, &place, &[&key.good()]).await.expect(200).json();
    assert_eq!(read(&house, &again["access_token"]).await.1["cnf"]["jkt"], key.jkt());
}

#[actix_web::test]
async fn what_clients_need_to_know_is_published() {
    let house = house().await;
    let algorithms = json!(["ES256", "EdDSA", "ES384", "RS256", "PS256"]);
    let read = async |path: &str| house.send(TestRequest::get().uri(path)).await.expect(200).json();
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        assert_eq!(read(path).await["dpop_signing_alg_values_supported"], algorithms, "{path}");
    }
    let resource = read("/.well-known/oauth-protected-resource").await;
    assert_eq!(resource["dpop_signing_alg_values_supported"], algorithms);
    assert_eq!(resource["dpop_bound_access_tokens_required"], false);
    let preflight = TestRequest::with_uri("/oauth2/tokens")
        .method(Method::OPTIONS)
        .insert_header(("Origin", "https://app.example"))
        .insert_header(("Access-Control-Request-Method", "POST"));
    let allowed = house.send(preflight).await;
    assert!(allowed.header("access-control-allow-headers").contains("DPoP"), "{:?}", allowed.headers);
    let answer = house.form("/oauth2/tokens", "", &[]).await;
    let exposed = answer.header("access-control-expose-headers");
    assert!(exposed.contains("DPoP-Nonce") && exposed.contains("WWW-Authenticate"), "{exposed}");
}
