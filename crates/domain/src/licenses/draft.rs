//! Licences that are to be signed.

use super::token::LicenseToken;
use crate::Instant;
use crate::entitlements::FeatureSet;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a licence is to say.
#[derive(Clone, Debug)]
pub struct LicenseDraft {
    /// Its id.
    pub id: Uuid,
    /// When it is signed.
    pub issued_at: Instant,
    /// When its term begins.
    pub starts_at: Instant,
    /// The end of the paid term.
    pub paid_until: Instant,
    /// The end of the grace period.
    pub ends_at: Instant,
    /// Who it is for, for people; may be empty.
    pub account_id: String,
    /// The deployments for which it is; any if empty.
    pub deployment_ids: Vec<String>,
    /// Whether it is for trying out.
    pub trial: bool,
    /// What it gives as a whole.
    pub feature_set: FeatureSet,
    /// What it gives besides, by name.
    pub features: BTreeMap<String, i64>,
}

impl LicenseDraft {
    /// What is to be signed with the Ed25519 key of this id.
    #[must_use]
    pub fn signing_input(&self, key_id: &str) -> String {
        let header = json!({ "alg": "EdDSA", "kid": key_id, "typ": "JWT" });
        let seconds = |at: Instant| Value::from(at.unix_timestamp());
        let mut claims = Map::from_iter([
            ("jti".to_owned(), Value::from(self.id.to_string())),
            ("iss".to_owned(), "doorward".into()),
            ("iat".to_owned(), seconds(self.issued_at)),
            ("nbf".to_owned(), seconds(self.starts_at)),
            ("license_expires".to_owned(), seconds(self.paid_until)),
            ("exp".to_owned(), seconds(self.ends_at)),
            ("version".to_owned(), 3.into()),
            ("trial".to_owned(), self.trial.into()),
            ("feature_set".to_owned(), self.feature_set.as_str().into()),
            ("features".to_owned(), json!(self.features)),
        ]);
        if !self.account_id.is_empty() {
            claims.insert("account_type".to_owned(), "operator".into());
            claims.insert("account_id".to_owned(), self.account_id.as_str().into());
        }
        if !self.deployment_ids.is_empty() {
            claims.insert("deployment_ids".to_owned(), json!(self.deployment_ids));
        }
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}", part(header), part(claims.into()))
    }

    /// The licence, of what was signed and the signature.
    #[must_use]
    pub fn signed(signing_input: &str, signature: &[u8]) -> LicenseToken {
        LicenseToken::new(format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
