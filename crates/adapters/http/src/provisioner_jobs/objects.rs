//! Jobs as they are sent.

use crate::kit::json::Timestamp;
use doorward_domain::Instant;
use doorward_domain::ids::OrganizationId;
use doorward_domain::provisioner_jobs::{JobLog, JobType};
use doorward_domain::workspaces::Build;
use doorward_services::provisioner_jobs::{JobView, ListedJob};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// A job of a provisioner daemon.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProvisionerJob)]
pub(crate) struct JobObject {
    id: Uuid,
    created_at: Timestamp,
    /// When a daemon took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<Timestamp>,
    /// When somebody asked to stop it.
    #[serde(skip_serializing_if = "Option::is_none")]
    canceled_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    error: String,
    /// `REQUIRED_TEMPLATE_VARIABLES` and others that programs know.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    error_code: String,
    /// `pending`, `running`, `succeeded`, `canceling`, `canceled` or `failed`.
    status: &'static str,
    /// The daemon that has it, or had.
    #[serde(skip_serializing_if = "Option::is_none")]
    worker_id: Option<Uuid>,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    worker_name: String,
    organization_id: Uuid,
    /// The source of the template.
    file_id: Uuid,
    tags: BTreeMap<String, String>,
    /// Its place among those that wait, from 1 on.
    queue_position: u64,
    queue_size: u64,
    /// `template_version_import`, `template_version_dry_run` or `workspace_build`.
    #[serde(rename = "type")]
    kind: &'static str,
    input: JobInputObject,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<JobMetadataObject>,
    /// Daemons that are there and can take it, while it waits; at most a hundred. In lists of jobs only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    available_workers: Vec<Uuid>,
    /// Who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    initiator_id: Option<Uuid>,
}

/// What a job is about.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = ProvisionerJobInput)]
pub(crate) struct JobInputObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    template_version_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_build_id: Option<Uuid>,
}

/// What is around a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProvisionerJobMetadata)]
pub(crate) struct JobMetadataObject {
    template_version_name: String,
    /// All zeroes until a template is made of the version.
    template_id: Uuid,
    template_name: String,
    template_display_name: String,
    template_icon: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_name: Option<String>,
}

impl From<&JobView> for JobObject {
    fn from(view: &JobView) -> Self {
        let job = &view.job;
        let template_version_id = match job.kind {
            JobType::TemplateVersionImport | JobType::TemplateVersionDryRun => Some(job.template_version_id.0),
            JobType::WorkspaceBuild => None,
        };
        let template = view.template.clone();
        let (workspace_id, workspace_name) = match &view.workspace {
            Some((id, name)) => (Some(id.0), Some(name.clone())),
            None => (None, None),
        };
        Self {
            id: job.id.0,
            created_at: job.created_at.into(),
            started_at: job.started_at.map(Timestamp::from),
            completed_at: job.completed_at.map(Timestamp::from),
            canceled_at: job.canceled_at.map(Timestamp::from),
            error: job.error.clone(),
            error_code: job.error_code.clone(),
            status: job.status().as_str(),
            worker_id: job.worker_id.map(|id| id.0),
            worker_name: view.worker_name.clone(),
            organization_id: job.organization_id.0,
            file_id: job.file_id.0,
            tags: job.tags.all().clone(),
            queue_position: view.queue_position,
            queue_size: view.queue_size,
            kind: job.kind.as_str(),
            input: JobInputObject { template_version_id, workspace_build_id: job.workspace_build_id.map(|id| id.0) },
            metadata: Some(JobMetadataObject {
                template_version_name: view.template_version_name.clone(),
                template_id: template.as_ref().map(|template| template.id.0).unwrap_or_default(),
                template_name: template.as_ref().map(|template| template.name.clone()).unwrap_or_default(),
                template_display_name: template.as_ref().map(|of| of.display_name.clone()).unwrap_or_default(),
                template_icon: template.map(|template| template.icon).unwrap_or_default(),
                workspace_id,
                workspace_name,
            }),
            available_workers: Vec::new(),
            initiator_id: Some(job.initiator_id.0),
        }
    }
}

impl From<&ListedJob> for JobObject {
    fn from(listed: &ListedJob) -> Self {
        let available_workers = listed.available_workers.iter().map(|id| id.0).collect();
        Self { available_workers, ..Self::from(&listed.view) }
    }
}

impl JobObject {
    /// The work of a build that no job carried out: it was over when it was reported, and goes by the id of the build.
    pub(crate) fn reported(build: &Build, organization: OrganizationId) -> Self {
        let at = |at: Instant| Some(Timestamp::from(at));
        Self {
            id: build.id.0,
            created_at: build.created_at.into(),
            started_at: at(build.created_at),
            completed_at: at(build.created_at),
            canceled_at: None,
            error: build.error.clone(),
            error_code: String::new(),
            status: build.outcome.as_str(),
            worker_id: None,
            worker_name: String::new(),
            organization_id: organization.0,
            file_id: Uuid::nil(),
            tags: BTreeMap::new(),
            queue_position: 0,
            queue_size: 0,
            kind: JobType::WorkspaceBuild.as_str(),
            input: JobInputObject { workspace_build_id: Some(build.id.0), ..JobInputObject::default() },
            metadata: None,
            available_workers: Vec::new(),
            initiator_id: None,
        }
    }
}

/// A line of a log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProvisionerJobLog)]
pub(crate) struct LogObject {
    /// Later lines have larger ones.
    id: i64,
    created_at: Timestamp,
    /// `provisioner_daemon` or `provisioner`.
    log_source: &'static str,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    log_level: &'static str,
    /// What the job was at.
    stage: String,
    output: String,
}

impl From<JobLog> for LogObject {
    fn from(log: JobLog) -> Self {
        Self {
            id: log.id,
            created_at: log.line.created_at.into(),
            log_source: log.line.source.as_str(),
            log_level: log.line.level.as_str(),
            stage: log.line.stage,
            output: log.line.output,
        }
    }
}
