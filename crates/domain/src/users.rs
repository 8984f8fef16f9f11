//! Users: who they are, how they sign in, what state they are in (`identity.md` 3).

mod password;
pub(crate) mod query;
mod reduced;

pub use crate::search::QueryError;
pub use crate::text_enum::UnknownValueError;
pub use password::{PASSWORD_MAX, PasswordRuleError, check_password};
pub use query::{UserFilter, parse_user_query};
pub use reduced::ReducedUser;

use crate::Instant;
use crate::ids::UserId;
use crate::names::{Email, RealName, Username};
use crate::roles::{OWNER, RoleNames};
use crate::text_enum::text_enum;
use std::fmt;

text_enum! {
    /// The state of a user.
    UserStatus {
        /// May sign in.
        Active = "active",
        /// Has not been seen yet; the first request makes it active.
        Dormant = "dormant",
        /// Is refused everywhere.
        Suspended = "suspended",
    }
}

text_enum! {
    /// How a user signs in, and for what a key was issued.
    LoginType {
        /// With a password kept here.
        Password = "password",
        /// With GitHub.
        Github = "github",
        /// With an OpenID Connect provider.
        Oidc = "oidc",
        /// Of keys only: an API token.
        Token = "token",
        /// Not at all: a service account.
        None = "none",
        /// Of keys only: issued to an OAuth2 app.
        Oauth2ProviderApp = "oauth2_provider_app",
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Mail address, unique by its key among users that are not deleted; `None` for service accounts.
    pub email: Option<Email>,
    /// Name for signing in and for URLs, unique like the address.
    pub username: Username,
    /// Real name, may be empty.
    pub name: RealName,
    /// URL of a picture, may be empty.
    pub avatar_url: String,
    /// Argon2id hash in PHC form; `None` when the user has no password.
    pub password_hash: Option<PasswordHash>,
    /// Present state.
    pub status: UserStatus,
    /// How the user signs in.
    pub login_type: LoginType,
    /// Stored site roles; the implied `member` is not among them unless it was granted explicitly.
    pub roles: RoleNames,
    /// When the user was made.
    pub created_at: Instant,
    /// When the user last changed.
    pub updated_at: Instant,
    /// When the user last sent a request; `None` means never.
    pub last_seen_at: Option<Instant>,
    /// Whether the user was deleted. Deleted users keep their row, for audit.
    pub deleted: bool,
    /// Whether the user is part of the server itself and never listed.
    pub is_system: bool,
    /// Colours of the dashboard, or empty.
    pub theme_preference: String,
    /// Font of the web terminal, or empty.
    pub terminal_font: String,
}

impl User {
    /// Whether the user is one of those by whom the server can be administered: an active owner.
    #[must_use]
    pub fn is_active_owner(&self) -> bool {
        self.roles.contains(OWNER) && self.status == UserStatus::Active && !self.deleted && !self.is_system
    }

    /// Whether keys of this user are accepted: not deleted, and active or (until the first request) dormant.
    #[must_use]
    pub fn may_act(&self) -> bool {
        !self.deleted && self.status != UserStatus::Suspended
    }

    /// Whether this is an account for a program: without mail address and password, so that nobody can sign in to it.
    #[must_use]
    pub const fn is_service_account(&self) -> bool {
        self.email.is_none()
    }

    /// The mail address as clients are shown it: empty for service accounts.
    #[must_use]
    pub fn shown_email(&self) -> &str {
        self.email.as_ref().map_or("", Email::as_str)
    }
}

/// Fonts that the web terminal knows.
pub const TERMINAL_FONTS: [&str; 4] = ["ibm-plex-mono", "fira-code", "source-code-pro", "jetbrains-mono"];

/// A password hash in PHC string form. It prints only as its type.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a PHC string.
    #[must_use]
    pub const fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string, for storage and verification.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}
