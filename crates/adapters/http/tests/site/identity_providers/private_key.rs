//! This server proves to a provider who it is by a private key (RFC 7523).

use super::{Browser, ann};
use crate::house::{NOW, house_beside};
use crate::provider::{FakeProvider, entry};
use crate::public_keys::{ed25519, p256, rsa};
use doorward_crypto::SigningKey;
use doorward_domain::Secret;
use doorward_domain::identity_providers::{Provider, SignatureAlgorithm};
use doorward_testkit::keys::{ED25519, P256, RSA};
use serde_json::{Value, json};
use std::sync::Arc;

/// Signs in, when the provider knows this public key; the status.
async fn sign_in(pem: &str, algorithm: SignatureAlgorithm, known: Value) -> u16 {
    let provider = FakeProvider::new(NOW.unix_timestamp());
    provider.state().client_keys = Some(json!({ "keys": [known] }));
    let signer = SigningKey::parse(&Secret::from(pem), algorithm).unwrap();
    let house = house_beside(provider.upstreams_with(Arc::new(signer)), |settings| {
        settings.oidc.providers = vec![Provider {
            client_secret: Secret::from(""),
            private_key: Secret::from(pem),
            private_key_alg: algorithm,
            private_key_id: "k1".to_owned(),
            ..entry()
        }];
    })
    .await;
    house.owner().await;
    provider.say(ann());
    // Twice: an assertion is used once.
    let mut browser = Browser::new(&house);
    let first = browser.sign_in(&provider).await.status.as_u16();
    let second = browser.sign_in(&provider).await.status.as_u16();
    assert_eq!(first, second);
    first
}

#[actix_web::test]
async fn the_token_endpoint_takes_assertions_of_the_key_that_it_knows() {
    for (pem, algorithm, known) in [
        (RSA, SignatureAlgorithm::Rs256, rsa("k1")),
        (P256, SignatureAlgorithm::Es256, p256("k1")),
        (ED25519, SignatureAlgorithm::EdDsa, ed25519("k1")),
    ] {
        assert_eq!(sign_in(pem, algorithm, known).await, 307, "{algorithm}");
    }
    // Another key, and another id of the key.
    for known in [rsa("k1"), p256("k2")] {
        assert_eq!(sign_in(P256, SignatureAlgorithm::Es256, known).await, 502);
    }
}

#[actix_web::test]
async fn a_server_without_the_key_asks_for_no_token() {
    let provider = FakeProvider::new(NOW.unix_timestamp());
    let house = house_beside(provider.upstreams(), |settings| {
        let nothing = Secret::from("");
        settings.oidc.providers =
            vec![Provider { client_secret: nothing, private_key: Secret::from("key"), ..entry() }];
    })
    .await;
    house.owner().await;
    Browser::new(&house).sign_in(&provider).await.expect(502);
    assert_eq!(provider.times("/token"), 0);
}

#[actix_web::test]
async fn a_provider_that_takes_no_assertions_is_told_apart_before_anybody_is_sent_there() {
    let provider = FakeProvider::new(NOW.unix_timestamp());
    provider.state().discovery = json!({ "token_endpoint_auth_methods_supported": ["client_secret_basic"] });
    let house = house_beside(provider.upstreams(), |settings| {
        let nothing = Secret::from("");
        settings.oidc.providers =
            vec![Provider { client_secret: nothing, private_key: Secret::from("key"), ..entry() }];
    })
    .await;
    house.owner().await;
    Browser::new(&house).get(super::CALLBACK).await.expect(502);
}
