//! Accounts at identity providers with which users sign in, and the sessions that began there (`identity.md` 2.9).

use crate::ids::UserId;
use crate::sessions::ApiKeyId;
use crate::users::LoginType;
use crate::{Digest, Instant};
use serde_json::{Map, Value};
use std::fmt;
use uuid::Uuid;

/// An account at an identity provider, which is known by its issuer and, there, by its subject. Nothing else of it is an
/// identity: addresses and names can be given to others.
#[derive(Clone, PartialEq)]
pub struct UserLink {
    /// The user who signs in with it.
    pub user_id: UserId,
    /// What kind of provider it is: [`LoginType::Oidc`] or [`LoginType::Github`].
    pub login_type: LoginType,
    /// The provider by its name in the settings.
    pub provider: String,
    /// The issuer as the settings name it.
    pub issuer: String,
    /// The id of the account there (`sub`).
    pub subject: String,
    /// Whether name, mail address, picture and memberships follow it. They do not follow a link that the user has added while
    /// signed in: it only signs in.
    pub is_main: bool,
    /// Whether the provider vouched for the mail address at the last sign-in.
    pub email_verified: bool,
    /// What the provider said at the last sign-in.
    pub claims: Map<String, Value>,
    /// When the account was linked.
    pub created_at: Instant,
    /// When the user last signed in with it.
    pub updated_at: Instant,
}

impl UserLink {
    /// Tells it from other links, in addresses: a UUID that is made of issuer and subject.
    ///
    /// ```
    /// use doorward_domain::user_links::UserLink;
    /// let id = UserLink::id_of("https://id.example", "1");
    /// assert_eq!((id, id.get_version_num()), (UserLink::id_of("https://id.example", "1"), 8));
    /// assert_ne!(id, UserLink::id_of("https://id.example1", ""));
    /// ```
    #[must_use]
    pub fn id_of(issuer: &str, subject: &str) -> Uuid {
        let digest = Digest::of(format!("{}:{issuer}{subject}", issuer.len()));
        let (half, _) = digest.as_bytes().split_at(16);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(half);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// [`UserLink::id_of`] this link.
    #[must_use]
    pub fn id(&self) -> Uuid {
        Self::id_of(&self.issuer, &self.subject)
    }
}

/// Claims are about people, and do not belong into logs.
impl fmt::Debug for UserLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserLink")
            .field("user_id", &self.user_id)
            .field("provider", &self.provider)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// What is known of a session that began at an identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedSession {
    /// The key of the session.
    pub key_id: ApiKeyId,
    /// The provider by its name in the settings.
    pub provider: String,
    /// The issuer as the settings name it.
    pub issuer: String,
    /// The id of the account there.
    pub subject: String,
    /// The session there (`sid`), if the provider names it.
    pub upstream_sid: Option<String>,
    /// When the user last proved to be who they are.
    pub auth_time: Instant,
    /// By which means (RFC 8176).
    pub amr: Vec<String>,
    /// How well.
    pub acr: String,
}

/// A session at an identity provider, as far as a logout token names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// One session there, and, of its account, the sessions of which it is not known which one there they are of.
    Session {
        /// The session (`sid`).
        sid: String,
        /// The account, if it is named.
        subject: Option<String>,
    },
    /// All sessions of one account there.
    Subject(String),
}
