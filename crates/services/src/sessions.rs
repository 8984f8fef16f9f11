//! Sessions, API tokens, and authentication of requests (`identity.md` 2).
//!
//! Every use case may also fail with `Unavailable` or `Internal` ([`Error`]).

mod authenticate;
pub(crate) mod devices;
pub(crate) mod in_person;
mod issue;
mod keys;
mod login;
pub mod operator;
mod overview;
mod reach;
mod refusal;
pub(crate) mod revalidate;
mod second_step;
mod throttling;
mod tokens;

#[cfg(test)]
mod tests;

pub use authenticate::{Audience, authenticate, authenticate_for_any, authenticate_proven, only_living};
pub(crate) use authenticate::{custom_role_names, subject_of};
pub use issue::IssuedKey;
pub(crate) use issue::{KeySpec, random_token};
pub use keys::{create_key, delete_key, expire_key, find_key};
pub use login::{AuthMethods, Login, SignedIn, auth_methods, login, logout};
pub(crate) use login::{confirm_password, record as refused_sign_in};
pub use overview::{
    SessionList, SessionQuery, end_all_sessions, end_session, end_sessions_of, list_sessions, list_sessions_of,
};
pub(crate) use reach::{check_reach, max_lifetime, reaches};
pub(crate) use refusal::unknown_key;
pub use refusal::{BOUND, SUSPENDED};
pub use revalidate::lives;
pub use second_step::{SecondStep, Stepped, second_step};
pub(crate) use throttling::{Guard, name_key, place_of};
pub use tokens::{
    CreateToken, ListedToken, TokenConfig, TokenQuery, create_token, find_token, list_tokens, token_config,
};

pub use doorward_ports::sessions::ListedSession;

use crate::deed::Deed;
use crate::error::Error;
use doorward_domain::roles::System;
use doorward_domain::users::{User, UserStatus};
use doorward_ports::StoreError;

/// A name that another token of the user has.
pub(crate) fn token_name_taken() -> Error {
    Error::conflict("a token with this name exists already")
}

/// Writes that the user was seen; a dormant one becomes active, which the audit log remembers.
pub(crate) fn seen(deed: &mut Deed<'_>, before: &User) -> Result<User, StoreError> {
    let permit = System::because("the user is here").permit();
    deed.repos.users().touch(&permit, before.id, deed.now)?;
    let status = if before.status == UserStatus::Dormant { UserStatus::Active } else { before.status };
    let user = User { status, last_seen_at: Some(deed.now), updated_at: deed.now, ..before.clone() };
    if status != before.status {
        let _receipt = deed.entry().of_user(Some(user.id)).changed(before, &user)?;
    }
    Ok(user)
}
