//! The public parts of the private keys for tests, as providers publish and take them (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorward_testkit::keys::{ED25519, P256, RSA};
use ring::rsa::PublicKeyComponents;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use serde_json::{Value, json};

fn der(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(text).unwrap()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The key of [`RSA`].
pub(crate) fn rsa_key() -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(&der(RSA)).unwrap()
}

/// Its public part.
pub(crate) fn rsa(id: &str) -> Value {
    let key: PublicKeyComponents<Vec<u8>> = rsa_key().public().into();
    json!({ "kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": encode(key.n), "e": encode(key.e) })
}

/// The public part of [`P256`].
pub(crate) fn p256(id: &str) -> Value {
    #[expect(clippy::disallowed_methods, reason = "a key of a test")]
    let random = ring::rand::SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der(P256), &random).unwrap();
    let point = pair.public_key().as_ref();
    json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": encode(&point[1..33]), "y": encode(&point[33..]) })
}

/// The public part of [`ED25519`].
pub(crate) fn ed25519(id: &str) -> Value {
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der(ED25519)).unwrap();
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "x": encode(pair.public_key()) })
}
