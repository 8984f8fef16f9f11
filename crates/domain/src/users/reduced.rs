use super::{LoginType, User, UserStatus};
use crate::Instant;
use crate::ids::UserId;
use crate::names::{Email, RealName, Username};

/// A user as shown in lists of members (`identity.md` 3): without roles, organizations and secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReducedUser {
    /// Its id.
    pub id: UserId,
    /// Name for signing in and for URLs.
    pub username: Username,
    /// URL of a picture, may be empty.
    pub avatar_url: String,
    /// Real name, may be empty.
    pub name: RealName,
    /// Mail address; `None` for service accounts.
    pub email: Option<Email>,
    /// When the user was made.
    pub created_at: Instant,
    /// When the user last changed.
    pub updated_at: Instant,
    /// When the user last sent a request; `None` means never.
    pub last_seen_at: Option<Instant>,
    /// Present state.
    pub status: UserStatus,
    /// How the user signs in.
    pub login_type: LoginType,
    /// Colours of the dashboard, or empty.
    pub theme_preference: String,
}

impl ReducedUser {
    /// Whether this is an account for a program, see [`User::is_service_account`].
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

impl From<User> for ReducedUser {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            username: user.username,
            avatar_url: user.avatar_url,
            name: user.name,
            email: user.email,
            created_at: user.created_at,
            updated_at: user.updated_at,
            last_seen_at: user.last_seen_at,
            status: user.status,
            login_type: user.login_type,
            theme_preference: user.theme_preference,
        }
    }
}
