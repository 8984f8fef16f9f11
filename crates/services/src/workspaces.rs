//! Workspaces and builds, as far as access and quotas need them (`rbac.md` 6, `enterprise-identity.md` 2.3).
//!
//! Nothing here runs a workspace. Where a template has versions, jobs of provisioner daemons carry builds out; otherwise whoever runs
//! workspaces says with each build what the workspace costs from then on.

pub(crate) mod access;
mod build;
mod builds;
mod create;
mod jobs;
mod lookup;
mod record;
mod settings;

#[cfg(test)]
mod tests;

pub use build::{BuildWorkspace, build, set_dormant};
pub use builds::{
    BuildTimings, FoundBuild, build_logs, build_parameters, build_resources, build_state, build_timings, cancel_build,
    find_build, find_by_name, find_by_number, latest_timings,
};
pub use create::{CreateWorkspace, create};
pub(crate) use jobs::{commit_cost, end_build, hold_build, transition_of};
pub use lookup::{WorkspaceBuilds, builds, find, list};
pub use settings::WorkspaceSettings;

pub use doorward_ports::workspaces::{BuildView, WorkspacePage, WorkspaceView};

use crate::error::Error;

/// A name that another workspace of the owner has.
pub(crate) fn name_taken() -> Error {
    Error::taken("The owner already has a workspace with this name.", "name")
}

/// Another build of the workspace got the number.
pub(crate) fn built_by_others() -> Error {
    Error::conflict("somebody else built the workspace at the same moment")
}
