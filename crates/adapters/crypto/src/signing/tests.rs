use super::*;
use doorward_testkit::keys::{ED25519, P256, P256_SEC1, P384, RSA, RSA_PKCS1};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519 as BY_ED25519, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};

const MESSAGE: &[u8] = b"header.payload";

fn key(pem: &str, algorithm: SignatureAlgorithm) -> Result<SigningKey, SigningKeyError> {
    SigningKey::parse(&Secret::from(pem), algorithm)
}

fn public(key: &SigningKey) -> Vec<u8> {
    match &key.pair {
        Pair::Rsa(pair, _) => pair.public().as_ref().to_vec(),
        Pair::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
        Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
    }
}

#[test]
fn each_kind_of_key_signs_by_its_algorithms_and_by_no_other() {
    let good: [(&str, SignatureAlgorithm, &'static dyn VerificationAlgorithm); 6] = [
        (RSA, SignatureAlgorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
        (RSA_PKCS1, SignatureAlgorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256),
        (RSA, SignatureAlgorithm::Ps256, &RSA_PSS_2048_8192_SHA256),
        (P256, SignatureAlgorithm::Es256, &ECDSA_P256_SHA256_FIXED),
        (P384, SignatureAlgorithm::Es384, &ECDSA_P384_SHA384_FIXED),
        (ED25519, SignatureAlgorithm::EdDsa, &BY_ED25519),
    ];
    for (pem, algorithm, by) in good {
        let key = key(pem, algorithm).unwrap();
        let signature = key.sign(MESSAGE).unwrap();
        let public = UnparsedPublicKey::new(by, public(&key));
        assert!(public.verify(MESSAGE, &signature).is_ok(), "{algorithm}");
        assert!(public.verify(b"header.other", &signature).is_err(), "{algorithm}");
        for other in SignatureAlgorithm::ALL {
            let is_rsa = |by| matches!(by, SignatureAlgorithm::Rs256 | SignatureAlgorithm::Ps256);
            if *other != algorithm && !(is_rsa(*other) && is_rsa(algorithm)) {
                let refused = self::key(pem, *other).unwrap_err();
                assert_eq!(refused, SigningKeyError::Algorithm(*other), "{algorithm}");
            }
        }
    }
}

#[test]
fn what_is_no_key_is_told_without_a_word_of_it() {
    for text in ["", "hunter2", "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n"] {
        assert_eq!(key(text, SignatureAlgorithm::Rs256).unwrap_err(), SigningKeyError::NoKey, "{text}");
    }
    assert_eq!(key(P256_SEC1, SignatureAlgorithm::Es256).unwrap_err(), SigningKeyError::Sec1);
    let broken = "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n";
    let refused = key(broken, SignatureAlgorithm::EdDsa).unwrap_err();
    assert_eq!(refused, SigningKeyError::Algorithm(SignatureAlgorithm::EdDsa));
    assert_eq!(format!("{:?}", key(ED25519, SignatureAlgorithm::EdDsa).unwrap()), "SigningKey(..)");
}
