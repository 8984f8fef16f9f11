//! What changes of a template leave in the audit log: the tracked fields of `enterprise-platform.md` 9.2.

use crate::audit::{Audited, Snapshot};
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::Acl;
use doorward_domain::templates::{Days, Template};
use serde_json::Value;

impl Audited for Template {
    fn kind(&self) -> AuditResource {
        AuditResource::Template
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
        let settings = &self.settings;
        let nanoseconds = |ms: i64| ms.saturating_mul(1_000_000);
        Snapshot::default()
            .field("id", self.id.to_string())
            .field("name", self.name.as_str())
            .field("display_name", self.display_name.as_str())
            .field("active_version_id", self.active_version_id.map(|id| id.to_string()).unwrap_or_default())
            .field("description", self.description.as_str())
            .field("icon", self.icon.as_str())
            .field("default_ttl", nanoseconds(settings.default_ttl_ms))
            .field("activity_bump", nanoseconds(settings.activity_bump_ms))
            .field("autostart_block_days_of_week", days(settings.autostart_days.others()))
            .field("autostop_requirement_days_of_week", days(settings.autostop_days))
            .field("autostop_requirement_weeks", settings.autostop_weeks)
            .field("created_by", self.created_by.to_string())
            .field("group_acl", list(&self.group_acl))
            .field("user_acl", list(&self.user_acl))
            .field("allow_user_autostart", settings.allow_user_autostart)
            .field("allow_user_autostop", settings.allow_user_autostop)
            .field("allow_user_cancel_workspace_jobs", settings.allow_user_cancel_workspace_jobs)
            .field("failure_ttl", nanoseconds(settings.failure_ttl_ms))
            .field("time_til_dormant", nanoseconds(settings.time_til_dormant_ms))
            .field("time_til_dormant_autodelete", nanoseconds(settings.time_til_dormant_autodelete_ms))
            .field("require_active_version", settings.require_active_version)
            .field("deprecated", self.deprecation_message.as_str())
            .field("max_port_sharing_level", settings.max_port_share_level.as_str())
            .field("use_classic_parameter_flow", settings.use_classic_parameter_flow)
            .field("cors_behavior", settings.cors_behavior.as_str())
    }
}

fn days(days: Days) -> Value {
    days.names().map(Value::from).collect()
}

/// An access list is one text.
fn list(acl: &Acl) -> String {
    serde_json::to_string(acl).unwrap_or_default()
}
