//! Tokens of the directories of organizations.

use crate::ids::{OrganizationId, ScimTokenId, UserId};
use crate::{Digest, Instant};
use time::Duration;

/// Most tokens of one organization.
pub const TOKENS_MAX: usize = 20;
/// Longest name of a token, in bytes.
pub const TOKEN_NAME_MAX: usize = 64;

/// What the directory of an organization presents. Only a digest of it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimToken {
    /// Its id.
    pub id: ScimTokenId,
    /// The organization whose directory it is for.
    pub organization_id: OrganizationId,
    /// What people call it.
    pub name: String,
    /// The public part, by which it is found.
    pub prefix: String,
    /// The digest of the secret part.
    pub digest: Digest,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Instant,
    /// For how long it was to be good when it was made, and so will be the one that takes its place; `None` until it is revoked.
    pub lifetime: Option<Duration>,
    /// Until when it is good; `None` until it is revoked. Another one in its place may have made this earlier.
    pub expires_at: Option<Instant>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Instant>,
}

impl ScimToken {
    /// Whether it is good at this moment.
    #[must_use]
    pub fn is_live(&self, now: Instant) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether a use at this moment is to be noted: once a minute is enough.
    #[must_use]
    pub fn is_use_noted(&self, now: Instant) -> bool {
        self.last_used_at.is_none_or(|last| now - last >= Duration::MINUTE || now < last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_its_end_and_its_use_is_noted_once_a_minute() {
        let now = Instant::UNIX_EPOCH + Duration::DAY;
        let token = ScimToken {
            id: ScimTokenId::NIL,
            organization_id: OrganizationId::NIL,
            name: "entra".to_owned(),
            prefix: "p".to_owned(),
            digest: Digest::of("x"),
            created_by: None,
            created_at: now,
            lifetime: None,
            expires_at: None,
            last_used_at: None,
        };
        assert!(token.is_live(now) && token.is_use_noted(now));
        let ending = ScimToken { expires_at: Some(now), last_used_at: Some(now), ..token };
        assert!(!ending.is_live(now) && ending.is_live(now - Duration::SECOND));
        assert!(!ending.is_use_noted(now + Duration::seconds(59)) && ending.is_use_noted(now + Duration::MINUTE));
    }
}
