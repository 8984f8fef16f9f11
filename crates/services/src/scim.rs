//! SCIM 2.0: directories that make, change and end users and groups (RFC 7643, RFC 7644; `enterprise-identity.md` 3).
//!
//! A directory sees all people with an account, also those that it did not make: it finds them by name or address, and what it
//! writes is stored beside the account ([`UserRecord`](doorward_domain::scim::UserRecord)). Name, address, real name and
//! state of the account follow. Groups are those of the default organization that the directory has made, with the source `oidc`;
//! other groups it does not see. Documents are read, patched, filtered and shown by the rules of [`doorward_domain::scim`].
//!
//! An organization may have a directory of its own, with [`tokens`]. It sees those members whom it has made, and groups of the
//! organization that it has made.
//!
//! Callers prove themselves by a key or such a token ([`authenticate`]), and may do what the site role `user-admin` may. Each use case needs
//! such a principal, and answers a [`Refusal`].

mod account;
mod answer;
mod audited;
mod bulk;
mod client;
mod creation;
mod groups;
mod kinds;
mod list;
mod members;
mod refusal;
mod settings;
pub mod tokens;
mod users;

#[cfg(test)]
mod tests;

pub use answer::{Created, Shown, base};
pub use bulk::bulk;
pub use client::{Place, authenticate, is_on};
pub use creation::create_user;
pub use groups::{create_group, delete_group, find_group, patch_group, replace_group};
pub use list::{list_all, list_groups, list_users};
pub use refusal::Refusal;
pub use settings::{BULK_BYTES_MAX, PostExisting, ScimSettings};
pub use users::{delete_user, find_user, patch_user, replace_user};

use crate::error::Error;

/// Another user of the directory has this name.
pub(crate) fn user_name_taken() -> Error {
    Error::taken("A user with this userName already exists.", "userName")
}

/// Another group of the directory has this name.
pub(crate) fn display_name_taken() -> Error {
    Error::taken("A group with this displayName already exists.", "displayName")
}

/// The directory has given this id to something else.
pub(crate) fn external_id_taken() -> Error {
    Error::taken("Another resource has this externalId.", "externalId")
}
