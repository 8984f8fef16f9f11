//! What a job makes.

use doorward_domain::provisioner_jobs::{
    Agent, AgentAuth, AgentMetadata, App, DisplayApps, Healthcheck, Monitoring, OpenIn, Resource, ResourceMetadata,
    Script, SharingLevel, VolumeMonitoring,
};
use doorward_wire::Status;
use doorward_wire::messages::resources as wire;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Resources. Errors: an id is none, a choice is not known.
pub(crate) fn resources(resources: Vec<wire::Resource>) -> Result<Vec<Resource>, Status> {
    resources.into_iter().map(resource).collect()
}

fn resource(resource: wire::Resource) -> Result<Resource, Status> {
    let metadata = |fact: wire::ResourceMetadata| ResourceMetadata {
        key: fact.key,
        value: fact.value,
        sensitive: fact.sensitive,
        is_null: fact.is_null,
    };
    Ok(Resource {
        name: resource.name,
        kind: resource.r#type,
        agents: resource.agents.into_iter().map(agent).collect::<Result<_, _>>()?,
        metadata: resource.metadata.into_iter().map(metadata).collect(),
        hide: resource.hide,
        icon: resource.icon,
        instance_type: resource.instance_type,
        daily_cost: resource.daily_cost,
        module_path: resource.module_path,
    })
}

fn agent(agent: wire::Agent) -> Result<Agent, Status> {
    let auth = match agent.auth {
        None => AgentAuth::None,
        // Agents do not connect to this server: their tokens are looked at, and not kept.
        Some(wire::AgentAuth::Token(token)) if Uuid::try_parse(&token).is_ok() => AgentAuth::Token,
        Some(wire::AgentAuth::Token(_)) => {
            return Err(Status::error(format!("the token of the agent `{}` is no UUID", agent.name)));
        }
        Some(wire::AgentAuth::InstanceId(id)) => AgentAuth::Instance(id),
    };
    let mut env: BTreeMap<_, _> = agent.extra_envs.into_iter().map(|env| (env.name, env.value)).collect();
    env.extend(agent.env);
    let metadata = |fact: wire::AgentMetadata| AgentMetadata {
        key: fact.key,
        display_name: fact.display_name,
        script: fact.script,
        interval: fact.interval,
        timeout: fact.timeout,
        order: fact.order,
    };
    let shown = agent.display_apps.unwrap_or_default();
    let api_key_scope = if agent.api_key_scope == "no_user_data" { "no_user_data" } else { "all" };
    Ok(Agent {
        id: Uuid::nil(),
        name: agent.name,
        env,
        operating_system: agent.operating_system,
        architecture: agent.architecture,
        directory: agent.directory,
        apps: agent.apps.into_iter().map(app).collect::<Result<_, _>>()?,
        auth,
        connection_timeout_seconds: agent.connection_timeout_seconds,
        troubleshooting_url: agent.troubleshooting_url,
        motd_file: agent.motd_file,
        metadata: agent.metadata.into_iter().map(metadata).collect(),
        display_apps: DisplayApps {
            vscode: shown.vscode,
            vscode_insiders: shown.vscode_insiders,
            web_terminal: shown.web_terminal,
            ssh_helper: shown.ssh_helper,
            port_forwarding_helper: shown.port_forwarding_helper,
        },
        scripts: agent.scripts.into_iter().map(script).collect(),
        order: agent.order,
        monitoring: agent.resources_monitoring.map(monitoring),
        api_key_scope: api_key_scope.to_owned(),
    })
}

fn app(app: wire::App) -> Result<App, Status> {
    let unknown = |what: &str, number: i32| Status::error(format!("{number} is no {what} of an app"));
    let id = match app.id.as_str() {
        "" => Uuid::nil(),
        id => Uuid::try_parse(id)
            .map_err(|_no_id| Status::error(format!("the id of the app `{}` is no UUID", app.slug)))?,
    };
    let sharing_level = match wire::AppSharingLevel::try_from(app.sharing_level) {
        Ok(wire::AppSharingLevel::Owner) => SharingLevel::Owner,
        Ok(wire::AppSharingLevel::Authenticated) => SharingLevel::Authenticated,
        Ok(wire::AppSharingLevel::Public) => SharingLevel::Public,
        Err(_) => return Err(unknown("sharing level", app.sharing_level)),
    };
    let open_in = match wire::AppOpenIn::try_from(app.open_in) {
        // Full windows are not offered any more.
        Ok(wire::AppOpenIn::Window | wire::AppOpenIn::SlimWindow) => OpenIn::SlimWindow,
        Ok(wire::AppOpenIn::Tab) => OpenIn::Tab,
        Err(_) => return Err(unknown("place to open in", app.open_in)),
    };
    let healthcheck =
        |check: wire::Healthcheck| Healthcheck { url: check.url, interval: check.interval, threshold: check.threshold };
    Ok(App {
        id,
        slug: app.slug,
        display_name: app.display_name,
        command: app.command,
        url: app.url,
        icon: app.icon,
        subdomain: app.subdomain,
        healthcheck: app.healthcheck.map(healthcheck),
        sharing_level,
        external: app.external,
        order: app.order,
        hidden: app.hidden,
        open_in,
        group: app.group,
        tooltip: app.tooltip,
    })
}

fn script(script: wire::Script) -> Script {
    Script {
        display_name: script.display_name,
        icon: script.icon,
        script: script.script,
        cron: script.cron,
        start_blocks_login: script.start_blocks_login,
        run_on_start: script.run_on_start,
        run_on_stop: script.run_on_stop,
        timeout_seconds: script.timeout_seconds,
        log_path: script.log_path,
    }
}

fn monitoring(monitoring: wire::ResourcesMonitoring) -> Monitoring {
    let volume = |volume: wire::VolumeMonitor| VolumeMonitoring {
        path: volume.path,
        enabled: volume.enabled,
        threshold: volume.threshold,
    };
    Monitoring {
        memory: monitoring.memory.filter(|memory| memory.enabled).map(|memory| memory.threshold),
        volumes: monitoring.volumes.into_iter().map(volume).collect(),
    }
}
