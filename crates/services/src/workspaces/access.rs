//! What a caller may do with workspaces: the objects of `rbac.md` 6.

use crate::Principal;
use crate::error::Error;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::roles::{Action, Denied, ListFilter, Object, Permit, ResourceType, System, action, resource};
use doorward_domain::workspaces::{Transition, Workspace};

/// A workspace, which belongs to its owner and its organization; a dormant one is of another type.
pub(crate) fn object(workspace: &Workspace) -> Object<'static> {
    workspace.object()
}

/// A workspace that is to be made for this user.
pub(crate) fn new_of(owner: UserId, organization: OrganizationId) -> Object<'static> {
    Object::of::<resource::Workspace>().organization(organization.0).owner(owner.0)
}

/// The workspace, if it lives and the caller may read it; or which scope the credential lacks for that.
pub(crate) fn readable(actor: &Principal, found: Option<Workspace>) -> Result<Workspace, Error> {
    let workspace = found.filter(|workspace| !workspace.deleted).ok_or(Error::NotFound)?;
    actor
        .subject
        .check(Action::Read, &object(&workspace))
        .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
    Ok(workspace)
}

/// The workspaces that the caller may read. Dormant ones are among them as if they were not (`rbac.md` 11).
pub(super) fn visible(actor: &Principal) -> ListFilter {
    actor.subject.list_filter(Action::Read, ResourceType::Workspace)
}

/// May the caller change the workspace?
pub(super) fn permit_update(
    actor: &Principal,
    workspace: &Workspace,
) -> Result<Permit<action::Update, resource::Workspace>, Denied> {
    check(actor, Action::Update, workspace)?;
    Ok(System::because("the caller may update the workspace as what it is").permit_on(&object(workspace)))
}

/// May the caller build the workspace? Every build changes it, and each kind needs its own action besides.
pub(super) fn permit_build(
    actor: &Principal,
    workspace: &Workspace,
    transition: Transition,
) -> Result<Permit<action::Update, resource::Workspace>, Denied> {
    match transition {
        Transition::Start => actor.subject.check(Action::Start, &object(workspace))?,
        Transition::Stop => actor.subject.check(Action::Stop, &object(workspace))?,
        Transition::Delete => check(actor, Action::Delete, workspace)?,
    }
    permit_update(actor, workspace)
}

/// `update` and `delete` are tried a second time on what was built before somebody asked for it. Of two refusals the one
/// that a scope would turn is told.
pub(crate) fn check(actor: &Principal, action: Action, workspace: &Workspace) -> Result<(), Denied> {
    let denied = match actor.subject.check(action, &object(workspace)) {
        Ok(()) => return Ok(()),
        Err(denied) => denied,
    };
    match workspace.prebuilt_object().map(|prebuilt| actor.subject.check(action, &prebuilt)) {
        Some(Ok(())) => Ok(()),
        Some(Err(second)) if denied.missing_scope().is_none() && second.missing_scope().is_some() => Err(second),
        Some(Err(_)) | None => Err(denied),
    }
}
