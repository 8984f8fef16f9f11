//! Templates as they are sent.

use crate::kit::json::Timestamp;
use doorward_services::templates::TemplateView;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// A template.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the wire")]
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Template)]
pub(crate) struct TemplateObject {
    id: Uuid,
    created_at: Timestamp,
    updated_at: Timestamp,
    organization_id: Uuid,
    organization_name: String,
    organization_display_name: String,
    organization_icon: String,
    name: String,
    display_name: String,
    /// Always `terraform`.
    provisioner: &'static str,
    /// All zeroes when none was given.
    active_version_id: Uuid,
    /// How many users have a workspace of it.
    active_user_count: u64,
    /// Always empty: nothing is built here.
    build_time_stats: BTreeMap<String, TransitionStats>,
    description: String,
    deprecated: bool,
    deprecation_message: String,
    icon: String,
    default_ttl_ms: i64,
    activity_bump_ms: i64,
    autostop_requirement: AutostopRequirement,
    autostart_requirement: AutostartRequirement,
    created_by_id: Uuid,
    created_by_name: String,
    allow_user_autostart: bool,
    allow_user_autostop: bool,
    allow_user_cancel_workspace_jobs: bool,
    failure_ttl_ms: i64,
    time_til_dormant_ms: i64,
    time_til_dormant_autodelete_ms: i64,
    require_active_version: bool,
    /// `owner`, `authenticated`, `organization` or `public`.
    max_port_share_level: &'static str,
    use_classic_parameter_flow: bool,
    /// `simple` or `passthru`.
    cors_behavior: &'static str,
    /// Always true.
    agents_allowed: bool,
}

/// How long builds of one kind take.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransitionStats)]
pub(crate) struct TransitionStats {
    #[serde(rename = "P50")]
    p50: Option<i64>,
    #[serde(rename = "P95")]
    p95: Option<i64>,
}

/// When workspaces must stop.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = TemplateAutostopRequirement)]
pub(crate) struct AutostopRequirement {
    /// `monday` to `sunday`.
    days_of_week: Vec<String>,
    /// Every so many weeks, 1 to 16; 0 means 1.
    weeks: i64,
}

impl AutostopRequirement {
    pub(super) fn into_parts(self) -> (Vec<String>, i64) {
        (self.days_of_week, self.weeks)
    }
}

/// When workspaces may start by themselves.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = TemplateAutostartRequirement)]
pub(crate) struct AutostartRequirement {
    /// `monday` to `sunday`.
    days_of_week: Vec<String>,
}

impl AutostartRequirement {
    pub(super) fn into_days(self) -> Vec<String> {
        self.days_of_week
    }
}

impl From<TemplateView> for TemplateObject {
    fn from(view: TemplateView) -> Self {
        let template = view.template;
        let settings = template.settings;
        Self {
            id: template.id.0,
            created_at: template.created_at.into(),
            updated_at: template.updated_at.into(),
            organization_id: template.organization_id.0,
            organization_name: view.organization_name.into(),
            organization_display_name: view.organization_display_name.into(),
            organization_icon: view.organization_icon,
            name: template.name.into(),
            display_name: template.display_name.into(),
            provisioner: "terraform",
            active_version_id: template.active_version_id.unwrap_or_default(),
            active_user_count: view.user_count,
            build_time_stats: BTreeMap::new(),
            description: template.description,
            deprecated: !template.deprecation_message.is_empty(),
            deprecation_message: template.deprecation_message,
            icon: template.icon,
            default_ttl_ms: settings.default_ttl_ms,
            activity_bump_ms: settings.activity_bump_ms,
            autostop_requirement: AutostopRequirement {
                days_of_week: settings.autostop_days.into(),
                weeks: settings.autostop_weeks,
            },
            autostart_requirement: AutostartRequirement { days_of_week: settings.autostart_days.into() },
            created_by_id: template.created_by.0,
            created_by_name: view.created_by_name.into(),
            allow_user_autostart: settings.allow_user_autostart,
            allow_user_autostop: settings.allow_user_autostop,
            allow_user_cancel_workspace_jobs: settings.allow_user_cancel_workspace_jobs,
            failure_ttl_ms: settings.failure_ttl_ms,
            time_til_dormant_ms: settings.time_til_dormant_ms,
            time_til_dormant_autodelete_ms: settings.time_til_dormant_autodelete_ms,
            require_active_version: settings.require_active_version,
            max_port_share_level: settings.max_port_share_level.as_str(),
            use_classic_parameter_flow: settings.use_classic_parameter_flow,
            cors_behavior: settings.cors_behavior.as_str(),
            agents_allowed: true,
        }
    }
}
