//! What jobs make, as it is sent. Agents and apps are shown as the daemon told of them: none of them connects to this server.

use crate::kit::json::Timestamp;
use doorward_domain::Instant;
use doorward_domain::provisioner_jobs::{Agent, AgentAuth, App, Script};
use doorward_services::provisioner_jobs::StoredResource;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why no agent is well.
const NOT_CONNECTED: &str = "Agents do not connect to this server.";

/// Something that a job has made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkspaceResource)]
pub(crate) struct ResourceObject {
    id: Uuid,
    created_at: Timestamp,
    job_id: Uuid,
    /// In which state of a workspace it is there: `start`, `stop` or `delete`.
    workspace_transition: &'static str,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    hide: bool,
    icon: String,
    agents: Vec<AgentObject>,
    metadata: Vec<MetadataObject>,
    daily_cost: i32,
}

/// A fact about a resource.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkspaceResourceMetadata)]
pub(crate) struct MetadataObject {
    key: String,
    /// Empty when nobody is to see it.
    value: String,
    sensitive: bool,
}

/// A program in a resource.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkspaceAgent)]
pub(crate) struct AgentObject {
    id: Uuid,
    parent_id: Option<Uuid>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Always `timeout`: agents do not connect to this server.
    status: &'static str,
    /// Always `created`.
    lifecycle_state: &'static str,
    name: String,
    resource_id: Uuid,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    instance_id: String,
    architecture: String,
    environment_variables: BTreeMap<String, String>,
    operating_system: String,
    logs_length: i32,
    logs_overflowed: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    directory: String,
    version: &'static str,
    api_version: &'static str,
    apps: Vec<AppObject>,
    connection_timeout_seconds: i32,
    troubleshooting_url: String,
    #[schema(value_type = Vec<String>)]
    subsystems: [(); 0],
    health: AgentHealthObject,
    display_apps: Vec<&'static str>,
    #[schema(value_type = Vec<Object>)]
    log_sources: [(); 0],
    scripts: Vec<ScriptObject>,
}

/// Whether an agent is well.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkspaceAgentHealth)]
pub(crate) struct AgentHealthObject {
    healthy: bool,
    reason: &'static str,
}

/// What an agent runs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkspaceAgentScript)]
pub(crate) struct ScriptObject {
    log_path: String,
    script: String,
    cron: String,
    run_on_start: bool,
    run_on_stop: bool,
    start_blocks_login: bool,
    /// In nanoseconds.
    timeout: i64,
    display_name: String,
}

/// What an agent offers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkspaceApp)]
pub(crate) struct AppObject {
    id: Uuid,
    url: String,
    external: bool,
    slug: String,
    display_name: String,
    command: String,
    icon: String,
    subdomain: bool,
    /// `owner`, `authenticated` or `public`.
    sharing_level: &'static str,
    healthcheck: HealthcheckObject,
    /// Always `disabled`: nothing looks.
    health: &'static str,
    group: String,
    hidden: bool,
    /// `slim-window` or `tab`.
    open_in: &'static str,
    #[schema(value_type = Vec<Object>)]
    statuses: [(); 0],
}

/// How it is seen whether an app is well.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Healthcheck)]
pub(crate) struct HealthcheckObject {
    url: String,
    interval: i32,
    threshold: i32,
}

impl From<StoredResource> for ResourceObject {
    fn from(stored: StoredResource) -> Self {
        let StoredResource { id, job_id, created_at, transition, resource } = stored;
        let agents = resource.agents.into_iter().map(|agent| AgentObject::new(id, created_at, agent));
        let facts = resource.metadata.into_iter().filter(|fact| !fact.is_null);
        let fact = |fact: doorward_domain::provisioner_jobs::ResourceMetadata| MetadataObject {
            key: fact.key,
            value: fact.value,
            sensitive: fact.sensitive,
        };
        Self {
            id,
            created_at: created_at.into(),
            job_id: job_id.0,
            workspace_transition: transition.as_str(),
            kind: resource.kind,
            name: resource.name,
            hide: resource.hide,
            icon: resource.icon,
            agents: agents.collect(),
            metadata: facts.map(fact).collect(),
            daily_cost: resource.daily_cost,
        }
    }
}

impl AgentObject {
    fn new(resource_id: Uuid, created_at: Instant, agent: Agent) -> Self {
        let shown = &agent.display_apps;
        let display_apps = [
            (shown.vscode, "vscode"),
            (shown.vscode_insiders, "vscode_insiders"),
            (shown.web_terminal, "web_terminal"),
            (shown.ssh_helper, "ssh_helper"),
            (shown.port_forwarding_helper, "port_forwarding_helper"),
        ];
        let instance_id = match agent.auth {
            AgentAuth::Instance(id) => id,
            AgentAuth::None | AgentAuth::Token => String::new(),
        };
        Self {
            id: agent.id,
            parent_id: None,
            created_at: created_at.into(),
            updated_at: created_at.into(),
            status: "timeout",
            lifecycle_state: "created",
            name: agent.name,
            resource_id,
            instance_id,
            architecture: agent.architecture,
            environment_variables: agent.env,
            operating_system: agent.operating_system,
            logs_length: 0,
            logs_overflowed: false,
            directory: agent.directory,
            version: "",
            api_version: "",
            apps: agent.apps.into_iter().map(AppObject::from).collect(),
            connection_timeout_seconds: agent.connection_timeout_seconds,
            troubleshooting_url: agent.troubleshooting_url,
            subsystems: [],
            health: AgentHealthObject { healthy: false, reason: NOT_CONNECTED },
            display_apps: display_apps.into_iter().filter(|(is_shown, _)| *is_shown).map(|(_, name)| name).collect(),
            log_sources: [],
            scripts: agent.scripts.into_iter().map(ScriptObject::from).collect(),
        }
    }
}

impl From<Script> for ScriptObject {
    fn from(script: Script) -> Self {
        Self {
            log_path: script.log_path,
            script: script.script,
            cron: script.cron,
            run_on_start: script.run_on_start,
            run_on_stop: script.run_on_stop,
            start_blocks_login: script.start_blocks_login,
            timeout: i64::from(script.timeout_seconds) * 1_000_000_000,
            display_name: script.display_name,
        }
    }
}

impl From<App> for AppObject {
    fn from(app: App) -> Self {
        let healthcheck = app.healthcheck.map(|check| HealthcheckObject {
            url: check.url,
            interval: check.interval,
            threshold: check.threshold,
        });
        Self {
            id: app.id,
            url: app.url,
            external: app.external,
            slug: app.slug,
            display_name: app.display_name,
            command: app.command,
            icon: app.icon,
            subdomain: app.subdomain,
            sharing_level: app.sharing_level.as_str(),
            healthcheck: healthcheck.unwrap_or_default(),
            health: "disabled",
            group: app.group,
            hidden: app.hidden,
            open_in: app.open_in.as_str(),
            statuses: [],
        }
    }
}
