//! Workspaces and builds as they are sent.

use crate::kit::json::Timestamp;
use crate::provisioner_jobs::objects::JobObject;
use crate::provisioner_jobs::resources::ResourceObject;
use doorward_domain::provisioner_jobs::JobTiming;
use doorward_domain::workspaces::PREBUILDS_USER;
use doorward_services::workspaces::{BuildTimings, BuildView, FoundBuild, WorkspacePage, WorkspaceView};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A workspace.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own on the wire")]
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Workspace)]
pub(crate) struct WorkspaceObject {
    id: Uuid,
    created_at: Timestamp,
    updated_at: Timestamp,
    owner_id: Uuid,
    owner_name: String,
    owner_avatar_url: String,
    organization_id: Uuid,
    organization_name: String,
    template_id: Uuid,
    template_name: String,
    template_display_name: String,
    template_icon: String,
    template_allow_user_cancel_workspace_jobs: bool,
    template_active_version_id: Uuid,
    template_require_active_version: bool,
    template_use_classic_parameter_flow: bool,
    /// The build with the highest number; null before the first.
    latest_build: Option<BuildObject>,
    /// Whether the template has another version now than the latest build.
    outdated: bool,
    name: String,
    last_used_at: Timestamp,
    /// Null while it is not dormant.
    dormant_at: Option<Timestamp>,
    /// Always null: dormant workspaces are not deleted by themselves here.
    #[schema(value_type = Option<String>)]
    deleting_at: Option<Timestamp>,
    health: Health,
    /// Always `never`.
    automatic_updates: &'static str,
    /// Always false: workspaces keep their names.
    allow_renames: bool,
    /// Always false.
    favorite: bool,
    /// Whether it was built before somebody asked for it.
    is_prebuild: bool,
}

/// What agents report of a workspace; there are none.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkspaceHealth)]
pub(crate) struct Health {
    healthy: bool,
    failing_agents: [Uuid; 0],
}

/// A page of workspaces.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkspacesResponse)]
pub(crate) struct WorkspacesObject {
    workspaces: Vec<WorkspaceObject>,
    /// How many match, before `limit` and `offset`.
    count: u64,
}

/// A build of a workspace.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkspaceBuild)]
pub(crate) struct BuildObject {
    id: Uuid,
    created_at: Timestamp,
    updated_at: Timestamp,
    workspace_id: Uuid,
    workspace_name: String,
    workspace_owner_id: Uuid,
    workspace_owner_name: String,
    workspace_owner_avatar_url: String,
    template_version_id: Uuid,
    template_version_name: String,
    build_number: i32,
    /// `start`, `stop` or `delete`.
    transition: &'static str,
    initiator_id: Uuid,
    initiator_name: String,
    job: JobObject,
    /// Always `initiator`.
    reason: &'static str,
    /// What it has made; always empty in lists and in workspaces.
    resources: Vec<ResourceObject>,
    /// Always null.
    #[schema(value_type = Option<String>)]
    deadline: Option<Timestamp>,
    /// Always null.
    #[schema(value_type = Option<String>)]
    max_deadline: Option<Timestamp>,
    /// `pending`, `starting`, `running`, `stopping`, `stopped`, `deleting`, `deleted`, `canceling`, `canceled` or `failed`.
    status: &'static str,
    /// Credits per day that it costs.
    daily_cost: i32,
}

impl BuildObject {
    /// A build with what it has made.
    pub(super) fn with_resources(found: &FoundBuild) -> Self {
        let resources = found.resources.iter().cloned().map(ResourceObject::from).collect();
        Self { resources, ..Self::new(&found.workspace, &found.build) }
    }

    /// A build of this workspace.
    pub(super) fn new(of: &WorkspaceView, view: &BuildView) -> Self {
        let (workspace, build) = (&of.workspace, &view.build);
        let created_at: Timestamp = build.created_at.into();
        let updated_at = view.job.as_ref().map_or(created_at, |job| job.job.updated_at.into());
        Self {
            id: build.id.0,
            created_at,
            updated_at,
            workspace_id: workspace.id.0,
            workspace_name: workspace.name.to_string(),
            workspace_owner_id: workspace.owner_id.0,
            workspace_owner_name: of.owner_name.to_string(),
            workspace_owner_avatar_url: of.owner_avatar_url.clone(),
            template_version_id: build.template_version_id.unwrap_or_default(),
            template_version_name: view.job.as_ref().map(|job| job.template_version_name.clone()).unwrap_or_default(),
            build_number: build.build_number,
            transition: build.transition.as_str(),
            initiator_id: build.initiator_id.0,
            initiator_name: view.initiator_name.to_string(),
            job: match &view.job {
                Some(job) => JobObject::from(job),
                None => JobObject::reported(build, workspace.organization_id),
            },
            reason: "initiator",
            resources: Vec::new(),
            deadline: None,
            max_deadline: None,
            status: match &view.job {
                Some(job) => job.job.status().of_workspace(build.transition),
                None => build.status(),
            },
            daily_cost: build.daily_cost,
        }
    }
}

/// The value of a parameter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkspaceBuildParameter)]
pub(crate) struct ParameterValueObject {
    name: String,
    value: String,
}

impl From<(String, String)> for ParameterValueObject {
    fn from((name, value): (String, String)) -> Self {
        Self { name, value }
    }
}

impl From<WorkspaceView> for WorkspaceObject {
    fn from(view: WorkspaceView) -> Self {
        let latest_build = view.latest_build.as_ref().map(|build| BuildObject::new(&view, build));
        let built_from = view.latest_build.as_ref().map(|latest| latest.build.template_version_id);
        let WorkspaceView { workspace, template, .. } = view;
        Self {
            id: workspace.id.0,
            created_at: workspace.created_at.into(),
            updated_at: workspace.updated_at.into(),
            owner_id: workspace.owner_id.0,
            owner_name: view.owner_name.into(),
            owner_avatar_url: view.owner_avatar_url,
            organization_id: workspace.organization_id.0,
            organization_name: view.organization_name.into(),
            template_id: template.id.0,
            template_name: template.name.into(),
            template_display_name: template.display_name.into(),
            template_icon: template.icon,
            template_allow_user_cancel_workspace_jobs: template.settings.allow_user_cancel_workspace_jobs,
            template_active_version_id: template.active_version_id.unwrap_or_default(),
            template_require_active_version: template.settings.require_active_version,
            template_use_classic_parameter_flow: template.settings.use_classic_parameter_flow,
            latest_build,
            outdated: built_from.is_some_and(|version| version != template.active_version_id),
            name: workspace.name.into(),
            last_used_at: workspace.last_used_at.into(),
            dormant_at: workspace.dormant_at.map(Timestamp::from),
            deleting_at: None,
            health: Health { healthy: true, failing_agents: [] },
            automatic_updates: "never",
            allow_renames: false,
            favorite: false,
            is_prebuild: workspace.owner_id == PREBUILDS_USER,
        }
    }
}

impl From<WorkspacePage> for WorkspacesObject {
    fn from(page: WorkspacePage) -> Self {
        Self { workspaces: page.workspaces.into_iter().map(WorkspaceObject::from).collect(), count: page.count }
    }
}

/// How long a build took, step by step.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkspaceBuildTimings)]
#[expect(clippy::struct_field_names, reason = "clients know them by these names")]
pub(crate) struct TimingsObject {
    provisioner_timings: Vec<TimingObject>,
    /// Always empty: no agent connects here.
    #[schema(value_type = Vec<String>)]
    agent_script_timings: [Uuid; 0],
    /// Always empty.
    #[schema(value_type = Vec<String>)]
    agent_connection_timings: [Uuid; 0],
}

/// A step of a provisioner.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProvisionerTiming)]
pub(crate) struct TimingObject {
    job_id: Uuid,
    started_at: Timestamp,
    ended_at: Timestamp,
    /// `init`, `plan`, `graph` or `apply`.
    stage: String,
    /// Who did it.
    source: String,
    /// What was done.
    action: String,
    /// To what.
    resource: String,
}

impl From<BuildTimings> for TimingsObject {
    fn from(timings: BuildTimings) -> Self {
        let BuildTimings { job_id, steps } = timings;
        let step = |step: JobTiming| TimingObject {
            job_id: job_id.0,
            started_at: step.started_at.into(),
            ended_at: step.ended_at.into(),
            stage: step.stage,
            source: step.source,
            action: step.action,
            resource: step.resource,
        };
        Self {
            provisioner_timings: steps.into_iter().map(step).collect(),
            agent_script_timings: [],
            agent_connection_timings: [],
        }
    }
}
