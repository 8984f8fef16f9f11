//! Tokens in compact form (RFC 7515 3.1), and whether a key has signed one.

use super::header::SignatureAlgorithm;
use super::key::PublicKeyMaterial;
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
    /// use doorward_domain::jws::Compact;
    /// let token = Compact::parse("e30.eyJzdWIiOiIxIn0.c2ln")?;
    /// assert_eq!((token.header.as_slice(), token.payload.as_slice()), (b"{}".as_slice(), br#"{"sub":"1"}"#.as_slice()));
    /// assert!(Compact::parse("e30.eyJzdWIiOiIxIn0.").is_err(), "not signed");
    /// # Ok::<(), doorward_domain::jws::CompactDefect>(())
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
    pub fn is_signed_by(&self, key: &PublicKeyMaterial, algorithm: SignatureAlgorithm) -> bool {
        let unparsed = |by: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(by, key).verify(self.signed.as_bytes(), &self.signature).is_ok()
        };
        let point = |x: &[u8], y: &[u8]| [&[4], x, y].concat();
        let rsa =
            |by, n, e| RsaPublicKeyComponents { n, e }.verify(by, self.signed.as_bytes(), &self.signature).is_ok();
        match (key, algorithm) {
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
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};

    fn encode(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Signed by another implementation (Node's, of OpenSSL).
    #[test]
    fn rsa_signs_in_two_ways_and_neither_is_the_other() {
        let n = "wIPCE7wRgbQBCOFvPDcly-jrd0WhSxSfFwmnoExsb2RbQVtt_pvGGg19tCBOYqb6FS2c8Ng5-\
                 gtgVTB1V9hovE5Ip3mY2VHSz6zhlow2r7iZykpL1Ea7adhNabhgbkF394b6_CEGcXIFjfJkEIoIEOifd7lxvXoGXDw97bdL\
                 fVgzk790bpXiNwZHvi3Io6KUt3NGNLVTVdRIiezS6KuPvQWB5b-\
                 Zu165cFcJZc_3kJgJlPIQkF7gdWYszZqefPkox3ecqd8mFhpyEO5WFlCsRpuFlm9QnEg1h0hxpP9Ix0h9hdbp4cAp_roFGh\
                 pUZ140hg4nTxm-p7Rqo9EB1b818w";
        let pkcs1 = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.rYAYU9KBo76OxvD_QqPXAWQYccV6FjOX_T-\
                     U07MQDtLXv9zovzSz9XPBud8VkNT6IwHA7DHGiv-hcdUwmjddcydKtNBvtGlQGQgq6cDDDb9jRUKoIong7aTvlrBSBAPnjS\
                     Hc46xBhJF_PxV5oqIAUN_dg1wBPX6Z71SPp_zPA1zPpu5un4-\
                     j14iCiIFoMboRnrEiEt38sSwiTqdIun1IeUPtVoVJT7keP6oVpAT4Xg3uvheArXw4PKnVtpfk7VxPv5jIfgCGBll3gZXUd4\
                     BV6HwOmmHqChnrLzgn8JXJOOqJSkBULNGR6Q33UUtTYmirBkJWqBsb8CORhyr0BVed0A";
        let pss = "eyJhbGciOiJQUzI1NiJ9.eyJzdWIiOiIxIn0.ZNW7OQdFrAWnxTln2r8xSo_CXSrRgVgl0hjrPlHSL4IsloFjPHUW0Lua3c\
                   Ju8Yjd2zOR62JfMWJWuGdkrQy0aqalXBFM-\
                   0JZh9a_tJz45tW9XfsNLOKYh9mwtyl8jFCTtlORQQr7msnHEDaHh4f1HgL5rjlFTeLKnr9OtqGUDr2XPqLBKfkMr-fX1AOl\
                   czGbtSZxdWzMk6WtWnlTkkXxCmOHrOZFgrHIifwkgVAzl8-\
                   XRwANx8Qf1qTABnvWs6CxYGac0OUTkuXVIELRUGrelK5XVLvVGAtlbFRjF0EoKGFke5O565tGxwJsrLL4QRe3jFJdN1-\
                   tT_toSJ1K-2r6aw";
        let key = PublicKeyMaterial::Rsa { n: URL_SAFE_NO_PAD.decode(n).unwrap(), e: vec![1, 0, 1] };
        let is_signed = |token: &str, by| Compact::parse(token).unwrap().is_signed_by(&key, by);
        assert!(is_signed(pkcs1, SignatureAlgorithm::Rs256) && is_signed(pss, SignatureAlgorithm::Ps256));
        assert!(!is_signed(pkcs1, SignatureAlgorithm::Ps256) && !is_signed(pss, SignatureAlgorithm::Rs256));
        for other in [SignatureAlgorithm::Es256, SignatureAlgorithm::Es384, SignatureAlgorithm::EdDsa] {
            assert!(!is_signed(pkcs1, other), "{other}");
        }
        let changed = pkcs1.replacen(".eyJ", ".eyK", 1);
        assert!(!is_signed(&changed, SignatureAlgorithm::Rs256));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "keys of a test")]
    fn curves_sign_too_and_one_key_is_not_another() {
        let random = SystemRandom::new();
        let signed = format!("{}.{}", encode("{}"), encode("{}"));
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        let public = pair.public_key().as_ref();
        let p256 = PublicKeyMaterial::P256 { x: public[1..33].to_vec(), y: public[33..].to_vec() };
        let by_p256 = format!("{signed}.{}", encode(pair.sign(&random, signed.as_bytes()).unwrap()));
        let pair = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
        let ed = PublicKeyMaterial::Ed25519 { x: pair.public_key().as_ref().to_vec() };
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
