//! What is particular about an app as a relying party.

use crate::jws::SignatureAlgorithm;
use serde::{Deserialize, Serialize};

/// What is particular about an app as a relying party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppRules {
    /// By which algorithm its tokens are signed.
    pub id_token_signed_response_alg: SignatureAlgorithm,
    /// Whether what it may know stands in the ID token too, for programs that ask nobody else.
    pub claims_in_id_token: bool,
    /// How many seconds ago a user may have signed in at most, if the app does not say it itself.
    pub default_max_age: Option<u32>,
    /// Whether an administrator vouches for it, so that nobody is asked.
    pub trusted: bool,
    /// Where users may be sent after they have signed out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session has ended.
    pub backchannel_logout_uri: Option<String>,
    /// Whether its grants end with the session in which they were given.
    pub end_with_session: bool,
}

impl Default for AppRules {
    fn default() -> Self {
        Self {
            id_token_signed_response_alg: SignatureAlgorithm::Rs256,
            claims_in_id_token: false,
            default_max_age: None,
            trusted: false,
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            end_with_session: false,
        }
    }
}
