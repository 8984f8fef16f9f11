//! Keys of Ed25519 (RFC 8032) with which licences are signed, in files as other tools read and write them (RFC 8410).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_domain::Secret;
use doorward_ports::Random;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use std::fmt;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// What stands before the 32 bytes of a private key (RFC 8410 7).
const PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A text is no private key of Ed25519. Nothing of it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LicenseKeyError {
    /// It is not written as private keys are.
    #[error(
        "it is no private key in PEM, as `doorward license keygen` or `openssl genpkey -algorithm ed25519` write one"
    )]
    Pem,
    /// It is a key of another kind.
    #[error("it is no key of Ed25519")]
    Kind,
}

/// A private key of Ed25519.
pub struct LicenseKey(Ed25519KeyPair);

impl LicenseKey {
    /// The text (PEM) of a new key.
    ///
    /// ```
    /// use doorward_crypto::{LicenseKey, SystemRandom};
    /// let key = LicenseKey::from_pem(&LicenseKey::generate(&SystemRandom::default()))?;
    /// assert_eq!(key.sign(b"text").len(), 64);
    /// # Ok::<(), doorward_crypto::LicenseKeyError>(())
    /// ```
    #[must_use]
    pub fn generate(random: &dyn Random) -> Secret<String> {
        let mut seed = [0; 32];
        random.fill(&mut seed);
        let document = [PREFIX.as_slice(), &seed].concat();
        Secret::new(format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(document)))
    }

    /// The key of a text (PEM). Whatever stands before and after it is ignored.
    pub fn from_pem(text: &Secret<String>) -> Result<Self, LicenseKeyError> {
        let (_, rest) = text.expose().split_once(BEGIN).ok_or(LicenseKeyError::Pem)?;
        let (body, _) = rest.split_once(END).ok_or(LicenseKeyError::Pem)?;
        let body: String = body.split_ascii_whitespace().collect();
        let document = STANDARD.decode(body).map_err(|_not_base64| LicenseKeyError::Pem)?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&document);
        pair.map(Self).map_err(|_rejected| LicenseKeyError::Kind)
    }

    /// The 32 bytes by which its signatures are verified.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// The signature of a text.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.0.sign(text).as_ref().to_vec()
    }
}

impl fmt::Debug for LicenseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LicenseKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;
    use ring::signature::{ED25519, UnparsedPublicKey};

    /// Made by OpenSSL.
    const OPENSSL: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";

    #[test]
    fn a_key_signs_what_its_public_key_verifies() {
        for pem in [LicenseKey::generate(&SystemRandom::default()), Secret::from(OPENSSL)] {
            let key = LicenseKey::from_pem(&pem).unwrap();
            let verifies =
                |text: &[u8]| UnparsedPublicKey::new(&ED25519, key.public_key()).verify(text, &key.sign(b"text"));
            assert!(verifies(b"text").is_ok() && verifies(b"test").is_err());
            assert_eq!(format!("{key:?}"), "LicenseKey(..)");
        }
        // RFC 8410 10.3 has the public key of this one.
        let key = LicenseKey::from_pem(&Secret::from(OPENSSL)).unwrap();
        assert_eq!(STANDARD.encode(key.public_key()), "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
    }

    #[test]
    fn what_is_no_key_is_told_apart() {
        let of = |text: &str| LicenseKey::from_pem(&Secret::from(text)).map(drop);
        for text in ["", "no key", &OPENSSL.replace("END", "ENDE"), &OPENSSL.replace("MC4", "!!!")] {
            assert_eq!(of(text), Err(LicenseKeyError::Pem), "{text}");
        }
        for text in [&OPENSSL.replace("MC4CAQ", "AAAAAA"), &format!("{BEGIN}\nAAAA\n{END}")] {
            assert_eq!(of(text), Err(LicenseKeyError::Kind), "{text}");
        }
    }
}
