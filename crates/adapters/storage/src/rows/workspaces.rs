use crate::error::RowError;
use crate::schema::{workspace_builds, workspaces};
use crate::types::{At, Id};
use diesel::prelude::*;
use doorward_domain::ids::{BuildId, OrganizationId, ProvisionerJobId, TemplateId, UserId, WorkspaceId};
use doorward_domain::names::WorkspaceName;
use doorward_domain::workspaces::{Build, Workspace};
use uuid::Uuid;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = workspaces, treat_none_as_default_value = false)]
pub(crate) struct WorkspaceRow {
    id: Id<WorkspaceId>,
    owner_id: Id<UserId>,
    organization_id: Id<OrganizationId>,
    template_id: Id<TemplateId>,
    name: String,
    name_key: String,
    created_at: At,
    updated_at: At,
    last_used_at: At,
    dormant_at: Option<At>,
    deleted: bool,
}

impl From<&Workspace> for WorkspaceRow {
    fn from(workspace: &Workspace) -> Self {
        Self {
            id: Id(workspace.id),
            owner_id: Id(workspace.owner_id),
            organization_id: Id(workspace.organization_id),
            template_id: Id(workspace.template_id),
            name: workspace.name.to_string(),
            name_key: workspace.name.key(),
            created_at: At(workspace.created_at),
            updated_at: At(workspace.updated_at),
            last_used_at: At(workspace.last_used_at),
            dormant_at: workspace.dormant_at.map(At),
            deleted: workspace.deleted,
        }
    }
}

impl From<WorkspaceRow> for Workspace {
    fn from(row: WorkspaceRow) -> Self {
        Self {
            id: row.id.0,
            owner_id: row.owner_id.0,
            organization_id: row.organization_id.0,
            template_id: row.template_id.0,
            name: WorkspaceName::from_storage(row.name),
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            last_used_at: row.last_used_at.0,
            dormant_at: row.dormant_at.map(|at| at.0),
            deleted: row.deleted,
        }
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = workspace_builds, treat_none_as_default_value = false)]
pub(crate) struct BuildRow {
    id: Id<BuildId>,
    workspace_id: Id<WorkspaceId>,
    build_number: i32,
    transition: String,
    outcome: String,
    error: String,
    daily_cost: i32,
    template_version_id: Option<Id<Uuid>>,
    initiator_id: Id<UserId>,
    created_at: At,
    job_id: Option<Id<ProvisionerJobId>>,
}

impl From<&Build> for BuildRow {
    fn from(build: &Build) -> Self {
        Self {
            id: Id(build.id),
            workspace_id: Id(build.workspace_id),
            build_number: build.build_number,
            transition: build.transition.as_str().to_owned(),
            outcome: build.outcome.as_str().to_owned(),
            error: build.error.clone(),
            daily_cost: build.daily_cost,
            template_version_id: build.template_version_id.map(Id),
            initiator_id: Id(build.initiator_id),
            created_at: At(build.created_at),
            job_id: build.job_id.map(Id),
        }
    }
}

impl TryFrom<BuildRow> for Build {
    type Error = RowError;

    fn try_from(row: BuildRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("workspace_builds", column, row.id.0);
        Ok(Self {
            transition: row.transition.parse().map_err(|cause| bad("transition").because(cause))?,
            outcome: row.outcome.parse().map_err(|cause| bad("outcome").because(cause))?,
            id: row.id.0,
            workspace_id: row.workspace_id.0,
            build_number: row.build_number,
            error: row.error,
            daily_cost: row.daily_cost,
            template_version_id: row.template_version_id.map(|id| id.0),
            initiator_id: row.initiator_id.0,
            created_at: row.created_at.0,
            job_id: row.job_id.map(|id| id.0),
        })
    }
}
