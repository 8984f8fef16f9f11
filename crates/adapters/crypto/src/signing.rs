//! Private keys in PEM files, as other tools read and write them, and signing with them, by `ring`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_domain::Secret;
use doorward_domain::identity_providers::SignatureAlgorithm;
use doorward_ports::crypto::SigningError;
use doorward_ports::{Random, Signer};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fmt;

/// A text is no private key that signs by the algorithm. It says nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// There is no private key in it.
    #[error("there is no private key in PEM, such as `openssl genpkey` writes one, without a passphrase")]
    NoKey,
    /// A key of elliptic curves in an older form.
    #[error("the key is in the form SEC 1; `openssl pkcs8 -topk8 -nocrypt` writes it as PKCS #8")]
    Sec1,
    /// It is a key of another algorithm, or too short.
    #[error("the key does not sign by {0}: it is of another kind, or of less than 2048 bits")]
    Algorithm(SignatureAlgorithm),
}

/// A private key. Signing with it takes up to a few milliseconds of a processor.
pub struct SigningKey {
    pair: Pair,
    random: SystemRandom,
}

enum Pair {
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ecdsa(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// What stands before the 32 bytes of a private key of Ed25519 (RFC 8410 7).
const ED25519_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

impl SigningKey {
    /// The text (PEM) of a new key of Ed25519 (RFC 8032), with which licences are signed.
    ///
    /// ```
    /// use doorward_crypto::{SigningKey, SystemRandom};
    /// use doorward_domain::identity_providers::SignatureAlgorithm;
    /// use doorward_ports::Signer;
    ///
    /// let text = SigningKey::generate_ed25519(&SystemRandom::default());
    /// let key = SigningKey::parse(&text, SignatureAlgorithm::EdDsa)?;
    /// assert_eq!((key.public_key().len(), key.sign(b"text").unwrap().len()), (32, 64));
    /// # Ok::<(), doorward_crypto::SigningKeyError>(())
    /// ```
    #[must_use]
    pub fn generate_ed25519(random: &dyn Random) -> Secret<String> {
        let mut seed = [0; 32];
        random.fill(&mut seed);
        let document = STANDARD.encode([ED25519_PREFIX.as_slice(), &seed].concat());
        Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{document}\n-----END PRIVATE KEY-----\n"))
    }

    /// By what its signatures are verified: of Ed25519 the 32 bytes of a point, of other elliptic curves the point uncompressed, of RSA
    /// the document of RFC 8017 A.1.1.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        match &self.pair {
            Pair::Rsa(pair, _) => pair.public().as_ref(),
            Pair::Ecdsa(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    /// The modulus and the exponent of a key of RSA.
    pub(crate) fn rsa_numbers(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let Pair::Rsa(pair, _) = &self.pair else { return None };
        let numbers = PublicKeyComponents::<Vec<u8>>::from(pair.public());
        Some((numbers.n, numbers.e))
    }

    /// Reads a private key in PKCS #8.
    pub(crate) fn from_pkcs8(
        document: &Secret<Vec<u8>>,
        algorithm: SignatureAlgorithm,
    ) -> Result<Self, SigningKeyError> {
        Self::of(&PrivateKeyDer::Pkcs8(document.expose().as_slice().into()), algorithm)
    }

    /// Reads the first private key of a text in PEM: PKCS #8, or PKCS #1 for RSA.
    pub fn parse(pem: &Secret<String>, algorithm: SignatureAlgorithm) -> Result<Self, SigningKeyError> {
        let der = PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).or(Err(SigningKeyError::NoKey))?;
        Self::of(&der, algorithm)
    }

    fn of(der: &PrivateKeyDer<'_>, algorithm: SignatureAlgorithm) -> Result<Self, SigningKeyError> {
        let misfit = || SigningKeyError::Algorithm(algorithm);
        #[expect(clippy::disallowed_methods, reason = "this is where randomness comes from")]
        let random = SystemRandom::new();
        let pair = match (algorithm, der) {
            (_, PrivateKeyDer::Sec1(_)) => return Err(SigningKeyError::Sec1),
            (SignatureAlgorithm::Rs256, der) => Pair::Rsa(rsa(der).ok_or_else(misfit)?, &RSA_PKCS1_SHA256),
            (SignatureAlgorithm::Ps256, der) => Pair::Rsa(rsa(der).ok_or_else(misfit)?, &RSA_PSS_SHA256),
            (SignatureAlgorithm::Es256, PrivateKeyDer::Pkcs8(der)) => {
                let by = &ECDSA_P256_SHA256_FIXED_SIGNING;
                Pair::Ecdsa(ecdsa(by, der.secret_pkcs8_der(), &random).ok_or_else(misfit)?)
            }
            (SignatureAlgorithm::Es384, PrivateKeyDer::Pkcs8(der)) => {
                let by = &ECDSA_P384_SHA384_FIXED_SIGNING;
                Pair::Ecdsa(ecdsa(by, der.secret_pkcs8_der(), &random).ok_or_else(misfit)?)
            }
            (SignatureAlgorithm::EdDsa, PrivateKeyDer::Pkcs8(der)) => {
                // Keys that OpenSSL writes have no public part.
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der());
                Pair::Ed25519(Box::new(pair.map_err(|_rejected| misfit())?))
            }
            _ => return Err(misfit()),
        };
        Ok(Self { pair, random })
    }
}

/// The first private key of a text in PEM, in PKCS #8; `None` if there is none that is not encrypted, or it is in another form.
#[must_use]
pub fn pkcs8_of_pem(pem: &Secret<Vec<u8>>) -> Option<Secret<Vec<u8>>> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem.expose()).ok()?;
    Some(Secret::new(key.secret_pkcs8_der().to_vec()))
}

fn rsa(der: &PrivateKeyDer<'_>) -> Option<Box<RsaKeyPair>> {
    let pair = if let PrivateKeyDer::Pkcs1(der) = der {
        RsaKeyPair::from_der(der.secret_pkcs1_der())
    } else if let PrivateKeyDer::Pkcs8(der) = der {
        RsaKeyPair::from_pkcs8(der.secret_pkcs8_der())
    } else {
        return None;
    };
    pair.ok().map(Box::new)
}

fn ecdsa(by: &'static EcdsaSigningAlgorithm, der: &[u8], random: &SystemRandom) -> Option<Box<EcdsaKeyPair>> {
    EcdsaKeyPair::from_pkcs8(by, der, random).ok().map(Box::new)
}

impl Signer for SigningKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match &self.pair {
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &self.random, message, &mut signature).or(Err(SigningError))?;
                Ok(signature)
            }
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&self.random, message).or(Err(SigningError))?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

/// Nothing of the key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

#[cfg(test)]
mod tests;
