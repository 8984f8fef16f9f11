//! Versions of templates (`templates.md` 2). Each is imported by a job of a provisioner daemon.
//!
//! A version is checked as its template; one without a template as a template of its organization (`rbac.md` 6). A version that the caller
//! cannot read does not exist.

pub(crate) mod access;
mod create;
mod dry_run;
mod lookup;
mod record;
mod write;

pub use create::{CreateTemplateVersion, MatchedProvisioners, ShownVersion, create};
pub use dry_run::{CreateDryRun, DryRun, cancel_dry_run, create_dry_run, dry_run, dry_run_logs, dry_run_resources};
pub use lookup::{find, find_by_name, list, logs, presets, resources, rich_parameters, variables};
pub use write::{UpdateTemplateVersion, activate, archive_unused, cancel, set_archived, update};

pub use doorward_ports::template_versions::TemplateVersionView;

use crate::error::Error;

/// A name that another version of the template has.
pub(crate) fn name_taken() -> Error {
    Error::taken("A template version with this name already exists for the template.", "name")
}
