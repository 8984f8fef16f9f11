//! Public keys.

use super::header::SignatureAlgorithm;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

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

    /// The members that make the key what it is, by name (RFC 7517, RFC 7518 6, RFC 8037 2).
    fn members(&self) -> Vec<(&'static str, String)> {
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = |curve: &str, x: &[u8], y: &[u8]| {
            vec![("crv", curve.to_owned()), ("kty", "EC".to_owned()), ("x", number(x)), ("y", number(y))]
        };
        match self {
            Self::Rsa { n, e } => vec![("e", number(e)), ("kty", "RSA".to_owned()), ("n", number(n))],
            Self::P256 { x, y } => point("P-256", x, y),
            Self::P384 { x, y } => point("P-384", x, y),
            Self::Ed25519 { x } => {
                vec![("crv", "Ed25519".to_owned()), ("kty", "OKP".to_owned()), ("x", number(x))]
            }
        }
    }

    /// What the key is called: its thumbprint (RFC 7638), which anybody can compute of it.
    ///
    /// ```
    /// use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    /// use doorward_domain::jws::PublicKeyMaterial;
    /// let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    /// let thumbprint = PublicKeyMaterial::Ed25519 { x }.thumbprint();
    /// assert_eq!(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    /// ```
    #[must_use]
    pub fn thumbprint(&self) -> String {
        // The names are in order, and no value needs an escape: this is the one text of RFC 7638 3.
        let members: Vec<_> = self.members().iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{{{}}}", members.join(",")).as_bytes()))
    }

    /// The key as it is published for signatures of one algorithm.
    #[must_use]
    pub fn to_jwk(&self, algorithm: SignatureAlgorithm) -> Map<String, Value> {
        let mut jwk: Map<String, Value> =
            self.members().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        for (name, value) in [("kid", self.thumbprint().as_str()), ("use", "sig"), ("alg", algorithm.as_str())] {
            jwk.insert(name.to_owned(), value.into());
        }
        jwk
    }
}
