//! People for tests. What a test is about, it says itself: `User { status, ..people::user(id, "ann", now) }`.

use doorward_domain::Instant;
use doorward_domain::ids::UserId;
use doorward_domain::names::{Email, RealName, Username};
use doorward_domain::oauth2::Scopes;
use doorward_domain::roles::RoleNames;
use doorward_domain::sessions::{ApiKey, ApiToken};
use doorward_domain::users::{LoginType, User, UserStatus};
use time::Duration;

/// An active user without site roles, who signs in by a password that nobody knows and was not seen yet.
#[must_use]
pub fn user(id: UserId, username: &str, created_at: Instant) -> User {
    User {
        id,
        email: Some(Email::from_storage(format!("{username}@example.com"))),
        username: Username::from_storage(username.to_owned()),
        name: RealName::default(),
        avatar_url: String::new(),
        password_hash: None,
        status: UserStatus::Active,
        login_type: LoginType::Password,
        roles: RoleNames::default(),
        created_at,
        updated_at: created_at,
        last_seen_at: None,
        deleted: false,
        is_system: false,
        theme_preference: String::new(),
        terminal_font: String::new(),
    }
}

/// A session with all scopes and a day to live, which was used at once.
#[must_use]
pub fn session(user_id: UserId, token: &ApiToken, created_at: Instant) -> ApiKey {
    ApiKey {
        id: token.id.clone(),
        user_id,
        secret_digest: token.digest(),
        login_type: LoginType::Password,
        scopes: Scopes::all(),
        allow_list: None,
        token_name: String::new(),
        ip: String::new(),
        created_at,
        updated_at: created_at,
        last_used: Some(created_at),
        expires_at: created_at + Duration::DAY,
        lifetime_seconds: Duration::DAY.whole_seconds(),
        slides_until: None,
        oauth2: None,
    }
}
