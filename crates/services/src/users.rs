//! Users: creating, finding, changing and ending them (`identity.md` 3).
//!
//! A user that the caller cannot read does not exist for the caller ([`Error::UserNotFound`]); a user that can be read
//! but not changed is [`Error::Forbidden`].
//!
//! Who changes something is looked up once more in the transaction. So besides the errors that each use case names there
//! are [`Error::Conflict`] for those whose own rights have just changed, and [`Error::Unauthenticated`] for those whose
//! key is gone. Where passwords are hashed or compared there is [`Error::Unavailable`] when too many are at once.
//!
//! [`Error::UserNotFound`]: crate::Error::UserNotFound
//! [`Error::Forbidden`]: crate::Error::Forbidden
//! [`Error::Conflict`]: crate::Error::Conflict
//! [`Error::Unauthenticated`]: crate::Error::Unauthenticated
//! [`Error::Unavailable`]: crate::Error::Unavailable

pub mod admin;

pub(crate) mod access;
pub(crate) mod caller;
mod create;
mod email;
pub(crate) mod fields;
mod identity;
mod lookup;
mod password;
mod places;
mod profile;
pub(crate) mod reference;
mod roles;
mod status;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use create::{
    CreateFirstUser, CreateUser, FirstUser, SetupProof, create, create_first, first_exists, may_set_up, setup_token,
};
pub(crate) use create::{default_organization, insert_service_account, member};
pub use email::{ChangeEmail, change_email, may_change_email};
pub(crate) use identity::{Identity, blank_user};
pub use lookup::{UserList, find, list};
pub use password::{ChangePassword, PasswordCheck, change_password, may_change_password, validate_password};
pub use places::{organization, organizations};
pub use profile::{Appearance, UpdateProfile, appearance, login_type, update_appearance, update_profile};
pub use reference::{UserRef, UserView};
pub use roles::{UserRoles, may_change_roles, roles, update_roles, update_shown_roles};
pub(crate) use roles::{may_make_member, refuse_assignment, refuse_assignment_of};
pub(crate) use status::ended;
pub use status::{activate, delete, suspend};

use crate::error::Error;

/// A name or an address that another user has; `fields` says which.
pub(crate) fn taken(fields: impl IntoIterator<Item = &'static str>) -> Error {
    Error::all_taken("User already exists.", fields)
}

/// Somebody signs in with that account already.
pub(crate) fn link_taken() -> Error {
    Error::conflict("This account at the identity provider is linked to a user already.")
}

/// The server has been set up.
pub(crate) fn first_exists_already() -> Error {
    Error::conflict("The initial user has already been created.")
}

/// Nobody would be left who may do everything.
pub(crate) fn last_owner() -> Error {
    Error::conflict(
        "This user is the last active owner, who cannot be deleted, suspended or demoted. Make somebody else an owner \
         first.",
    )
}
