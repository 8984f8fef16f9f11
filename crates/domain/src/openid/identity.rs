//! What a code and a grant say of the user beside scopes.

use super::claims::RequestedClaims;
use crate::Instant;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How and when somebody signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// What apps are told the session is called; never its key.
    pub sid: Uuid,
    /// When the user last proved to be who they are, to the second.
    #[serde(with = "time::serde::timestamp")]
    pub auth_time: Instant,
    /// How much that is worth: `pwd`, `mfa` or `phr`, from little to much.
    pub acr: String,
    /// By which means (RFC 8176).
    pub amr: Vec<String>,
}

/// What a code and a grant say of the user beside scopes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// How and when they signed in.
    #[serde(flatten)]
    pub sign_in: SignIn,
    /// What the app sent to recognize the first ID token by; grants have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// What it asked to be told.
    #[serde(default)]
    pub claims: RequestedClaims,
}

impl Identity {
    /// What is left of it once the code is redeemed.
    #[must_use]
    pub fn of_grant(&self) -> Self {
        Self { nonce: None, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openid::ClaimName;
    use time::macros::datetime;

    #[test]
    fn it_is_read_as_it_was_stored() {
        let identity = Identity {
            sign_in: SignIn {
                sid: Uuid::from_u128(7),
                auth_time: datetime!(2026-01-02 03:04:05 UTC),
                acr: "pwd".to_owned(),
                amr: vec!["pwd".to_owned()],
            },
            nonce: Some("n".to_owned()),
            claims: RequestedClaims { userinfo: [ClaimName::Name].into(), ..RequestedClaims::default() },
        };
        let stored = serde_json::to_string(&identity).unwrap();
        assert_eq!(serde_json::from_str::<Identity>(&stored).unwrap(), identity);
        assert_eq!(identity.of_grant().nonce, None);
    }
}
