//! Finding workspaces and builds.

use super::access;
use super::{BuildView, WorkspacePage, WorkspaceView};
use crate::context::{Actor, Context};
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
pub async fn find(ctx: &Context, actor: &Actor, id: WorkspaceId) -> Result<WorkspaceView, Error> {
    let actor = actor.clone();
    ctx.store
        .read(move |repos| {
            let view = repos.workspaces().view(id)?.ok_or(Error::NotFound)?;
            access::readable(&actor, Some(view.workspace.clone()))?;
            Ok(view)
        })
        .await
}

/// Lists the workspaces that the caller may read, narrowed by a search query.
pub async fn list(ctx: &Context, actor: &Actor, query: &str, page: Page) -> Result<WorkspacePage, Error> {
    let query =
        parse_workspace_query(query).map_err(|errors| Error::bad_query("Invalid workspace search query.", errors))?;
    let actor = actor.clone();
    ctx.store
        .read(move |repos| {
            let owner = match query.owner.as_deref().map(UserRef::parse) {
                None => None,
                Some(UserRef::Me) => Some(actor.user.id),
                Some(UserRef::Id(id)) => Some(id),
                // Somebody who does not exist has no workspaces.
                Some(UserRef::Name(name)) => match repos.users().find_by_username(&name)? {
                    Some(user) => Some(user.id),
                    None => return Ok(WorkspacePage::default()),
                },
            };
            let organization = query.organization.as_deref().map(|name| searched(repos, &actor, name)).transpose()?;
            let filter = WorkspaceFilter { owner, organization, ..query.filter };
            Ok(repos.workspaces().list(&filter, &access::visible(&actor), page)?)
        })
        .await
}

/// Lists the builds of a workspace, the latest first.
pub async fn builds(ctx: &Context, actor: &Actor, id: WorkspaceId, page: Page) -> Result<WorkspaceBuilds, Error> {
    let actor = actor.clone();
    ctx.store
        .read(move |repos| {
            let workspace = repos.workspaces().view(id)?.ok_or(Error::NotFound)?;
            access::readable(&actor, Some(workspace.workspace.clone()))?;
            Ok(WorkspaceBuilds { builds: repos.workspaces().list_builds(id, page)?, workspace })
        })
        .await
}
