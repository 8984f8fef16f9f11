//! The section `workspaces`.

use doorward_domain::settings::{Defects, Section};
use serde::{Deserialize, Serialize};

/// The section `workspaces`: how people reach them.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct WorkspaceSettings {
    /// Whether workspaces are reached by browsers only (`enterprise-platform.md` 2.4).
    pub browser_only: bool,
}

impl Section for WorkspaceSettings {
    const NAME: &'static str = "workspaces";

    fn check(&self, _: &mut Defects) {}
}
