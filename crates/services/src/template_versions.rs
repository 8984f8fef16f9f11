//! Versions of templates (`clients.md` 3.2). Each is imported by a job of a provisioner daemon.
//!
//! A version is checked as its template; one without a template as a template of its organization (`rbac.md` 6).

pub(crate) mod access;
mod create;
mod lookup;
mod record;

pub use create::{CreateTemplateVersion, MatchedProvisioners, NewVersion, create};
pub use lookup::find;

pub use doorward_ports::template_versions::TemplateVersionView;

use crate::error::Error;

/// A name that another version of the template has.
pub(crate) fn name_taken() -> Error {
    Error::taken("A template version with this name already exists for the template.", "name")
}
