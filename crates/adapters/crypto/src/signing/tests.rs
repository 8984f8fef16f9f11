use super::*;
use doorward_testkit::keys::{ED25519, P256, P256_SEC1, P384, RSA, RSA_PKCS1};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519 as BY_ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};

const MESSAGE: &[u8] = b"header.payload";

fn key(pem: &str, algorithm: SignatureAlgorithm) -> Result<SigningKey, SigningKeyError> {
    SigningKey::parse(&Secret::from(pem), algorithm)
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
        let public = UnparsedPublicKey::new(by, key.public_key());
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

#[test]
fn a_new_key_signs_what_its_public_key_verifies() {
    /// Made by OpenSSL; RFC 8410 10.3 has its public key.
    const OPENSSL: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    let made = SigningKey::generate_ed25519(&crate::SystemRandom::default());
    for pem in [made.expose().as_str(), OPENSSL, &format!("Key of the shop\n{OPENSSL}\n")] {
        let key = key(pem, SignatureAlgorithm::EdDsa).unwrap();
        let signature = key.sign(MESSAGE).unwrap();
        let public = UnparsedPublicKey::new(&BY_ED25519, key.public_key());
        assert!(public.verify(MESSAGE, &signature).is_ok() && public.verify(b"other", &signature).is_err());
    }
    let key = key(OPENSSL, SignatureAlgorithm::EdDsa).unwrap();
    assert_eq!(STANDARD.encode(key.public_key()), "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
}
