//! What the audit log says of what directories write.

use crate::audit::{Audited, Snapshot};
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::OrganizationId;
use doorward_domain::scim::{ProvisionedGroup, ProvisionedUser};

impl Audited for ProvisionedUser {
    fn kind(&self) -> AuditResource {
        AuditResource::User
    }

    fn id(&self) -> String {
        self.account.id.to_string()
    }

    fn target(&self) -> String {
        self.account.username.to_string()
    }

    fn tracked(&self) -> Snapshot {
        let record = self.record.as_ref();
        let attributes = record.map(|record| serde_json::Value::from(record.attributes.clone()).to_string());
        self.account
            .tracked()
            .field("scim_user_name", record.map(|record| record.user_name.as_str()).unwrap_or_default())
            .field("scim_external_id", record.and_then(|record| record.external_id.as_deref()).unwrap_or_default())
            // Addresses and telephone numbers of people: that they changed is enough.
            .secret("scim_attributes", attributes.as_deref())
    }
}

impl Audited for ProvisionedGroup {
    fn kind(&self) -> AuditResource {
        AuditResource::Group
    }

    fn id(&self) -> String {
        self.group.id.to_string()
    }

    fn target(&self) -> String {
        self.group.name.to_string()
    }

    fn organization(&self) -> Option<OrganizationId> {
        Some(self.group.organization_id)
    }

    fn tracked(&self) -> Snapshot {
        self.group
            .tracked()
            .field("scim_display_name", self.record.display_name.as_str())
            .field("scim_external_id", self.record.external_id.as_deref().unwrap_or_default())
    }
}
