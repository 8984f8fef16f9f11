//! Who may sign in at all by the groups of the provider (`enterprise-identity.md` 4.5).

use super::{ClaimError, ClaimValues, SyncClaims};
use thiserror::Error;

/// Why somebody may not sign in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotAdmitted {
    /// The claim is not there.
    #[error("the provider has sent no claim `{0}`, by which it is told who may sign in")]
    Absent(String),
    /// The claim is there, and nobody knows what it says.
    #[error("it cannot be told whether this account may sign in: the provider has not sent the claim `{0}`")]
    Unknown(String),
    /// The claim cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ClaimError),
    /// None of the groups may sign in.
    #[error("none of the groups of this account may sign in")]
    NotListed,
}

/// Whether somebody with these claims may sign in: with one at least of the groups that are listed. An empty list lets everybody in.
///
/// ```
/// use doorward_domain::idp_sync::{NotAdmitted, SyncClaims, admit};
/// use serde_json::json;
/// let claims = SyncClaims::new(json!({ "groups": ["eng"] }).as_object().unwrap().clone());
/// assert!(admit(&claims, "groups", &["eng", "ops"]).is_ok() && admit::<&str>(&claims, "", &[]).is_ok());
/// assert_eq!(admit(&claims, "groups", &["ops"]), Err(NotAdmitted::NotListed));
/// ```
pub fn admit<T: AsRef<str>>(claims: &SyncClaims, field: &str, listed: &[T]) -> Result<(), NotAdmitted> {
    if listed.is_empty() {
        return Ok(());
    }
    match claims.read(field)? {
        ClaimValues::Absent => Err(NotAdmitted::Absent(field.to_owned())),
        ClaimValues::Unknown => Err(NotAdmitted::Unknown(field.to_owned())),
        ClaimValues::These(values) => {
            let is_listed = |text: &String| listed.iter().any(|listed| listed.as_ref() == text);
            if values.texts.iter().any(is_listed) { Ok(()) } else { Err(NotAdmitted::NotListed) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn every_way_to_be_kept_out_has_its_name() {
        let ask = |claims: &Value| admit(&SyncClaims::new(claims.as_object().unwrap().clone()), "groups", &["a"]);
        assert_eq!(ask(&json!({ "groups": "a" })), Ok(()));
        assert_eq!(ask(&json!({})), Err(NotAdmitted::Absent("groups".to_owned())));
        assert_eq!(ask(&json!({ "hasgroups": true })), Err(NotAdmitted::Unknown("groups".to_owned())));
        assert!(matches!(ask(&json!({ "groups": 1 })), Err(NotAdmitted::Unreadable(_))));
        for none in [json!({ "groups": ["A"] }), json!({ "groups": [] }), json!({ "groups": null })] {
            assert_eq!(ask(&none), Err(NotAdmitted::NotListed));
        }
    }
}
