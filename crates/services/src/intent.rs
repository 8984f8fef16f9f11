//! What a request is about, when no more of it can be read. Who may not do that is told so, whatever else is wrong.

use crate::context::Context;
use crate::error::Error;
use crate::organizations::{self, OrganizationRef};
use crate::principal::Principal;
use crate::template_versions::access::Known;
use crate::users::reference::{resolve, resolve_live};
use crate::users::{UserRef, access};
use crate::workspace_proxies::ProxyRef;
use crate::{templates, workspace_proxies, workspaces};
use doorward_domain::ids::{TemplateId, TemplateVersionId, WorkspaceId};
use doorward_domain::roles::{Action, Object, ResourceType};

/// What somebody wants to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// This, with things of a kind, whosever they are.
    Anywhere(Action, ResourceType),
    /// With those of an organization, or with itself.
    Within(OrganizationRef, Action, ResourceType),
    /// With what the caller has.
    Own(Action, ResourceType),
    /// With what a user has.
    Of(UserRef, Action, ResourceType),
    /// With a user. One with whom it may not be done is not found.
    User(UserRef, Action),
    /// With a template.
    Template(TemplateId, Action),
    /// With a version of a template.
    TemplateVersion(TemplateVersionId, Action),
    /// With a workspace.
    Workspace(WorkspaceId, Action),
    /// With a workspace proxy.
    WorkspaceProxy(ProxyRef, Action),
}

/// Whether the caller may do this, as far as it is known. The use case asks again, and may find more to refuse.
///
/// Needs what is asked about. Errors: `Forbidden`, `NotFound`, `OrganizationNotFound` or `UserNotFound` (missing or not readable),
/// `Refused` (a caller without an account).
pub async fn may(ctx: &Context, by: &Principal, intent: Intent) -> Result<(), Error> {
    let context = ctx.clone();
    ctx.look(by, move |look| {
        let (repos, by) = (&mut *look.repos, look.by);
        let check = |action, object: &Object<'_>| Ok(access::may(by, action, object)?);
        match intent {
            Intent::Anywhere(action, kind) => check(action, &Object::new(kind)),
            Intent::Within(reference, action, kind) => {
                let place = organizations::resolve(repos, by, &reference)?.id;
                let object = Object::new(kind).organization(place.0);
                check(action, &if kind == ResourceType::Organization { object.id(place.0) } else { object })
            }
            Intent::Own(action, kind) => check(action, &Object::new(kind).owner(by.account()?.user.id.0)),
            Intent::Of(reference, action, kind) => {
                let owner = resolve_live(repos, by, &reference)?.id;
                check(action, &Object::new(kind).owner(owner.0).any_organization())
            }
            Intent::User(reference, action) => {
                let user = resolve(repos, by, &reference)?;
                access::may(by, action, &access::user(user.id))
                    .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))
            }
            Intent::Template(id, action) => {
                let template = repos.templates().find(id)?.ok_or(Error::NotFound)?;
                let object = templates::access::object(&template);
                access::may(by, Action::Read, &object)
                    .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
                check(action, &object)
            }
            Intent::TemplateVersion(id, action) => {
                let version = repos.template_versions().find(id)?.ok_or(Error::NotFound)?;
                Ok(Known::load(repos, version)?.readable(by)?.check(by, action)?)
            }
            Intent::Workspace(id, action) => {
                let found = repos.workspaces().find(id)?;
                let workspace = workspaces::access::readable(by, found)?;
                Ok(workspaces::access::check(by, action, &workspace)?)
            }
            Intent::WorkspaceProxy(reference, action) => {
                let found = reference.find(repos)?;
                let object = workspace_proxies::access::object(&context, found.as_ref());
                workspace_proxies::access::may_read(by, &object)?;
                check(action, &object)
            }
        }
    })
    .await
}
