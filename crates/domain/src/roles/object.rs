//! What is touched.

use super::{Acl, Id, ResourceMarker, ResourceType};

/// What is touched. Few fields stand for a set: with only an organization it is "all of this organization".
///
/// ```
/// use doorward_domain::roles::{Object, ResourceType};
/// use uuid::Uuid;
///
/// let mine = Object::new(ResourceType::Workspace).organization(Uuid::NAMESPACE_DNS).owner(Uuid::NAMESPACE_URL);
/// assert_eq!(mine.resource(), ResourceType::Workspace);
/// ```
#[derive(Debug, Clone)]
pub struct Object<'a> {
    pub(super) resource: ResourceType,
    pub(super) any_organization: bool,
    pub(super) id: Id,
    pub(super) owner: Id,
    pub(super) organization: Id,
    pub(super) user_acl: Option<&'a Acl>,
    pub(super) group_acl: Option<&'a Acl>,
}

impl<'a> Object<'a> {
    /// All objects of a type.
    #[must_use]
    pub const fn new(resource: ResourceType) -> Self {
        Self {
            resource,
            any_organization: false,
            id: Id::EMPTY,
            owner: Id::EMPTY,
            organization: Id::EMPTY,
            user_acl: None,
            group_acl: None,
        }
    }

    /// All objects of a type that is known at compile time.
    #[must_use]
    pub const fn of<R: ResourceMarker>() -> Self {
        Self::new(R::TYPE)
    }

    /// One object.
    #[must_use]
    pub fn id(mut self, id: impl Into<Id>) -> Self {
        self.id = id.into();
        self
    }

    /// Owned by this user.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<Id>) -> Self {
        self.owner = owner.into();
        self
    }

    /// In this organization.
    #[must_use]
    pub fn organization(mut self, organization: impl Into<Id>) -> Self {
        self.organization = organization.into();
        self
    }

    /// In whichever organization allows it. Together with an organization it is denied.
    #[must_use]
    pub const fn any_organization(mut self) -> Self {
        self.any_organization = true;
        self
    }

    /// With a list of users who may do something with it.
    #[must_use]
    pub const fn user_acl(mut self, acl: &'a Acl) -> Self {
        self.user_acl = Some(acl);
        self
    }

    /// With a list of groups whose members may do something with it. The organization's own id stands for "Everyone".
    #[must_use]
    pub const fn group_acl(mut self, acl: &'a Acl) -> Self {
        self.group_acl = Some(acl);
        self
    }

    /// The same object seen as another type, as a dormant workspace is.
    #[must_use]
    pub const fn as_type(mut self, resource: ResourceType) -> Self {
        self.resource = resource;
        self
    }

    /// Its type.
    #[must_use]
    pub const fn resource(&self) -> ResourceType {
        self.resource
    }

    /// Its id; may be unset.
    #[must_use]
    pub const fn object_id(&self) -> &Id {
        &self.id
    }

    /// Its owner; may be unset.
    #[must_use]
    pub const fn owner_id(&self) -> &Id {
        &self.owner
    }

    /// Its organization; may be unset.
    #[must_use]
    pub const fn organization_id(&self) -> &Id {
        &self.organization
    }
}
