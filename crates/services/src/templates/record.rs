//! What changes of a template leave in the audit log: the tracked fields of `enterprise-platform.md` 9.2.

use crate::audit::{Diff, Trail};
use crate::error::Error;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::roles::Acl;
use doorward_domain::templates::{Days, Template};
use doorward_ports::Repositories;
use serde_json::Value;

/// Writes that a template was made, changed or ended: what it was and what it is.
pub(super) fn write(
    trail: Trail,
    repos: &mut dyn Repositories,
    old: Option<&Template>,
    new: Option<&Template>,
) -> Result<(), Error> {
    let (action, status) = match (old, new) {
        (None, _) => (AuditAction::Create, 201),
        (Some(_), Some(_)) => (AuditAction::Write, 200),
        (Some(_), None) => (AuditAction::Delete, 200),
    };
    let Some(template) = new.or(old) else { return Ok(()) };
    let nothing = |(name, value): &(&'static str, Value)| (*name, zero(value));
    let now = tracked(template);
    let before = old.map_or_else(|| now.iter().map(nothing).collect(), tracked);
    let after = if new.is_some() { now } else { now.iter().map(nothing).collect() };
    let fields = before.into_iter().zip(after);
    let diff = fields.fold(Diff::default(), |diff, ((name, old), (_, new))| diff.field(name, old, new));
    let thing = (AuditResource::Template, template.id.to_string(), template.name.clone());
    trail.within(template.organization_id).write(repos, action, status, thing, diff)?;
    Ok(())
}

fn tracked(template: &Template) -> Vec<(&'static str, Value)> {
    let settings = &template.settings;
    let nanoseconds = |ms: i64| Value::from(ms.saturating_mul(1_000_000));
    vec![
        ("id", template.id.to_string().into()),
        ("name", template.name.as_str().into()),
        ("display_name", template.display_name.as_str().into()),
        ("active_version_id", template.active_version_id.map(|id| id.to_string()).unwrap_or_default().into()),
        ("description", template.description.as_str().into()),
        ("icon", template.icon.as_str().into()),
        ("default_ttl", nanoseconds(settings.default_ttl_ms)),
        ("activity_bump", nanoseconds(settings.activity_bump_ms)),
        ("autostart_block_days_of_week", days(settings.autostart_days.others())),
        ("autostop_requirement_days_of_week", days(settings.autostop_days)),
        ("autostop_requirement_weeks", settings.autostop_weeks.into()),
        ("created_by", template.created_by.to_string().into()),
        ("group_acl", list(&template.group_acl)),
        ("user_acl", list(&template.user_acl)),
        ("allow_user_autostart", settings.allow_user_autostart.into()),
        ("allow_user_autostop", settings.allow_user_autostop.into()),
        ("allow_user_cancel_workspace_jobs", settings.allow_user_cancel_workspace_jobs.into()),
        ("failure_ttl", nanoseconds(settings.failure_ttl_ms)),
        ("time_til_dormant", nanoseconds(settings.time_til_dormant_ms)),
        ("time_til_dormant_autodelete", nanoseconds(settings.time_til_dormant_autodelete_ms)),
        ("require_active_version", settings.require_active_version.into()),
        ("deprecated", template.deprecation_message.as_str().into()),
        ("max_port_sharing_level", settings.max_port_share_level.as_str().into()),
        ("use_classic_parameter_flow", settings.use_classic_parameter_flow.into()),
        ("cors_behavior", settings.cors_behavior.as_str().into()),
    ]
}

fn days(days: Days) -> Value {
    days.names().map(Value::from).collect()
}

/// An access list is one text.
fn list(acl: &Acl) -> Value {
    serde_json::to_string(acl).unwrap_or_default().into()
}

/// What a field is when there is nothing.
fn zero(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => false.into(),
        Value::Number(_) => 0.into(),
        Value::String(_) => "".into(),
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Object(_) => Value::Object(serde_json::Map::new()),
    }
}
