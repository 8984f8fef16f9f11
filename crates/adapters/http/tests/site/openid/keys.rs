//! The documents of the provider, and the keys with which it signs.

use crate::house::{Answer, House, ISSUER, house, house_with};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::TestRequest;
use doorward_domain::identity_providers::KeySet;
use doorward_domain::keys::KeyPurpose;
use doorward_services::{Principal, keys};
use serde_json::{Value, json};
use time::Duration;

/// The published keys, by id and algorithm, in order.
async fn published<S>(house: &House<S>) -> Vec<(String, String)>
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let document = get(house, "/oauth2/jwks").await.expect(200).json();
    let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
    document["keys"].as_array().unwrap().iter().map(|key| (text(key, "kid"), text(key, "alg"))).collect()
}

async fn get<S>(house: &House<S>, path: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    house.send(TestRequest::get().uri(path)).await
}

/// A certification module of this name.
#[actix_web::test]
async fn oidcc_discovery_endpoint_verification() {
    let house = house().await;
    let document = get(&house, "/.well-known/openid-configuration").await.expect(200);
    assert_eq!(document.header("cache-control"), "public, max-age=300");
    assert_eq!(document.header("access-control-allow-origin"), "*");
    let server = get(&house, "/.well-known/oauth-authorization-server").await.expect(200);
    assert_eq!(document.json(), server.json(), "both are one");
    let below = get(&house, "/.well-known/openid-configuration/some/path").await.expect(200);
    assert_eq!(document.json(), below.json());
    let document = document.json();
    assert_eq!(document["issuer"], ISSUER);
    for endpoint in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        let url = document[endpoint].as_str().unwrap();
        assert!(url.starts_with("https://door.example/"), "{endpoint}: {url}");
    }
    for (member, expected) in [
        ("response_types_supported", json!(["code"])),
        ("subject_types_supported", json!(["public"])),
        ("id_token_signing_alg_values_supported", json!(["RS256", "ES256", "EdDSA"])),
        ("request_uri_parameter_supported", json!(false)),
    ] {
        assert_eq!(document[member], expected, "{member}");
    }
    let scopes = document["scopes_supported"].as_array().unwrap();
    for scope in ["openid", "profile", "email", "groups", "roles", "offline_access"] {
        assert!(scopes.contains(&json!(scope)), "{scope}");
    }
}

#[actix_web::test]
async fn keys_are_public_and_a_client_that_has_them_is_told_so() {
    let house = house().await;
    let first = get(&house, "/oauth2/jwks").await.expect(200);
    assert_eq!(first.header("cache-control"), "public, max-age=3600");
    assert_eq!(first.header("access-control-allow-origin"), "*");
    let set = KeySet::parse(first.body.as_bytes()).unwrap();
    assert_eq!((set.keys().len(), set.exposed), (3, 0));
    for key in first.json()["keys"].as_array().unwrap() {
        assert_eq!(key["use"], "sig");
        assert_eq!(key["kid"].as_str().unwrap().len(), 43);
        for private in ["d", "p", "q", "dp", "dq", "qi"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
    let again = |tag: &str| TestRequest::get().uri("/oauth2/jwks").insert_header(("If-None-Match", tag.to_owned()));
    let tag = first.header("etag").to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let answer = house.send(again(&known)).await.expect(304);
        assert_eq!((answer.body.as_str(), answer.header("etag")), ("", tag.as_str()), "{known}");
    }
    assert_eq!(house.send(again("\"other\"")).await.expect(200).body, first.body);
}

#[actix_web::test]
async fn a_key_is_published_before_it_signs_and_kept_after_it_was_replaced() {
    let house = house().await;
    let before = published(&house).await;
    assert_eq!(before.iter().map(|(_, alg)| alg.as_str()).collect::<Vec<_>>(), ["RS256", "ES256", "EdDSA"]);
    let purposes = [KeyPurpose::SignRs256];
    keys::rotate(&house.context, &Principal::operator(), &purposes, false).await.unwrap();
    let waiting = published(&house).await;
    assert_eq!(waiting[..3], before, "those that sign come first");
    let new = waiting[3].clone();
    assert_eq!((waiting.len(), new.1.as_str()), (4, "RS256"));

    house.clock.advance(Duration::DAY);
    let replaced = published(&house).await;
    assert_eq!((&replaced[0], &replaced[3]), (&new, &before[0]));
    house.clock.advance(Duration::days(7) - Duration::MICROSECOND);
    assert_eq!(published(&house).await.len(), 4);
    house.clock.advance(Duration::MICROSECOND);
    assert_eq!(published(&house).await.len(), 3);
}

#[actix_web::test]
async fn a_compromised_key_is_replaced_at_once() {
    let house = house().await;
    let before = published(&house).await;
    let purposes = [KeyPurpose::SignEs256];
    house.clock.advance(Duration::SECOND);
    keys::rotate(&house.context, &Principal::operator(), &purposes, true).await.unwrap();
    let after = published(&house).await;
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    assert!(after[1].1 == "ES256" && after[1] != before[1] && after[3] == before[1]);
}

#[actix_web::test]
async fn a_server_that_is_no_provider_says_nothing_and_makes_no_keys() {
    let house = house_with(|settings| settings.oidc.enabled = false).await;
    for path in ["/.well-known/openid-configuration", "/.well-known/openid-configuration/x", "/oauth2/jwks"] {
        get(&house, path).await.expect(404);
    }
    let document = get(&house, "/.well-known/oauth-authorization-server").await.expect(200).json();
    assert!(document.get("jwks_uri").is_none());
    let scopes = document["scopes_supported"].as_array().unwrap();
    assert!(scopes.contains(&json!("offline_access")) && !scopes.contains(&json!("openid")));
    let stored = house.store.read(|repos| repos.keys().list()).await.unwrap();
    assert!(stored.iter().all(|key| !key.purpose.is_published()));
}

#[actix_web::test]
async fn a_server_without_eddsa_has_no_such_key() {
    let house = house_with(|settings| settings.oidc.eddsa = false).await;
    assert_eq!(published(&house).await.iter().map(|(_, alg)| alg.as_str()).collect::<Vec<_>>(), ["RS256", "ES256"]);
    let document = get(&house, "/.well-known/openid-configuration").await.json();
    assert_eq!(document["id_token_signing_alg_values_supported"], json!(["RS256", "ES256"]));
}
