//! Provisioner daemons and the keys with which they come in (`enterprise-platform.md` 5 and 6).
//!
//! A daemon comes in by [`serving`], and stays in lists by [`daemons`] until it was not seen for a week. What it asks for while it is
//! connected is in [`provisioner_jobs`](crate::provisioner_jobs).

use crate::error::Error;

pub mod daemons;
pub mod keys;
pub mod serving;
mod settings;

pub use settings::ProvisionerSettings;

/// Another key of the organization has this name.
pub(crate) fn key_name_taken() -> Error {
    Error::taken("A provisioner key with that name already exists in organization", "name")
}

#[cfg(test)]
mod tests;
