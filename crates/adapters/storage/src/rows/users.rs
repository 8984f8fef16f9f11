use crate::error::RowError;
use crate::schema::users;
use crate::types::{At, Id, Json};
use diesel::prelude::*;
use doorward_domain::ids::UserId;
use doorward_domain::names::{Email, RealName, Username};
use doorward_domain::roles::RoleNames;
use doorward_domain::users::{PasswordHash, User};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub(crate) struct UserRow {
    id: Id<UserId>,
    email: String,
    email_key: String,
    username: String,
    username_key: String,
    name: String,
    avatar_url: String,
    password_hash: Option<String>,
    status: String,
    login_type: String,
    roles: Json<Vec<String>>,
    created_at: At,
    updated_at: At,
    last_seen_at: Option<At>,
    deleted: bool,
    is_system: bool,
    theme_preference: String,
    terminal_font: String,
}

/// A mail address, which service accounts do not have.
pub(super) fn email(text: String) -> Option<Email> {
    (!text.is_empty()).then(|| Email::from_storage(text))
}

impl From<&User> for UserRow {
    fn from(user: &User) -> Self {
        Self {
            id: Id(user.id),
            email: user.shown_email().to_owned(),
            email_key: user.email.as_ref().map(Email::key).unwrap_or_default(),
            username: user.username.to_string(),
            username_key: user.username.key(),
            name: user.name.to_string(),
            avatar_url: user.avatar_url.clone(),
            password_hash: user.password_hash.as_ref().map(|hash| hash.expose().to_owned()),
            status: user.status.as_str().to_owned(),
            login_type: user.login_type.as_str().to_owned(),
            roles: Json(user.roles.as_slice().to_vec()),
            created_at: At(user.created_at),
            updated_at: At(user.updated_at),
            last_seen_at: user.last_seen_at.map(At),
            deleted: user.deleted,
            is_system: user.is_system,
            theme_preference: user.theme_preference.clone(),
            terminal_font: user.terminal_font.clone(),
        }
    }
}

impl TryFrom<UserRow> for User {
    type Error = RowError;

    fn try_from(row: UserRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("users", column, row.id.0);
        Ok(Self {
            status: row.status.parse().map_err(|cause| bad("status").because(cause))?,
            login_type: row.login_type.parse().map_err(|cause| bad("login_type").because(cause))?,
            id: row.id.0,
            email: email(row.email),
            username: Username::from_storage(row.username),
            name: RealName::from_storage(row.name),
            avatar_url: row.avatar_url,
            password_hash: row.password_hash.map(PasswordHash::new),
            roles: RoleNames::from_storage(row.roles.0),
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            last_seen_at: row.last_seen_at.map(|at| at.0),
            deleted: row.deleted,
            is_system: row.is_system,
            theme_preference: row.theme_preference,
            terminal_font: row.terminal_font,
        })
    }
}
