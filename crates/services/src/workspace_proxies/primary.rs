//! The deployment itself, as one of its proxies.

use crate::audit::{Audited, Snapshot};
use doorward_domain::audit::AuditResource;
use doorward_domain::workspace_proxies::{PRIMARY, PrimaryAppearance};
use uuid::Uuid;

/// What people see of the deployment itself, as the audit log knows it.
pub(super) struct Primary<'a> {
    pub(super) deployment: Uuid,
    pub(super) appearance: &'a PrimaryAppearance,
}

impl Audited for Primary<'_> {
    fn kind(&self) -> AuditResource {
        AuditResource::WorkspaceProxy
    }

    fn id(&self) -> String {
        self.deployment.to_string()
    }

    fn target(&self) -> String {
        PRIMARY.to_owned()
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
            .field("display_name", self.appearance.display_name.as_str())
            .field("icon", self.appearance.icon.as_str())
    }
}
