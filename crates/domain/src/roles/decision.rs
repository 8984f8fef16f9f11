//! Answers of the engine.

use std::fmt;

/// Why a question was answered so. The client of a server never learns it; logs and administrators do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Because {
    /// Site permissions allow it.
    SiteAllows,
    /// Permissions in the object's organization allow it, or in any organization when any was asked for.
    OrganizationAllows,
    /// The subject owns the object and may do it with what it owns.
    UserAllows,
    /// The object's user list names the subject.
    UserListed,
    /// The object's group list names a group of the subject.
    GroupListed,
    /// The object's group list names the whole organization, of which the subject is a member.
    EveryoneListed,
    /// The subject has no roles at all.
    NoRoles,
    /// The credential has no scope at all.
    NoScope,
    /// The question names an organization and asks for any.
    OrganizationAndAny,
    /// The scope does not permit it.
    ScopeSilent,
    /// The scope denies it.
    ScopeDenies,
    /// The scope is limited to other objects.
    ScopeOtherObject,
    /// A site permission denies it.
    SiteDenies,
    /// A permission in the object's organization denies it.
    OrganizationDenies,
    /// The subject could do it with what it owns, but does not belong to the object's organization.
    NotMember,
    /// A permission on what the subject owns denies it.
    UserDenies,
    /// Nothing allows it.
    NothingAllows,
    /// A permit was asked for another type than that of the object.
    OtherType,
}

impl Because {
    /// Whether it is a reason to allow.
    #[must_use]
    pub const fn allow(self) -> bool {
        matches!(
            self,
            Self::SiteAllows
                | Self::OrganizationAllows
                | Self::UserAllows
                | Self::UserListed
                | Self::GroupListed
                | Self::EveryoneListed
        )
    }

    /// A stable word for logs and programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SiteAllows => "site_allows",
            Self::OrganizationAllows => "organization_allows",
            Self::UserAllows => "user_allows",
            Self::UserListed => "user_listed",
            Self::GroupListed => "group_listed",
            Self::EveryoneListed => "everyone_listed",
            Self::NoRoles => "no_roles",
            Self::NoScope => "no_scope",
            Self::OrganizationAndAny => "organization_and_any",
            Self::ScopeSilent => "scope_silent",
            Self::ScopeDenies => "scope_denies",
            Self::ScopeOtherObject => "scope_other_object",
            Self::SiteDenies => "site_denies",
            Self::OrganizationDenies => "organization_denies",
            Self::NotMember => "not_member",
            Self::UserDenies => "user_denies",
            Self::NothingAllows => "nothing_allows",
            Self::OtherType => "other_type",
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SiteAllows => "a site permission allows it",
            Self::OrganizationAllows => "a permission in the organization allows it",
            Self::UserAllows => "the subject owns the object and may do it with what it owns",
            Self::UserListed => "the object's user list allows it to the subject",
            Self::GroupListed => "the object's group list allows it to a group of the subject",
            Self::EveryoneListed => "the object's group list allows it to everyone in the organization",
            Self::NoRoles => "the subject has no roles",
            Self::NoScope => "the credential has no scope",
            Self::OrganizationAndAny => "the question names an organization and asks for any organization",
            Self::ScopeSilent => "the scope of the credential does not permit it",
            Self::ScopeDenies => "the scope of the credential denies it",
            Self::ScopeOtherObject => "the scope of the credential is limited to other objects",
            Self::SiteDenies => "a site permission denies it",
            Self::OrganizationDenies => "a permission in the organization denies it",
            Self::NotMember => "the subject owns the object but is not a member of its organization",
            Self::UserDenies => "a permission on what the subject owns denies it",
            Self::NothingAllows => "no permission allows it",
            Self::OtherType => "the object is of another type",
        })
    }
}

/// An answer and its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Decision(Because);

impl Decision {
    pub(super) const fn new(because: Because) -> Self {
        Self(because)
    }

    /// Whether it is allowed.
    #[must_use]
    pub const fn allow(self) -> bool {
        self.0.allow()
    }

    /// The step that decided.
    #[must_use]
    pub const fn because(self) -> Because {
        self.0
    }
}

/// A refusal. Its text says what was refused and why; it is for logs, not for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{action} on {resource} is denied: {because}")]
pub struct Denied {
    pub(super) action: super::Action,
    pub(super) resource: super::ResourceType,
    pub(super) because: Because,
    /// The roles would allow it, on an object that the scope admits.
    pub(super) only_scope: bool,
}

impl Denied {
    /// What was asked for.
    #[must_use]
    pub const fn action(&self) -> super::Action {
        self.action
    }

    /// On what.
    #[must_use]
    pub const fn resource(&self) -> super::ResourceType {
        self.resource
    }

    /// Why it was refused.
    #[must_use]
    pub const fn because(&self) -> Because {
        self.because
    }

    /// The least scope that the credential lacks, when nothing else stands in the way: with it, the same subject may.
    ///
    /// ```
    /// use doorward_domain::roles::{Action, Object, ResourceType, Scope, ScopeName, Subject};
    /// use uuid::Uuid;
    ///
    /// let alice = Uuid::NAMESPACE_URL;
    /// let scope = Scope::from_names(&[ScopeName::parse("workspace:read")?]);
    /// let subject = Subject::for_user(alice).scope(scope).build();
    /// let own = Object::new(ResourceType::ApiKey).owner(alice);
    /// let denied = subject.check(Action::Create, &own).unwrap_err();
    /// assert_eq!(denied.missing_scope(), Some(ScopeName::parse("api_key:create")?));
    ///
    /// // No scope lets a member delete licenses.
    /// let denied = subject.check(Action::Delete, &Object::new(ResourceType::License)).unwrap_err();
    /// assert_eq!(denied.missing_scope(), None);
    /// # Ok::<(), doorward_domain::roles::UnknownName>(())
    /// ```
    #[must_use]
    pub fn missing_scope(&self) -> Option<super::ScopeName> {
        self.only_scope.then(|| super::ScopeName::of(self.resource, self.action))
    }
}
