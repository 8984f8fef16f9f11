//! What changes of versions leave in the audit log (`enterprise-platform.md` 9.2).

use crate::audit::{Audited, Snapshot};
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::OrganizationId;
use doorward_domain::template_versions::TemplateVersion;

impl Audited for TemplateVersion {
    fn kind(&self) -> AuditResource {
        AuditResource::TemplateVersion
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.name.to_string()
    }

    fn organization(&self) -> Option<OrganizationId> {
        Some(self.organization_id)
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
            .field("id", self.id.to_string())
            .field("template_id", self.template_id.map(|id| id.to_string()).unwrap_or_default())
            .field("name", self.name.as_str())
            .field("readme", self.readme.as_str())
            .field("created_by", self.created_by.to_string())
            .field("archived", self.archived)
    }
}
