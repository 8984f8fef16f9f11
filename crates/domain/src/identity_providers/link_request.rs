//! A user who is about to link another account at a provider to their own: what the browser carries from the proof of who they
//! are to the answer of the provider.

use super::own_token;
use crate::ids::UserId;
use crate::sessions::ApiKeyId;
use crate::{Instant, Secret};
use serde::{Deserialize, Serialize};
use std::fmt;
use time::Duration;

/// How long the user may take.
pub const LINK_REQUEST_LIFETIME: Duration = Duration::minutes(5);

/// What was agreed upon when the user proved who they are. It ends well in the browser only that still has the session of then, so
/// nobody links what is theirs to the account of somebody else who sent them there.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkRequest {
    /// Which deployment agreed.
    pub deployment: String,
    /// The state that the provider sends back.
    pub state: String,
    /// Whose account it is.
    pub user: UserId,
    /// The session in which it was asked for.
    pub session: ApiKeyId,
    /// The provider by its name in the settings.
    pub provider: String,
    /// When it was agreed.
    pub issued_at: Instant,
    /// Until when it holds.
    pub expires_at: Instant,
}

/// Whoever knows the state could end it.
impl fmt::Debug for LinkRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkRequest")
            .field("user", &self.user)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

/// The same as a JWT.
#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    sub: UserId,
    exp: i64,
    iat: i64,
    state: String,
    sid: String,
    provider: String,
}

impl LinkRequest {
    /// A token that only this server can make. `key` is a text of it for this purpose.
    #[must_use]
    pub fn sign(&self, key: &Secret<String>) -> Secret<String> {
        let wire = Wire {
            iss: self.deployment.clone(),
            sub: self.user,
            exp: self.expires_at.unix_timestamp(),
            iat: self.issued_at.unix_timestamp(),
            state: self.state.clone(),
            sid: self.session.as_str().to_owned(),
            provider: self.provider.clone(),
        };
        own_token::sign(&wire, key)
    }

    /// What a token says that this server has made, with `key`; `None` of any other text.
    #[must_use]
    pub fn read(token: &str, key: &Secret<String>) -> Option<Self> {
        let wire: Wire = own_token::read(token, key)?;
        Some(Self {
            deployment: wire.iss,
            state: wire.state,
            user: wire.sub,
            session: ApiKeyId::new(wire.sid).ok()?,
            provider: wire.provider,
            issued_at: Instant::from_unix_timestamp(wire.iat).ok()?,
            expires_at: Instant::from_unix_timestamp(wire.exp).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity_providers::Conversion;
    use time::macros::datetime;
    use uuid::Uuid;

    #[test]
    fn it_says_what_was_agreed_upon_and_is_no_other_kind_of_token() {
        let request = LinkRequest {
            deployment: "d".to_owned(),
            state: "link-abc".to_owned(),
            user: UserId(Uuid::from_u128(7)),
            session: ApiKeyId::new("0123456789").unwrap(),
            provider: "corp".to_owned(),
            issued_at: datetime!(2026-03-01 12:00 UTC),
            expires_at: datetime!(2026-03-01 12:05 UTC),
        };
        let key = Secret::from("key");
        let token = request.sign(&key);
        assert_eq!(LinkRequest::read(token.expose(), &key), Some(request.clone()));
        assert_eq!(LinkRequest::read(token.expose(), &Secret::from("another key")), None);
        assert_eq!(Conversion::read(token.expose(), &key), None);
        let changed = token.expose().replacen(".eyJ", ".eyK", 1);
        assert_eq!(LinkRequest::read(&changed, &key), None);
        assert!(!format!("{request:?}").contains("link-abc"));
    }
}
