//! What a caller may do with templates: the objects of `rbac.md` 6.

use crate::Principal;
use crate::error::Error;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{Action, ListFilter, Object, ResourceType, resource};
use doorward_domain::templates::Template;

/// A template, which belongs to its organization and to nobody, with its access lists.
pub(crate) fn object(template: &Template) -> Object<'_> {
    Object::of::<resource::Template>()
        .id(template.id.0)
        .organization(template.organization_id.0)
        .user_acl(&template.user_acl)
        .group_acl(&template.group_acl)
}

/// A template that is to be made in this organization.
pub(crate) fn new_in(organization: OrganizationId) -> Object<'static> {
    Object::of::<resource::Template>().organization(organization.0)
}

/// The template, if it lives and the caller may read it; or which scope the credential lacks for that.
pub(crate) fn readable(actor: &Principal, found: Option<Template>) -> Result<Template, Error> {
    let template = found.filter(|template| !template.deleted).ok_or(Error::NotFound)?;
    actor
        .subject
        .check(Action::Read, &object(&template))
        .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
    Ok(template)
}

/// The templates that the caller may read.
pub(super) fn visible(actor: &Principal) -> ListFilter {
    actor.subject.list_filter(Action::Read, ResourceType::Template)
}
