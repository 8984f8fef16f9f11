//! What a caller may do with groups and their members: the objects of `rbac.md` 6.

use crate::Principal;
use crate::error::Error;
use doorward_domain::groups::Group;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{
    Acl, Action, ActionMarker, Denied, ListFilter, Object, Permit, ResourceType, action, resource,
};
use doorward_ports::groups::MemberScope;
use doorward_ports::{Repositories, StoreError};

/// May the caller do this to the group? The proof is for a write port.
pub(crate) fn permit<A: ActionMarker>(actor: &Principal, group: &Group) -> Result<Permit<A, resource::Group>, Denied> {
    actor.permit(&object(group).group_acl(&group.readers()))
}

/// May the caller make groups in this organization?
pub(crate) fn permit_new(
    actor: &Principal,
    organization: OrganizationId,
) -> Result<Permit<action::Create, resource::Group>, Denied> {
    actor.permit(&Object::of::<resource::Group>().organization(organization.0))
}

/// A group that the caller cannot read does not exist, unless only the scope of the credential is too short. Who looks after its
/// members may read it.
pub(super) fn readable(repos: &mut dyn Repositories, actor: &Principal, group: &Group) -> Result<(), Error> {
    let Err(denied) = check(actor, group) else { return Ok(()) };
    let managers = managing(repos, actor, group)?;
    let denied = match managers {
        Some(managers) => actor.subject.check(Action::Read, &object(group).user_acl(&managers)),
        None => Err(denied),
    };
    denied.map_err(|denied| Error::NotFound.unless_scope_is_short(denied))
}

/// Whether the caller may read the group for another reason than that of looking after its members.
pub(super) fn is_plainly_readable(actor: &Principal, group: &Group) -> bool {
    check(actor, group).is_ok()
}

fn check(actor: &Principal, group: &Group) -> Result<(), Denied> {
    let readers = group.readers();
    actor.subject.check(Action::Read, &object(group).group_acl(&readers))
}

/// What the caller may do with the group as one of its managers; `None` for all who are none.
fn managing(repos: &mut dyn Repositories, actor: &Principal, group: &Group) -> Result<Option<Acl>, StoreError> {
    let Some(user) = actor.user_id() else { return Ok(None) };
    let is_one = repos.groups().is_manager(group.id, user)?;
    Ok(is_one.then(|| Acl::new().grant(user.0, Action::Read).grant(user.0, Action::Update)))
}

/// What proves that the caller may change the members of a group.
pub(super) struct OfMembers {
    /// For a write port. Of a manager it stands for the members alone: see [`OfMembers::denied`].
    pub(super) permit: Permit<action::Update, resource::Group>,
    /// Why the caller, who is a manager, may change nothing else of the group.
    pub(super) denied: Option<Denied>,
}

/// May the caller change the members of the group, as one who may change the group or as one of its managers?
pub(super) fn permit_members(
    repos: &mut dyn Repositories,
    actor: &Principal,
    group: &Group,
) -> Result<OfMembers, Error> {
    let denied = match permit(actor, group) {
        Ok(permit) => return Ok(OfMembers { permit, denied: None }),
        Err(denied) => denied,
    };
    let Some(managers) = managing(repos, actor, group)? else { return Err(denied.into()) };
    let permit = actor.permit(&object(group).user_acl(&managers))?;
    Ok(OfMembers { permit, denied: Some(denied) })
}

/// Whether the caller may see all members of the group.
pub(super) fn sees_members(repos: &mut dyn Repositories, actor: &Principal, group: &Group) -> Result<bool, StoreError> {
    let place = || Object::of::<resource::GroupMember>().organization(group.organization_id.0);
    if actor.subject.allows(Action::Read, &place()) {
        return Ok(true);
    }
    let managers = managing(repos, actor, group)?;
    Ok(managers.is_some_and(|managers| actor.subject.allows(Action::Read, &place().user_acl(&managers))))
}

/// The members of this one group that the caller may read.
pub(super) fn members_of(
    repos: &mut dyn Repositories,
    actor: &Principal,
    group: &Group,
) -> Result<MemberScope, StoreError> {
    let plain = visible_members(actor);
    let is_limited = matches!(&plain, MemberScope::Visible(filter) if filter.allowed_ids().is_some());
    Ok(if !is_limited && sees_members(repos, actor, group)? { MemberScope::All } else { plain })
}

/// The groups that the caller may read.
pub(super) fn visible_groups(actor: &Principal) -> ListFilter {
    actor.subject.list_filter(Action::Read, ResourceType::Group)
}

/// The members of groups that the caller may read.
pub(super) fn visible_members(actor: &Principal) -> MemberScope {
    MemberScope::Visible(actor.subject.list_filter(Action::Read, ResourceType::GroupMember))
}

/// A group, which belongs to its organization.
pub(crate) fn object(group: &Group) -> Object<'static> {
    Object::of::<resource::Group>().id(group.id.0).organization(group.organization_id.0)
}
