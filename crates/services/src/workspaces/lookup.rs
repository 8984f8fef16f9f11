//! Finding workspaces and builds.

use super::access;
use super::{BuildView, WorkspacePage, WorkspaceView};
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::templates::lookup::searched;
use crate::users::UserRef;
use doorward_domain::ids::WorkspaceId;
use doorward_domain::page::Page;
use doorward_domain::workspaces::{WorkspaceFilter, parse_workspace_query};

/// A workspace and some of its builds, the latest first.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceBuilds {
    /// The workspace.
    pub workspace: WorkspaceView,
    /// The builds.
    pub builds: Vec<BuildView>,
}

/// Shows a workspace.
///
/// Needs `workspace:read`. Errors: `NotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn find(ctx: &Context, actor: &Principal, id: WorkspaceId) -> Result<WorkspaceView, Error> {
    ctx.look(actor, move |look| {
        let view = look.repos.workspaces().view(id)?.ok_or(Error::NotFound)?;
        access::readable(look.by, Some(view.workspace.clone()))?;
        Ok(view)
    })
    .await
}

/// Lists the workspaces that the caller may read, narrowed by a search query.
///
/// Shows what `workspace:read` reaches. Errors: `Invalid` (the query), `Refused` (`owner:me` without an account),
/// `Forbidden` (only the scope is too short for the organization in the query).
pub async fn list(ctx: &Context, actor: &Principal, query: &str, page: Page) -> Result<WorkspacePage, Error> {
    let query =
        parse_workspace_query(query).map_err(|errors| Error::bad_query("Invalid workspace search query.", errors))?;
    ctx.look(actor, move |look| {
        let owner = match query.owner.as_deref().map(UserRef::parse) {
            None => None,
            Some(UserRef::Me) => Some(look.by.account()?.user.id),
            Some(UserRef::Id(id)) => Some(id),
            // Somebody who does not exist has no workspaces.
            Some(UserRef::Name(name)) => match look.repos.users().find_by_username(&name)? {
                Some(user) => Some(user.id),
                None => return Ok(WorkspacePage::default()),
            },
        };
        let organization = query.organization.as_deref();
        let organization = organization.map(|name| searched(look.repos, look.by, name)).transpose()?;
        let filter = WorkspaceFilter { owner, organization, ..query.filter };
        Ok(look.repos.workspaces().list(&filter, &access::visible(look.by), page)?)
    })
    .await
}

/// Lists the builds of a workspace, the latest first.
///
/// Needs `workspace:read`. Errors: `NotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn builds(ctx: &Context, actor: &Principal, id: WorkspaceId, page: Page) -> Result<WorkspaceBuilds, Error> {
    ctx.look(actor, move |look| {
        let workspace = look.repos.workspaces().view(id)?.ok_or(Error::NotFound)?;
        access::readable(look.by, Some(workspace.workspace.clone()))?;
        Ok(WorkspaceBuilds { builds: look.repos.workspaces().list_builds(id, page)?, workspace })
    })
    .await
}
