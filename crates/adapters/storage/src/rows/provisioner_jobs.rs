use crate::error::RowError;
use crate::schema::{provisioner_job_logs, provisioner_job_resources, provisioner_jobs};
use crate::types::{At, Id, Json};
use diesel::prelude::*;
use doorward_domain::ids::{
    BuildId, FileId, OrganizationId, ProvisionerDaemonId, ProvisionerJobId, TemplateVersionId, UserId,
};
use doorward_domain::provisioner_jobs::{JobLog, LOGS_KEPT, NewLog, ProvisionerJob, Resource};
use doorward_domain::provisioners::Tags;
use doorward_ports::provisioner_jobs::StoredResource;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A job without what it was given, which is large and sealed.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = provisioner_jobs, treat_none_as_default_value = false)]
pub(crate) struct JobRow {
    pub(crate) id: Id<ProvisionerJobId>,
    organization_id: Id<OrganizationId>,
    created_at: At,
    updated_at: At,
    started_at: Option<At>,
    completed_at: Option<At>,
    canceled_at: Option<At>,
    worker_id: Option<Id<ProvisionerDaemonId>>,
    initiator_id: Id<UserId>,
    provisioner: String,
    kind: String,
    file_id: Id<FileId>,
    tags: Json<BTreeMap<String, String>>,
    is_plain: bool,
    template_version_id: Id<TemplateVersionId>,
    workspace_build_id: Option<Id<BuildId>>,
    error: String,
    error_code: String,
    log_size: i64,
}

impl From<&ProvisionerJob> for JobRow {
    fn from(job: &ProvisionerJob) -> Self {
        Self {
            id: Id(job.id),
            organization_id: Id(job.organization_id),
            created_at: At(job.created_at),
            updated_at: At(job.updated_at),
            started_at: job.started_at.map(At),
            completed_at: job.completed_at.map(At),
            canceled_at: job.canceled_at.map(At),
            worker_id: job.worker_id.map(Id),
            initiator_id: Id(job.initiator_id),
            provisioner: job.provisioner.as_str().to_owned(),
            kind: job.kind.as_str().to_owned(),
            file_id: Id(job.file_id),
            is_plain: job.tags.is_plain(),
            tags: Json(job.tags.all().clone()),
            template_version_id: Id(job.template_version_id),
            workspace_build_id: job.workspace_build_id.map(Id),
            error: job.error.clone(),
            error_code: job.error_code.clone(),
            log_size: job.log_size,
        }
    }
}

impl TryFrom<JobRow> for ProvisionerJob {
    type Error = RowError;

    fn try_from(row: JobRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("provisioner_jobs", column, row.id.0);
        Ok(Self {
            provisioner: row.provisioner.parse().map_err(|cause| bad("provisioner").because(cause))?,
            kind: row.kind.parse().map_err(|cause| bad("kind").because(cause))?,
            id: row.id.0,
            organization_id: row.organization_id.0,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            started_at: row.started_at.map(|at| at.0),
            completed_at: row.completed_at.map(|at| at.0),
            canceled_at: row.canceled_at.map(|at| at.0),
            worker_id: row.worker_id.map(|id| id.0),
            initiator_id: row.initiator_id.0,
            file_id: row.file_id.0,
            tags: Tags::from_storage(row.tags.0),
            template_version_id: row.template_version_id.0,
            workspace_build_id: row.workspace_build_id.map(|id| id.0),
            error: row.error,
            error_code: row.error_code,
            log_size: row.log_size,
        })
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = provisioner_job_logs)]
pub(crate) struct NewLogRow<'a> {
    job_id: Id<ProvisionerJobId>,
    created_at: At,
    source: &'static str,
    level: &'static str,
    stage: &'a str,
    output: &'a str,
    expires_at: At,
}

impl<'a> NewLogRow<'a> {
    /// A line of this job, which is kept from `now` on.
    pub(crate) fn new(job: ProvisionerJobId, line: &'a NewLog, now: doorward_domain::Instant) -> Self {
        Self {
            job_id: Id(job),
            created_at: At(line.created_at),
            source: line.source.as_str(),
            level: line.level.as_str(),
            stage: &line.stage,
            output: &line.output,
            expires_at: At(now + LOGS_KEPT),
        }
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = provisioner_job_logs)]
pub(crate) struct LogRow {
    id: i64,
    created_at: At,
    source: String,
    level: String,
    stage: String,
    output: String,
}

impl TryFrom<LogRow> for JobLog {
    type Error = RowError;

    fn try_from(row: LogRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("provisioner_job_logs", column, row.id);
        let line = NewLog {
            source: row.source.parse().map_err(|cause| bad("source").because(cause))?,
            level: row.level.parse().map_err(|cause| bad("level").because(cause))?,
            created_at: row.created_at.0,
            stage: row.stage,
            output: row.output,
        };
        Ok(Self { id: row.id, line })
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = provisioner_job_resources)]
pub(crate) struct ResourceRow {
    id: Id<Uuid>,
    job_id: Id<ProvisionerJobId>,
    position: i32,
    created_at: At,
    transition: String,
    resource: Json<Resource>,
}

impl ResourceRow {
    /// A resource at its place among those of its job.
    pub(crate) fn new(job: ProvisionerJobId, position: i32, stored: &StoredResource) -> Self {
        Self {
            id: Id(stored.id),
            job_id: Id(job),
            position,
            created_at: At(stored.created_at),
            transition: stored.transition.as_str().to_owned(),
            resource: Json(stored.resource.clone()),
        }
    }
}

impl TryFrom<ResourceRow> for StoredResource {
    type Error = RowError;

    fn try_from(row: ResourceRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("provisioner_job_resources", column, row.id.0);
        Ok(Self {
            transition: row.transition.parse().map_err(|cause| bad("transition").because(cause))?,
            id: row.id.0,
            job_id: row.job_id.0,
            created_at: row.created_at.0,
            resource: row.resource.0,
        })
    }
}
