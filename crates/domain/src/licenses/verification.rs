//! What is believed of a licence.

use super::keys::TrustedKeys;
use super::token::{LICENSE_MAX, LicenseToken};
use crate::Instant;
use crate::entitlements::{FeatureSet, LicenseTerms, Phase};
use crate::jws::{Claims, Compact, SignatureAlgorithm, TokenHeader};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The only version of what licences say.
const VERSION: i64 = 3;

/// Why a licence is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LicenseDefect {
    /// It is no token, not signed by a trusted key, over, or of the future; which of these is not told to who sends it.
    #[error("license has multiple issues; contact support")]
    Token,
    /// It speaks another language.
    #[error("the claim \"version\" must be 3")]
    Version,
    /// It does not say until when it is paid.
    #[error("the claim \"license_expires\" is missing")]
    NoPaidTerm,
    /// It does not say when it ends.
    #[error("the claim \"exp\" is missing")]
    NoEnd,
    /// It is for other deployments.
    #[error("it is for the deployments {}", .0.join(", "))]
    Deployment(Vec<String>),
}

/// What a licence says that a trusted key has signed, whenever that holds.
///
/// Errors: all but [`LicenseDefect::Deployment`].
pub fn read(token: &LicenseToken, keys: &TrustedKeys) -> Result<LicenseTerms, LicenseDefect> {
    terms(&signed(token, keys)?)
}

/// The same, of a licence that is to be added to this deployment now. One whose term has not begun may be.
///
/// Errors: all.
pub fn verify(
    token: &LicenseToken,
    keys: &TrustedKeys,
    deployment: Uuid,
    now: Instant,
) -> Result<LicenseTerms, LicenseDefect> {
    let terms = read(token, keys)?;
    if matches!(terms.phase(now), Phase::Unborn | Phase::Over) {
        return Err(LicenseDefect::Token);
    }
    if terms.is_for(deployment) { Ok(terms) } else { Err(LicenseDefect::Deployment(terms.deployment_ids)) }
}

/// The claims of a token, if a trusted key has signed it.
fn signed(token: &LicenseToken, keys: &TrustedKeys) -> Result<Claims, LicenseDefect> {
    let text = token.expose();
    if text.len() > LICENSE_MAX {
        return Err(LicenseDefect::Token);
    }
    let compact = Compact::parse(text).map_err(|_defect| LicenseDefect::Token)?;
    let header = TokenHeader::parse(&compact.header, &[SignatureAlgorithm::EdDsa]);
    let header = header.map_err(|_defect| LicenseDefect::Token)?;
    // Not by the newer name of the same algorithm (RFC 9864): other servers of these licences do not know it.
    if !Claims::parse(&compact.header).is_ok_and(|header| header.text("alg") == Ok(Some("EdDSA"))) {
        return Err(LicenseDefect::Token);
    }
    header.check_id_token().map_err(|_kind| LicenseDefect::Token)?;
    let key = header.key_id.as_deref().and_then(|id| keys.find(id)).ok_or(LicenseDefect::Token)?;
    if !compact.is_signed_by(key, header.algorithm) {
        return Err(LicenseDefect::Token);
    }
    Claims::parse(&compact.payload).map_err(|_defect| LicenseDefect::Token)
}

fn terms(claims: &Claims) -> Result<LicenseTerms, LicenseDefect> {
    let text = |name: &str| claims.text(name).map_err(|_type| LicenseDefect::Token);
    let instant = |name: &str| claims.instant(name).map_err(|_type| LicenseDefect::Token);
    let flag =
        |name: &str| Ok::<_, LicenseDefect>(claims.flag(name).map_err(|_type| LicenseDefect::Token)?.unwrap_or(false));
    let (issued_at, starts_at, ends_at) = (instant("iat")?, instant("nbf")?, instant("exp")?);
    let paid_until = instant("license_expires")?;
    let feature_set = match text("feature_set")?.unwrap_or_default() {
        "" if flag("all_features")? => FeatureSet::Enterprise,
        name => FeatureSet::named(name),
    };
    let deployment_ids = claims.texts("deployment_ids").map_err(|_type| LicenseDefect::Token)?.unwrap_or_default();
    let features = features(claims)?;
    let id = text("jti")?.and_then(|id| Uuid::try_parse(id).ok());
    let (trial, require_telemetry) = (flag("trial")?, flag("require_telemetry")?);
    if claims.get("version").and_then(Value::as_i64) != Some(VERSION) {
        return Err(LicenseDefect::Version);
    }
    Ok(LicenseTerms {
        id,
        issued_at,
        starts_at,
        paid_until: paid_until.ok_or(LicenseDefect::NoPaidTerm)?,
        ends_at: ends_at.ok_or(LicenseDefect::NoEnd)?,
        deployment_ids: deployment_ids.into_iter().map(str::to_owned).collect(),
        trial,
        require_telemetry,
        feature_set,
        features,
    })
}

fn features(claims: &Claims) -> Result<BTreeMap<String, i64>, LicenseDefect> {
    match claims.get("features") {
        None => Ok(BTreeMap::new()),
        Some(Value::Object(members)) => {
            let value = |value: &Value| if value.is_null() { Some(0) } else { value.as_i64() };
            let read = |(name, of): (&String, &Value)| Ok((name.clone(), value(of).ok_or(LicenseDefect::Token)?));
            members.iter().map(read).collect()
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Null) => {
            Err(LicenseDefect::Token)
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
