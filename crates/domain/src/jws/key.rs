//! Public keys.

use super::header::SignatureAlgorithm;

/// The numbers of a public key, big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKeyMaterial {
    /// RSA.
    Rsa {
        /// The modulus, without zeros before it.
        n: Vec<u8>,
        /// The exponent, without zeros before it.
        e: Vec<u8>,
    },
    /// A point on P-256: both coordinates have 32 bytes.
    P256 {
        /// The first coordinate.
        x: Vec<u8>,
        /// The second one.
        y: Vec<u8>,
    },
    /// A point on P-384: both coordinates have 48 bytes.
    P384 {
        /// The first coordinate.
        x: Vec<u8>,
        /// The second one.
        y: Vec<u8>,
    },
    /// Ed25519: 32 bytes.
    Ed25519 {
        /// The key.
        x: Vec<u8>,
    },
}

impl PublicKeyMaterial {
    /// Whether signatures of this algorithm are made by such keys.
    pub(crate) const fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        matches!(
            (self, algorithm),
            (Self::Rsa { .. }, SignatureAlgorithm::Rs256 | SignatureAlgorithm::Ps256)
                | (Self::P256 { .. }, SignatureAlgorithm::Es256)
                | (Self::P384 { .. }, SignatureAlgorithm::Es384)
                | (Self::Ed25519 { .. }, SignatureAlgorithm::EdDsa)
        )
    }
}
