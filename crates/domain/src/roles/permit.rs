//! Proofs that something was authorized.

use std::fmt;
use std::marker::PhantomData;

use uuid::Uuid;

use super::{Action, ActionMarker, Id, Object, ResourceMarker, ResourceType};

/// Who was allowed to act.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The [`Subject`](super::Subject) of this id: a user, or a machine that has no account.
    Subject(Id),
    /// The server itself, for this reason.
    System(&'static str),
}

/// The proof that action `A` on a resource `R` was authorized. A write port takes one, so code that forgets to ask
/// does not compile.
///
/// Only [`Subject::permit`](super::Subject::permit) and [`System`] make one:
///
/// ```
/// use doorward_domain::roles::{Object, Permit, Scope, Subject, System, action, resource};
/// use uuid::Uuid;
///
/// fn delete_app(permit: &Permit<action::Delete, resource::Oauth2App>) -> String {
///     format!("deleted by {:?}", permit.actor())
/// }
///
/// let apps = Object::of::<resource::Oauth2App>();
/// let owner = Subject::for_user(Uuid::NAMESPACE_URL).site_roles(["owner"]).scope(Scope::all()).build();
/// delete_app(&owner.permit(&apps)?);
/// delete_app(&System::because("the deployment is being reset").permit());
///
/// let member = Subject::for_user(Uuid::NAMESPACE_DNS).scope(Scope::all()).build();
/// assert!(member.permit::<action::Delete, resource::Oauth2App>(&apps).is_err());
/// # Ok::<(), doorward_domain::roles::Denied>(())
/// ```
///
/// It cannot be forged:
///
/// ```compile_fail,E0451
/// use doorward_domain::roles::{Actor, Id, Permit, action, resource};
///
/// let forged: Permit<action::Delete, resource::Oauth2App> = Permit {
///     actor: Actor::System("me"), id: Id::EMPTY, owner: Id::EMPTY, organization: Id::EMPTY, proof: Default::default(),
/// };
/// ```
///
/// nor taken for another:
///
/// ```compile_fail,E0308
/// use doorward_domain::roles::{Permit, System, action, resource};
///
/// let read: Permit<action::Read, resource::Oauth2App> = System::because("a look").permit();
/// let delete: Permit<action::Delete, resource::Oauth2App> = read;
/// ```
#[must_use]
pub struct Permit<A, R> {
    actor: Actor,
    id: Id,
    owner: Id,
    organization: Id,
    proof: PhantomData<fn() -> (A, R)>,
}

/// A copy says no more than the original: that the check was made. Work that is done again needs it twice.
impl<A, R> Clone for Permit<A, R> {
    fn clone(&self) -> Self {
        let Self { actor, id, owner, organization, proof } = self;
        let (id, owner, organization) = (id.clone(), owner.clone(), organization.clone());
        Self { actor: actor.clone(), id, owner, organization, proof: *proof }
    }
}

impl<A: ActionMarker, R: ResourceMarker> Permit<A, R> {
    pub(super) fn granted(subject: &Id, object: &Object<'_>) -> Self {
        Self::new(Actor::Subject(subject.clone()), object)
    }

    fn new(actor: Actor, object: &Object<'_>) -> Self {
        let Object { id, owner, organization, .. } = object.clone();
        Self { actor, id, owner, organization, proof: PhantomData }
    }

    /// The authorized action.
    #[must_use]
    pub const fn action(&self) -> Action {
        A::ACTION
    }

    /// The resource type it was authorized on.
    #[must_use]
    pub const fn resource(&self) -> ResourceType {
        R::TYPE
    }

    /// Who was authorized, for the audit log.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The object's id; unset when the permit is for all of its kind.
    #[must_use]
    pub const fn id(&self) -> &Id {
        &self.id
    }

    /// The object's owner; may be unset.
    #[must_use]
    pub const fn owner(&self) -> &Id {
        &self.owner
    }

    /// The object's organization; may be unset.
    #[must_use]
    pub const fn organization(&self) -> &Id {
        &self.organization
    }

    /// Whether it was about this object. A permit for one object covers that one, unless what is known of both differs. One for
    /// what an owner or an organization has covers what is known to be theirs, and one for all of a kind everything: so a write
    /// that does not say whose its object is can be made by the latter only.
    ///
    /// ```
    /// use doorward_domain::roles::{Object, Permit, System, action, resource};
    /// use uuid::Uuid;
    ///
    /// let app = Object::of::<resource::Oauth2App>().id(Uuid::NAMESPACE_URL);
    /// let other = Object::of::<resource::Oauth2App>().id(Uuid::NAMESPACE_DNS);
    /// let permit: Permit<action::Delete, resource::Oauth2App> = System::because("a test").permit_on(&app);
    /// assert!(permit.covers(&app) && !permit.covers(&other));
    ///
    /// let of_owner = Object::of::<resource::ApiKey>().owner(Uuid::NAMESPACE_URL);
    /// let permit: Permit<action::Delete, resource::ApiKey> = System::because("a test").permit_on(&of_owner);
    /// assert!(!permit.covers(&Object::of::<resource::ApiKey>().id("one")), "whose it is is not known");
    /// ```
    #[must_use]
    pub fn covers(&self, object: &Object<'_>) -> bool {
        let is_for_one = !self.id.is_empty();
        let agrees = |mine: &Id, theirs: &Id| mine.is_empty() || mine == theirs || (is_for_one && theirs.is_empty());
        (!is_for_one || self.id == object.id)
            && agrees(&self.owner, &object.owner)
            && agrees(&self.organization, &object.organization)
    }
}

impl<A: ActionMarker, R: ResourceMarker> fmt::Debug for Permit<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({}:{} for {:?})", R::TYPE, A::ACTION, self.actor)
    }
}

/// The proof that action `A` was authorized on all resources `R` of a place, an organization or the whole deployment: never on
/// one object, for no object can be given when it is asked for. What is set for a place asks for it.
///
/// Only [`Subject::permit_in`](super::Subject::permit_in) and [`System::permit_in`] make one, of no [`Permit`]:
///
/// ```compile_fail,E0308
/// use doorward_domain::roles::{Object, PlacePermit, System, action, resource};
/// use uuid::Uuid;
///
/// let proxy = Object::of::<resource::WorkspaceProxy>().id(Uuid::NAMESPACE_URL);
/// let place: PlacePermit<action::Update, resource::WorkspaceProxy> = System::because("a look").permit_on(&proxy);
/// ```
#[must_use]
pub struct PlacePermit<A, R> {
    actor: Actor,
    organization: Option<Uuid>,
    proof: PhantomData<fn() -> (A, R)>,
}

impl<A: ActionMarker, R: ResourceMarker> PlacePermit<A, R> {
    pub(super) fn granted(subject: &Id, organization: Option<Uuid>) -> Self {
        Self { actor: Actor::Subject(subject.clone()), organization, proof: PhantomData }
    }

    /// All of the kind in this place: what is asked about.
    pub(super) fn object(organization: Option<Uuid>) -> Object<'static> {
        let all = Object::of::<R>();
        match organization {
            Some(id) => all.organization(id),
            None => all,
        }
    }

    /// Who was authorized, for the audit log.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The place; `None` is the whole deployment.
    #[must_use]
    pub const fn organization(&self) -> Option<Uuid> {
        self.organization
    }
}

impl<A: ActionMarker, R: ResourceMarker> fmt::Debug for PlacePermit<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlacePermit({}:{} in {:?} for {:?})", R::TYPE, A::ACTION, self.organization, self.actor)
    }
}

/// The server acting on its own account, and why: the store writes the reason to the log at the level `debug`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct System {
    reason: &'static str,
}

impl System {
    /// States the reason.
    pub const fn because(reason: &'static str) -> Self {
        Self { reason }
    }

    /// A permit for all objects of a type.
    pub fn permit<A: ActionMarker, R: ResourceMarker>(self) -> Permit<A, R> {
        self.permit_on(&Object::of::<R>())
    }

    /// A permit for one object. Its type is taken from `R`.
    pub fn permit_on<A: ActionMarker, R: ResourceMarker>(self, object: &Object<'_>) -> Permit<A, R> {
        Permit::new(Actor::System(self.reason), object)
    }

    /// A permit for all objects of a type in a place; `None` is the whole deployment.
    pub fn permit_in<A: ActionMarker, R: ResourceMarker>(self, organization: Option<Uuid>) -> PlacePermit<A, R> {
        PlacePermit { actor: Actor::System(self.reason), organization, proof: PhantomData }
    }
}
