//! What is shown with workspaces and builds: a query for each kind of thing around them, however many there are.

use super::Conn;
use super::one_of::OneOf;
use super::provisioner_job_views::views as job_views;
use crate::error::Error;
use crate::rows::{BuildRow, JobRow, TemplateRow, WorkspaceRow};
use crate::schema::{organizations, templates, users, workspace_builds, workspaces};
use crate::types::Id;
use diesel::prelude::*;
use doorward_domain::ids::WorkspaceId;
use doorward_domain::names::{OrganizationName, Username};
use doorward_domain::templates::Template;
use doorward_domain::workspaces::{Build, Workspace};
use doorward_ports::workspaces::{BuildView, WorkspaceView};
use std::collections::HashMap;

/// The build is the one with the highest number of its workspace.
macro_rules! is_latest {
    () => {{
        let later = diesel::alias!($crate::schema::workspace_builds as later_builds);
        diesel::dsl::not(diesel::dsl::exists(
            later
                .filter(later.field(workspace_builds::workspace_id).eq(workspace_builds::workspace_id))
                .filter(later.field(workspace_builds::build_number).gt(workspace_builds::build_number)),
        ))
    }};
}
pub(super) use is_latest;

/// A build, who asked for it, and the job that carries it out.
pub(super) type ShownBuild = (BuildRow, String, Option<JobRow>);

macro_rules! shown_builds {
    () => {
        $crate::schema::workspace_builds::table
            .inner_join(
                $crate::schema::users::table
                    .on($crate::schema::users::id.eq($crate::schema::workspace_builds::initiator_id)),
            )
            .left_join(
                $crate::schema::provisioner_jobs::table
                    .on($crate::schema::workspace_builds::job_id.eq($crate::schema::provisioner_jobs::id.nullable())),
            )
            .select((
                $crate::rows::BuildRow::as_select(),
                $crate::schema::users::username,
                Option::<$crate::rows::JobRow>::as_select(),
            ))
    };
}
pub(super) use shown_builds;

/// Builds with what is shown of their surroundings, in the same order.
pub(super) fn build_views(conn: &mut Conn, rows: Vec<ShownBuild>) -> Result<Vec<BuildView>, Error> {
    let jobs: Vec<JobRow> = rows.iter().filter_map(|(_, _, job)| job.clone()).collect();
    let mut jobs: HashMap<_, _> = job_views(conn, jobs)?.into_iter().map(|view| (view.job.id, view)).collect();
    let view = |(row, initiator_name, job): ShownBuild| {
        Ok(BuildView {
            build: Build::try_from(row)?,
            initiator_name: Username::from_storage(initiator_name),
            job: job.and_then(|job| jobs.remove(&job.id.0)),
        })
    };
    rows.into_iter().map(view).collect()
}

/// Workspaces with what is shown of their surroundings, in the same order.
pub(super) fn views(conn: &mut Conn, rows: Vec<WorkspaceRow>) -> Result<Vec<WorkspaceView>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let workspaces: Vec<Workspace> = rows.into_iter().map(Workspace::from).collect();
    let ids: Vec<WorkspaceId> = workspaces.iter().map(|workspace| workspace.id).collect();
    let around: Vec<(Id<WorkspaceId>, String, String, String, TemplateRow)> = workspaces::table
        .inner_join(users::table.on(users::id.eq(workspaces::owner_id)))
        .inner_join(organizations::table.on(organizations::id.eq(workspaces::organization_id)))
        .inner_join(templates::table.on(templates::id.eq(workspaces::template_id)))
        .filter(OneOf::ids("workspaces.id", ids.iter().copied()))
        .select((workspaces::id, users::username, users::avatar_url, organizations::name, TemplateRow::as_select()))
        .load(conn)?;
    let mut around: HashMap<_, _> = around.into_iter().map(|(id, a, b, c, d)| (id.0, (a, b, c, d))).collect();
    let builds: Vec<ShownBuild> =
        shown_builds!().filter(OneOf::ids("workspace_builds.workspace_id", ids)).filter(is_latest!()).load(conn)?;
    let builds = build_views(conn, builds)?;
    let mut builds: HashMap<_, _> = builds.into_iter().map(|view| (view.build.workspace_id, view)).collect();
    let view = |workspace: Workspace| {
        let (owner_name, owner_avatar_url, organization_name, template) = around.remove(&workspace.id)?;
        let owner_name = Username::from_storage(owner_name);
        let organization_name = OrganizationName::from_storage(organization_name);
        let latest_build = builds.remove(&workspace.id);
        let template = Template::from(template);
        Some(WorkspaceView { workspace, owner_name, owner_avatar_url, organization_name, template, latest_build })
    };
    Ok(workspaces.into_iter().filter_map(view).collect())
}
