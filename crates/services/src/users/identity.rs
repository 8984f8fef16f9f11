//! Address and names of a new account, validated.

use super::fields::{Fields, trimmed};
use doorward_domain::ids::UserId;
use doorward_domain::names::{Email, RealName, Username};
use doorward_domain::roles::RoleNames;
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_domain::{Instant, Secret};

/// Address and names of a user that is made, checked.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// `None` for service accounts.
    pub(crate) email: Option<Email>,
    pub(crate) username: Username,
    pub(crate) name: RealName,
}

/// Address, names and password of a person.
pub(super) fn person(email: &str, username: &str, password: &Secret<String>, name: &str) -> (Fields, Option<Identity>) {
    let mut fields = Fields::default();
    let email = fields.email("email", trimmed(email));
    let username = fields.username("username", username);
    let mut fields = fields.required_secret("password", password);
    let name = fields.real_name("name", name);
    let identity = email.zip(username).zip(name);
    (fields, identity.map(|((email, username), name)| Identity { email: Some(email), username, name }))
}

/// An active user who signs in with a password, of whom nothing else is known.
pub(crate) fn blank_user(id: UserId, Identity { email, username, name }: Identity, now: Instant) -> User {
    User {
        id,
        email,
        username,
        name,
        avatar_url: String::new(),
        password_hash: None,
        status: UserStatus::Active,
        login_type: LoginType::Password,
        roles: RoleNames::default(),
        created_at: now,
        updated_at: now,
        last_seen_at: None,
        deleted: false,
        is_system: false,
        theme_preference: String::new(),
        terminal_font: String::new(),
    }
}
