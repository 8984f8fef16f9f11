//! What is shown with jobs of provisioner daemons: a query for each kind of thing around them, however many jobs there are.

use super::Conn;
use super::one_of::OneOf;
use crate::error::{Error, RowError};
use crate::rows::{JobRow, entities};
use crate::schema::{
    provisioner_daemons, provisioner_jobs, template_versions, templates, workspace_builds, workspaces,
};
use crate::types::Id;
use diesel::prelude::*;
use doorward_domain::ids::{
    BuildId, OrganizationId, ProvisionerDaemonId, ProvisionerJobId, TemplateId, TemplateVersionId, WorkspaceId,
};
use doorward_domain::provisioner_jobs::{JobStatus, ProvisionerJob};
use doorward_ports::provisioner_jobs::{JobTemplate, JobView, WorkerJob};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// So many that wait are counted.
const QUEUE_MAX: i64 = 20_000;

/// Jobs with what is shown of their surroundings, in the same order.
pub(super) fn views(conn: &mut Conn, rows: Vec<JobRow>) -> Result<Vec<JobView>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let jobs: Vec<ProvisionerJob> = entities(rows)?;
    let workers: Vec<(Id<ProvisionerDaemonId>, String)> = provisioner_daemons::table
        .filter(OneOf::ids("provisioner_daemons.id", jobs.iter().filter_map(|job| job.worker_id)))
        .select((provisioner_daemons::id, provisioner_daemons::name))
        .load(conn)?;
    let workers: HashMap<_, _> = workers.into_iter().map(|(id, name)| (id.0, name)).collect();
    let versions = versions(conn, &jobs)?;
    let built = workspaces_of(conn, &jobs)?;
    let queue = Queue::load(conn, &jobs)?;
    let view = |job: ProvisionerJob| {
        let (queue_position, queue_size) = queue.place(&job);
        let (template_version_name, template) = versions.get(&job.template_version_id).cloned().unwrap_or_default();
        JobView {
            worker_name: job.worker_id.and_then(|id| workers.get(&id).cloned()).unwrap_or_default(),
            queue_position,
            queue_size,
            template_version_name,
            template,
            workspace: job.workspace_build_id.and_then(|id| built.get(&id).cloned()),
            job,
        }
    };
    Ok(jobs.into_iter().map(view).collect())
}

/// The names of the versions that jobs are about, and their templates.
fn versions(
    conn: &mut Conn,
    jobs: &[ProvisionerJob],
) -> Result<HashMap<TemplateVersionId, (String, Option<JobTemplate>)>, Error> {
    type Row = (Id<TemplateVersionId>, String, Option<(Id<TemplateId>, String, String, String)>);
    let rows: Vec<Row> = template_versions::table
        .left_join(templates::table.on(template_versions::template_id.eq(templates::id.nullable())))
        .filter(OneOf::ids("template_versions.id", jobs.iter().map(|job| job.template_version_id)))
        .select((
            template_versions::id,
            template_versions::name,
            (templates::id, templates::name, templates::display_name, templates::icon).nullable(),
        ))
        .load(conn)?;
    let template = |(id, name, display_name, icon): (Id<TemplateId>, String, String, String)| JobTemplate {
        id: id.0,
        name,
        display_name,
        icon,
    };
    Ok(rows.into_iter().map(|(id, name, of)| (id.0, (name, of.map(template)))).collect())
}

/// The workspaces that jobs build.
fn workspaces_of(conn: &mut Conn, jobs: &[ProvisionerJob]) -> Result<HashMap<BuildId, (WorkspaceId, String)>, Error> {
    if jobs.iter().all(|job| job.workspace_build_id.is_none()) {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Id<BuildId>, Id<WorkspaceId>, String)> = workspace_builds::table
        .inner_join(workspaces::table.on(workspaces::id.eq(workspace_builds::workspace_id)))
        .filter(OneOf::ids("workspace_builds.id", jobs.iter().filter_map(|job| job.workspace_build_id)))
        .select((workspace_builds::id, workspaces::id, workspaces::name))
        .load(conn)?;
    Ok(rows.into_iter().map(|(build, id, name)| (build.0, (id.0, name))).collect())
}

/// Those that wait, for the same kind of daemon in the same organization.
struct Queue {
    places: HashMap<ProvisionerJobId, u64>,
    sizes: HashMap<(OrganizationId, String), u64>,
}

impl Queue {
    fn load(conn: &mut Conn, jobs: &[ProvisionerJob]) -> Result<Self, Error> {
        let waiting = jobs.iter().filter(|job| job.status() == JobStatus::Pending);
        let organizations: BTreeSet<Uuid> = waiting.map(|job| job.organization_id.0).collect();
        let mut queue = Self { places: HashMap::new(), sizes: HashMap::new() };
        if organizations.is_empty() {
            return Ok(queue);
        }
        let rows: Vec<(Id<ProvisionerJobId>, Id<OrganizationId>, String)> = provisioner_jobs::table
            .filter(OneOf::ids("provisioner_jobs.organization_id", organizations))
            .filter(provisioner_jobs::started_at.is_null())
            .filter(provisioner_jobs::completed_at.is_null())
            .order((provisioner_jobs::organization_id, provisioner_jobs::created_at, provisioner_jobs::id))
            .limit(QUEUE_MAX)
            .select((provisioner_jobs::id, provisioner_jobs::organization_id, provisioner_jobs::provisioner))
            .load(conn)?;
        for (id, organization, provisioner) in rows {
            let size = queue.sizes.entry((organization.0, provisioner)).or_default();
            *size += 1;
            queue.places.insert(id.0, *size);
        }
        Ok(queue)
    }

    /// The place of a job, and how many wait; of one that does not wait, none.
    fn place(&self, job: &ProvisionerJob) -> (u64, u64) {
        let Some(place) = self.places.get(&job.id) else { return (0, 0) };
        let kind = (job.organization_id, job.provisioner.as_str().to_owned());
        (*place, self.sizes.get(&kind).copied().unwrap_or(*place))
    }
}

/// Jobs of daemons with their templates.
pub(super) fn worker_jobs(conn: &mut Conn, rows: Vec<JobRow>) -> Result<Vec<WorkerJob>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let jobs: Vec<ProvisionerJob> = entities(rows)?;
    let versions = versions(conn, &jobs)?;
    let of_worker = |job: ProvisionerJob| {
        let worker_id = job.worker_id.ok_or_else(|| RowError::new("provisioner_jobs", "worker_id", job.id))?;
        let template = versions.get(&job.template_version_id).and_then(|(_, template)| template.clone());
        Ok(WorkerJob { worker_id, job, template })
    };
    jobs.into_iter().map(of_worker).collect()
}
