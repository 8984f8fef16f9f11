//! Licences of operators who exist in tests only.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorward_domain::Instant;
use doorward_domain::entitlements::FeatureSet;
use doorward_domain::licenses::{LicenseDraft, LicenseToken};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use time::Duration;
use uuid::Uuid;

/// How licences name the key.
const KEY_ID: &str = "tests";

/// Signs licences with a key that anybody can make.
#[derive(Debug)]
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// The key of this number.
    ///
    /// # Panics
    ///
    /// If 32 bytes are no seed, which they are.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "any 32 bytes are a seed")]
    pub fn new(number: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap())
    }

    /// The 32 bytes of its public key, in base64.
    #[must_use]
    pub fn public_key(&self) -> String {
        STANDARD.encode(self.0.public_key())
    }

    /// A section `licensing` whose licences are believed that it signs.
    #[must_use]
    pub fn settings(&self, mode: &str) -> Value {
        json!({ "mode": mode, "keys": [{ "id": KEY_ID, "public_key": self.public_key() }] })
    }

    /// A licence.
    #[must_use]
    pub fn sign(&self, draft: &LicenseDraft) -> LicenseToken {
        self.sign_input(&draft.signing_input(KEY_ID))
    }

    /// A licence that says this besides.
    ///
    /// # Panics
    ///
    /// If what is to be said is no object.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "a draft says an object")]
    pub fn sign_with(&self, draft: &LicenseDraft, more: &Value) -> LicenseToken {
        let claims = self.sign(draft).claims().unwrap();
        let mut claims: Map<String, Value> = serde_json::from_str(&claims).unwrap();
        claims.extend(more.as_object().unwrap().clone());
        let header = json!({ "alg": "EdDSA", "kid": KEY_ID });
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        self.sign_input(&format!("{}.{}", part(header), part(claims.into())))
    }

    fn sign_input(&self, input: &str) -> LicenseToken {
        LicenseDraft::signed(input, self.0.sign(input.as_bytes()).as_ref())
    }
}

/// A licence for sixty days, with a grace of thirty, that gives nothing yet.
#[must_use]
pub fn draft(now: Instant) -> LicenseDraft {
    LicenseDraft {
        id: Uuid::from_u128(0x11CE),
        issued_at: now,
        starts_at: now,
        paid_until: now + Duration::days(60),
        ends_at: now + Duration::days(90),
        account_id: String::new(),
        deployment_ids: Vec::new(),
        trial: false,
        feature_set: FeatureSet::None,
        features: BTreeMap::new(),
    }
}
