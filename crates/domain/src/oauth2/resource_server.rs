//! Resources that owners have registered: what the tokens that are bound to them look like (RFC 8707, RFC 9068).

use super::{OidcScope, Resource};
use crate::Instant;
use crate::ids::ResourceServerId;
use crate::jws::SignatureAlgorithm;
use crate::text_enum::text_enum;
use serde::{Deserialize, Serialize};
use time::Duration;

/// The `typ` of access tokens that are signed (RFC 9068 2.1).
pub const ACCESS_TOKEN: &str = "at+jwt";
/// Longest name of a resource, in characters.
pub const RESOURCE_NAME_MAX: usize = 64;
/// Most registered resources.
pub const RESOURCE_SERVERS_MAX: usize = 1000;
/// The longest time for which a signed access token is good: for so long whoever only looks at the signature takes one that was revoked.
pub const SIGNED_LIFETIME_MAX: Duration = Duration::HOUR;
/// The shortest.
pub const SIGNED_LIFETIME_MIN: Duration = Duration::MINUTE;

text_enum! {
    /// What access tokens look like.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    TokenFormat {
        /// Random text, about which resource servers ask.
        Opaque = "opaque",
        /// A signed token, which resource servers read themselves (RFC 9068).
        Jwt = "jwt",
    }
}

/// A registered resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceServer {
    /// Its id.
    pub id: ResourceServerId,
    /// What clients call it.
    pub identifier: Resource,
    /// What its tokens look like, and what people call it.
    pub rules: ResourceRules,
    /// When it was registered.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
}

/// What holds for a registered resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceRules {
    /// What people call it.
    pub name: String,
    /// What its access tokens look like.
    pub token_format: TokenFormat,
    /// By which algorithm they are signed.
    pub jwt_alg: SignatureAlgorithm,
    /// For how many seconds signed ones are good; `None`: as the settings say.
    pub access_token_lifetime: Option<u32>,
    /// What they say of the user: of `email`, `groups` and `roles`.
    pub claims: Vec<String>,
}

impl Default for ResourceRules {
    fn default() -> Self {
        Self {
            name: String::new(),
            token_format: TokenFormat::Opaque,
            jwt_alg: SignatureAlgorithm::Es256,
            access_token_lifetime: None,
            claims: Vec::new(),
        }
    }
}

impl ResourceRules {
    /// For how long a signed token is good, if the settings say `usual`.
    #[must_use]
    pub fn lifetime(&self, usual: Duration) -> Duration {
        let own = self.access_token_lifetime.map(|seconds| Duration::seconds(seconds.into()));
        own.unwrap_or(usual).clamp(SIGNED_LIFETIME_MIN, SIGNED_LIFETIME_MAX)
    }

    /// The scopes of which signed tokens tell the claims.
    pub fn told(&self) -> impl Iterator<Item = OidcScope> {
        self.claims.iter().filter_map(|name| name.parse().ok()).filter(|scope| may_be_told(*scope))
    }
}

/// Whether signed access tokens may tell the claims of this scope.
#[must_use]
pub const fn may_be_told(scope: OidcScope) -> bool {
    matches!(scope, OidcScope::Email | OidcScope::Groups | OidcScope::Roles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_from_before_a_rule_takes_its_default() {
        let rules: ResourceRules = serde_json::from_str(r#"{"token_format": "jwt", "unheard_of": 1}"#).unwrap();
        assert_eq!(rules, ResourceRules { token_format: TokenFormat::Jwt, ..ResourceRules::default() });
    }

    #[test]
    fn signed_tokens_live_for_a_minute_to_an_hour() {
        let rules = |seconds| ResourceRules { access_token_lifetime: seconds, ..ResourceRules::default() };
        let usual = Duration::minutes(10);
        for (own, lives) in [(None, 600), (Some(1), 60), (Some(90), 90), (Some(u32::MAX), 3600)] {
            assert_eq!(rules(own).lifetime(usual), Duration::seconds(lives), "{own:?}");
        }
        assert_eq!(rules(None).lifetime(Duration::DAY), Duration::HOUR);
    }

    #[test]
    fn only_some_claims_stand_in_access_tokens() {
        let claims = ["email", "profile", "roles", "x"].map(str::to_owned).to_vec();
        let rules = ResourceRules { claims, ..ResourceRules::default() };
        assert_eq!(rules.told().collect::<Vec<_>>(), [OidcScope::Email, OidcScope::Roles]);
    }
}
