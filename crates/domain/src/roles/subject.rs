//! Who asks.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::engine::{Known, Named, judge, only_scope};
use super::subject_data::Inner;
use super::{
    Action, ActionMarker, Because, Decision, Denied, Id, ListFilter, Object, Permit, PlacePermit, ResourceMarker,
    ResourceType, Role, Scope, SubjectBuilder,
};

/// Who asks: a user with roles and groups, through a credential with a scope. Built once, cheap to clone, and then
/// every question costs a few mask tests.
///
/// ```
/// use doorward_domain::roles::{Action, Object, ResourceType, Scope, Subject};
/// use uuid::Uuid;
///
/// let (alice, acme) = (Uuid::NAMESPACE_URL, Uuid::NAMESPACE_DNS);
/// let subject = Subject::for_user(alice).membership(acme, ["organization-auditor"]).scope(Scope::all()).build();
///
/// let workspace = Object::new(ResourceType::Workspace).organization(acme).owner(alice);
/// assert!(subject.allows(Action::Delete, &workspace));
/// assert!(!subject.allows(Action::Delete, &Object::new(ResourceType::Template).organization(acme)));
/// ```
#[derive(Clone)]
pub struct Subject(Arc<Inner>);

impl Subject {
    pub(super) fn from_inner(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    #[inline]
    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    /// Starts a subject with exactly the roles that are given.
    pub fn builder<'a>(id: impl Into<Id>) -> SubjectBuilder<'a> {
        SubjectBuilder::new(id.into(), false)
    }

    /// Starts the subject of a request: `member` and, per membership, `organization-member` are added.
    pub fn for_user<'a>(id: impl Into<Id>) -> SubjectBuilder<'a> {
        SubjectBuilder::new(id.into(), true)
    }

    /// The user.
    #[must_use]
    pub fn id(&self) -> &Id {
        &self.0.id
    }

    /// The roles, implied ones included.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.0.roles
    }

    /// The explicit groups, sorted.
    #[must_use]
    pub fn groups(&self) -> &[Id] {
        &self.0.groups
    }

    /// The scope of the credential.
    #[must_use]
    pub fn scope(&self) -> Option<&Scope> {
        self.0.scope.as_ref()
    }

    /// The same person through another credential.
    #[must_use]
    pub fn with_scope(&self, scope: Scope) -> Self {
        let inner = self.inner();
        Self::from_inner(Inner::new(inner.id.clone(), inner.roles.clone(), inner.groups.clone(), Some(scope)))
    }

    /// The same person with exactly these roles.
    pub(super) fn with_roles(&self, roles: impl IntoIterator<Item = Role>) -> Self {
        let inner = self.inner();
        let roles = roles.into_iter().collect();
        Self::from_inner(Inner::new(inner.id.clone(), roles, inner.groups.clone(), inner.scope.clone()))
    }

    /// The organizations that appear in any role, sorted.
    pub fn memberships(&self) -> impl Iterator<Item = &Id> {
        self.0.members.iter().map(|(id, _)| id)
    }

    /// Whether it belongs to the organization.
    #[must_use]
    pub fn is_member(&self, organization: impl Into<Id>) -> bool {
        let organization = organization.into();
        !organization.is_empty() && self.0.members.find(&organization).is_some()
    }

    /// Whether it has the built-in site role `owner`.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.0.roles.iter().any(Role::is_owner)
    }

    /// Whether it may.
    #[must_use]
    #[inline]
    pub fn allows(&self, action: Action, object: &Object<'_>) -> bool {
        judge(self.inner(), Known::new(self.inner(), action, object.resource), object).allow()
    }

    /// Whether it may, and why.
    #[inline]
    pub fn decide(&self, action: Action, object: &Object<'_>) -> Decision {
        Decision::new(judge(self.inner(), Known::new(self.inner(), action, object.resource), object))
    }

    /// Whether it may, for names as text that may be unknown. The type of `object` itself is not looked at.
    pub fn decide_named(&self, action: &str, resource: &str, object: &Object<'_>) -> Decision {
        let inner = self.inner();
        Decision::new(match (Action::parse(action), ResourceType::parse(resource)) {
            (Some(action), Some(resource)) => judge(inner, Known::new(inner, action, resource), object),
            (_, resource_type) => judge(inner, Named { action, resource, resource_type }, object),
        })
    }

    /// Whether it may, as a `Result`.
    pub fn check(&self, action: Action, object: &Object<'_>) -> Result<(), Denied> {
        let inner = self.inner();
        let question = Known::new(inner, action, object.resource);
        let because = judge(inner, question, object);
        if because.allow() {
            return Ok(());
        }
        let only_scope = only_scope(inner, question, object, because);
        Err(Denied { action, resource: object.resource, because, only_scope })
    }

    /// The proof that it may, which a write port asks for.
    pub fn permit<A: ActionMarker, R: ResourceMarker>(&self, object: &Object<'_>) -> Result<Permit<A, R>, Denied> {
        if object.resource != R::TYPE {
            let (action, resource, because) = (A::ACTION, R::TYPE, Because::OtherType);
            return Err(Denied { action, resource, because, only_scope: false });
        }
        self.check(A::ACTION, object)?;
        Ok(Permit::granted(self.id(), object))
    }

    /// The proof that it may do this to all of a kind in a place; `None` is the whole deployment.
    pub fn permit_in<A: ActionMarker, R: ResourceMarker>(
        &self,
        organization: Option<Uuid>,
    ) -> Result<PlacePermit<A, R>, Denied> {
        self.check(A::ACTION, &PlacePermit::<A, R>::object(organization))?;
        Ok(PlacePermit::granted(self.id(), organization))
    }

    /// What of a list it may see: the decision for every row at once.
    #[must_use]
    pub fn list_filter(&self, action: Action, resource: ResourceType) -> ListFilter {
        ListFilter::new(self.inner(), action, resource)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { id, roles, groups, scope, .. } = self.inner();
        let mut debug = f.debug_struct("Subject");
        debug.field("id", id).field("roles", roles).field("groups", groups).field("scope", scope).finish()
    }
}
