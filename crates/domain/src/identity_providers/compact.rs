//! Tokens in compact form (RFC 7515 3.1), and whether a key has signed one.

use super::header::SignatureAlgorithm;
use super::jwks::{PublicKey, PublicKeyMaterial};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

use std::fmt;

/// It is not written as a signed token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not written as a signed token is")]
pub struct CompactDefect;

/// A token, taken apart. Nothing of it is believed before [`Compact::is_signed_by`].
#[derive(Clone)]
pub struct Compact<'t> {
    /// The header, JSON.
    pub header: Vec<u8>,
    /// The payload, JSON.
    pub payload: Vec<u8>,
    signed: &'t str,
    signature: Vec<u8>,
}

/// Whoever has it could use it.
impl fmt::Debug for Compact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Compact(..)")
    }
}

impl<'t> Compact<'t> {
    /// Takes a token apart: three parts in base64url, none of them empty.
    ///
    /// ```
    /// use doorward_domain::identity_providers::Compact;
    /// let token = Compact::parse("e30.eyJzdWIiOiIxIn0.c2ln")?;
    /// assert_eq!((token.header.as_slice(), token.payload.as_slice()), (b"{}".as_slice(), br#"{"sub":"1"}"#.as_slice()));
    /// assert!(Compact::parse("e30.eyJzdWIiOiIxIn0.").is_err(), "not signed");
    /// # Ok::<(), doorward_domain::identity_providers::CompactDefect>(())
    /// ```
    pub fn parse(text: &'t str) -> Result<Self, CompactDefect> {
        let (signed, signature) = text.rsplit_once('.').ok_or(CompactDefect)?;
        let (header, payload) = signed.split_once('.').ok_or(CompactDefect)?;
        let part = |text: &str| match URL_SAFE_NO_PAD.decode(text) {
            Ok(bytes) if !bytes.is_empty() => Ok(bytes),
            _ => Err(CompactDefect),
        };
        Ok(Self { header: part(header)?, payload: part(payload)?, signed, signature: part(signature)? })
    }

    /// Whether this key has signed it by this algorithm. Keys of RSA have 2048 to 8192 bits.
    #[must_use]
    pub fn is_signed_by(&self, key: &PublicKey, algorithm: SignatureAlgorithm) -> bool {
        let unparsed = |by: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(by, key).verify(self.signed.as_bytes(), &self.signature).is_ok()
        };
        let point = |x: &[u8], y: &[u8]| [&[4], x, y].concat();
        let rsa =
            |by, n, e| RsaPublicKeyComponents { n, e }.verify(by, self.signed.as_bytes(), &self.signature).is_ok();
        match (&key.material, algorithm) {
            (PublicKeyMaterial::Rsa { n, e }, SignatureAlgorithm::Rs256) => rsa(&RSA_PKCS1_2048_8192_SHA256, n, e),
            (PublicKeyMaterial::Rsa { n, e }, SignatureAlgorithm::Ps256) => rsa(&RSA_PSS_2048_8192_SHA256, n, e),
            (PublicKeyMaterial::P256 { x, y }, SignatureAlgorithm::Es256) => {
                unparsed(&ECDSA_P256_SHA256_FIXED, &point(x, y))
            }
            (PublicKeyMaterial::P384 { x, y }, SignatureAlgorithm::Es384) => {
                unparsed(&ECDSA_P384_SHA384_FIXED, &point(x, y))
            }
            (PublicKeyMaterial::Ed25519 { x }, SignatureAlgorithm::EdDsa) => unparsed(&ED25519, x),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::jwks::KeySet;
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
    use serde_json::json;

    fn encode(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn key(jwk: &serde_json::Value) -> PublicKey {
        let set = KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
        set.keys()[0].clone()
    }

    /// RFC 7515 A.2: RS256.
    #[test]
    fn the_example_of_the_standard_is_signed_by_its_key() {
        let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR\
                 T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQ\
                 OS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8\
                 q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc\
                     19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5Y\
                     KtO8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb\
                     1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8\
                     np6LbgGY9Fs98rqVt5AXLIhWkywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        let key = key(&json!({ "kty": "RSA", "n": n, "e": "AQAB" }));
        let compact = Compact::parse(token).unwrap();
        assert!(compact.is_signed_by(&key, SignatureAlgorithm::Rs256));
        for other in [SignatureAlgorithm::Ps256, SignatureAlgorithm::Es256, SignatureAlgorithm::EdDsa] {
            assert!(!compact.is_signed_by(&key, other), "{other}");
        }
        let changed = token.replace("eyJpc3Mi", "eyJpc3Nj");
        assert!(!Compact::parse(&changed).unwrap().is_signed_by(&key, SignatureAlgorithm::Rs256));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "keys of a test")]
    fn curves_sign_too_and_one_key_is_not_another() {
        let random = SystemRandom::new();
        let signed = format!("{}.{}", encode("{}"), encode("{}"));
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        let public = pair.public_key().as_ref();
        let p256 =
            key(&json!({ "kty": "EC", "crv": "P-256", "x": encode(&public[1..33]), "y": encode(&public[33..]) }));
        let by_p256 = format!("{signed}.{}", encode(pair.sign(&random, signed.as_bytes()).unwrap()));
        let pair = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
        let ed = key(&json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key()) }));
        let by_ed = format!("{signed}.{}", encode(pair.sign(signed.as_bytes())));
        for (token, key, algorithm, expected) in [
            (&by_p256, &p256, SignatureAlgorithm::Es256, true),
            (&by_ed, &ed, SignatureAlgorithm::EdDsa, true),
            (&by_p256, &ed, SignatureAlgorithm::EdDsa, false),
            (&by_ed, &p256, SignatureAlgorithm::Es256, false),
            (&by_ed, &ed, SignatureAlgorithm::Es256, false),
        ] {
            assert_eq!(Compact::parse(token).unwrap().is_signed_by(key, algorithm), expected, "{algorithm} {key:?}");
        }
    }

    #[test]
    fn what_is_not_three_parts_is_no_token() {
        for bad in [
            "",
            ".",
            "..",
            "a.b",
            "e30.e30",
            "e30.e30.",
            ".e30.e30",
            "e30..e30",
            "e30.e30.e30.e30",
            "e30.e30.e3=",
            "é.é.é",
        ] {
            assert!(Compact::parse(bad).is_err(), "{bad}");
        }
    }
}
