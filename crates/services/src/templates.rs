//! Templates and who may use them (`enterprise-identity.md` 1).
//!
//! A template that the caller cannot read does not exist ([`Error::NotFound`]); one that can be read but not changed is
//! [`Error::Forbidden`].
//!
//! [`Error::NotFound`]: crate::Error::NotFound
//! [`Error::Forbidden`]: crate::Error::Forbidden

pub(crate) mod access;
mod acl;
pub(crate) mod lookup;
mod record;
mod write;

#[cfg(test)]
mod tests;

pub use acl::{Available, Listed, TemplateAcl, UpdateTemplateAcl, acl, available, update_acl};
pub use lookup::{find, find_by_name, list, list_in};
pub use write::{CreateTemplate, UpdateTemplate, create, delete, update};

pub use doorward_ports::templates::TemplateView;

use crate::error::Error;

/// A name that another template of the organization has.
pub(crate) fn name_taken() -> Error {
    Error::taken("A template with this name already exists in the organization.", "name")
}
