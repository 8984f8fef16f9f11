//! What a caller may do with groups and their members: the objects of `rbac.md` 6.

use crate::Principal;
use crate::error::Error;
use doorward_domain::groups::Group;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{
    Action, ActionMarker, Denied, ListFilter, Object, Permit, ResourceType, action, resource,
};
use doorward_ports::groups::MemberScope;

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

/// A group that the caller cannot read does not exist, unless only the scope of the credential is too short.
pub(super) fn readable(actor: &Principal, group: &Group) -> Result<(), Error> {
    let readers = group.readers();
    actor
        .subject
        .check(Action::Read, &object(group).group_acl(&readers))
        .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))
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
