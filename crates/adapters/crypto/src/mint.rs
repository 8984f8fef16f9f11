//! Making the private keys with which this server signs, and opening them.
//!
//! `ring` signs by RSA and makes no keys for it. The crate `rsa` makes them, and does nothing else here: what is known of its
//! timing concerns the use of private keys.

use crate::{SigningKey, SystemRandom};
use async_trait::async_trait;
use doorward_domain::Secret;
use doorward_domain::jws::{PublicKeyMaterial, SignatureAlgorithm};
use doorward_ports::crypto::SigningError;
use doorward_ports::{KeyMint, Random as _, SigningPair};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::rand_core::{TryCryptoRng, TryRng};
use std::convert::Infallible;
use std::sync::Arc;

/// How long RSA keys are, in bits.
const RSA_BITS: usize = 2048;

/// Makes keys with the randomness of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RingMint;

#[async_trait]
impl KeyMint for RingMint {
    async fn generate(&self, algorithm: SignatureAlgorithm) -> Result<Secret<Vec<u8>>, SigningError> {
        // A join error means that the server stops.
        tokio::task::spawn_blocking(move || generate(algorithm)).await.or(Err(SigningError))?
    }

    fn open(&self, algorithm: SignatureAlgorithm, document: &Secret<Vec<u8>>) -> Result<SigningPair, SigningError> {
        let key = SigningKey::from_pkcs8(document, algorithm).or(Err(SigningError))?;
        let public = key.public_material(algorithm).ok_or(SigningError)?;
        Ok(SigningPair { signer: Arc::new(key), public })
    }
}

fn generate(algorithm: SignatureAlgorithm) -> Result<Secret<Vec<u8>>, SigningError> {
    #[expect(clippy::disallowed_methods, reason = "this is where randomness comes from")]
    let random = ring::rand::SystemRandom::new();
    let document = match algorithm {
        SignatureAlgorithm::Rs256 => {
            let key = rsa::PrivateKey::new(&mut Draw(SystemRandom::default()), RSA_BITS).or(Err(SigningError))?;
            key.to_pkcs8_der().or(Err(SigningError))?.as_bytes().to_vec()
        }
        SignatureAlgorithm::Es256 => {
            let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
            made.or(Err(SigningError))?.as_ref().to_vec()
        }
        SignatureAlgorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&random).or(Err(SigningError))?.as_ref().to_vec(),
        SignatureAlgorithm::Ps256 | SignatureAlgorithm::Es384 => return Err(SigningError),
    };
    Ok(Secret::new(document))
}

/// The randomness of the operating system, as the crate `rsa` asks for it.
struct Draw(SystemRandom);

impl TryRng for Draw {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(dst);
        Ok(())
    }
}

impl TryCryptoRng for Draw {}

/// The numbers of a key, by what its signatures are verified.
impl SigningKey {
    fn public_material(&self, algorithm: SignatureAlgorithm) -> Option<PublicKeyMaterial> {
        let bytes = self.public_key();
        let point = || {
            let (_, point) = bytes.split_first()?;
            let (x, y) = point.split_at_checked(point.len() / 2)?;
            Some((x.to_vec(), y.to_vec()))
        };
        match algorithm {
            SignatureAlgorithm::Rs256 | SignatureAlgorithm::Ps256 => {
                let (n, e) = self.rsa_numbers()?;
                Some(PublicKeyMaterial::Rsa { n, e })
            }
            SignatureAlgorithm::Es256 => point().map(|(x, y)| PublicKeyMaterial::P256 { x, y }),
            SignatureAlgorithm::Es384 => point().map(|(x, y)| PublicKeyMaterial::P384 { x, y }),
            SignatureAlgorithm::EdDsa => Some(PublicKeyMaterial::Ed25519 { x: bytes.to_vec() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use doorward_domain::jws::Compact;

    #[tokio::test]
    async fn what_a_new_key_signs_its_public_part_verifies_and_no_other_key_does() {
        for algorithm in [SignatureAlgorithm::Rs256, SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa] {
            let (one, two) = (RingMint.generate(algorithm).await.unwrap(), RingMint.generate(algorithm).await.unwrap());
            assert_ne!(one.expose(), two.expose());
            let (one, two) = (RingMint.open(algorithm, &one).unwrap(), RingMint.open(algorithm, &two).unwrap());
            let signed = "e30.e30";
            let signature = URL_SAFE_NO_PAD.encode(one.signer.sign(signed.as_bytes()).unwrap());
            let token = format!("{signed}.{signature}");
            let token = Compact::parse(&token).unwrap();
            assert!(token.is_signed_by(&one.public, algorithm), "{algorithm}");
            assert!(!token.is_signed_by(&two.public, algorithm), "{algorithm}");
        }
    }

    #[tokio::test]
    async fn what_is_not_signed_by_here_is_not_made_and_one_key_does_not_open_as_another() {
        assert!(RingMint.generate(SignatureAlgorithm::Ps256).await.is_err());
        let curve = RingMint.generate(SignatureAlgorithm::Es256).await.unwrap();
        assert!(RingMint.open(SignatureAlgorithm::Rs256, &curve).is_err());
        assert!(RingMint.open(SignatureAlgorithm::EdDsa, &Secret::new(vec![0; 32])).is_err());
    }
}
