//! Resolving the user that a path names, and the view of a user.

use super::access;
use crate::Principal;
use crate::error::Error;
use crate::roles::{self, RoleLabel};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::roles::{Action, CustomRoles, RoleName};
use doorward_domain::users::User;
use doorward_ports::{Repositories, StoreError};
use std::collections::HashMap;
use uuid::Uuid;

/// A user as named in a request (`identity.md` 1.4).
///
/// ```
/// use doorward_services::users::UserRef;
/// assert_eq!(UserRef::parse("me"), UserRef::Me);
/// assert_eq!(UserRef::parse("ann"), UserRef::Name("ann".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRef {
    /// The caller.
    Me,
    /// By id; finds deleted users too.
    Id(UserId),
    /// By name, without regard to letter case; never finds deleted users.
    Name(String),
}

impl UserRef {
    /// Reads a segment of a path. Whatever is neither `me` nor a UUID is a name.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == "me" {
            return Self::Me;
        }
        Uuid::parse_str(text).map_or_else(|_not_a_uuid| Self::Name(text.to_owned()), |id| Self::Id(UserId(id)))
    }
}

impl From<UserId> for UserRef {
    fn from(id: UserId) -> Self {
        Self::Id(id)
    }
}

/// A user together with the organizations it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct UserView {
    /// The user.
    pub user: User,
    /// Its organizations, by id.
    pub organization_ids: Vec<OrganizationId>,
    /// Its stored site roles with their display names.
    pub roles: Vec<RoleLabel>,
}

/// The stored site roles of a user.
pub(crate) fn site_roles(user: &User) -> Vec<RoleName> {
    user.roles.on_site().collect()
}

impl UserView {
    /// A user as shown where organizations do not matter; custom roles go by their names.
    #[must_use]
    pub fn alone(user: User) -> Self {
        Self::new(user, Vec::new(), &CustomRoles::default())
    }

    /// A user with the organizations it belongs to. They are its own already, so that nobody searches the memberships
    /// of a whole list once per user.
    pub(crate) fn new(user: User, organization_ids: Vec<OrganizationId>, custom: &CustomRoles) -> Self {
        let roles = roles::labels(&site_roles(&user), custom);
        Self { user, organization_ids, roles }
    }

    /// The same without the organizations that the caller may not read: clients ask for each of them.
    pub(crate) fn seen_by(mut self, actor: &Principal) -> Self {
        self.organization_ids.retain(|id| access::may(actor, Action::Read, &access::organization(*id)).is_ok());
        self
    }

    /// Loads what is to be shown with a user.
    pub(crate) fn load(user: User, repos: &mut dyn Repositories) -> Result<Self, Error> {
        let memberships = repos.organizations().list_memberships(user.id)?;
        let custom = roles::custom_among(repos, &site_roles(&user))?;
        Ok(Self::new(user, memberships.into_iter().map(|membership| membership.organization_id).collect(), &custom))
    }

    /// Loads what is to be shown with these users, in the same order: two queries, and one pass over each answer.
    pub(crate) fn load_all(users: Vec<User>, repos: &mut dyn Repositories) -> Result<Vec<Self>, Error> {
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let mut places: HashMap<UserId, Vec<OrganizationId>> = HashMap::with_capacity(ids.len());
        for membership in repos.organizations().list_memberships_of(&ids)? {
            places.entry(membership.user_id).or_default().push(membership.organization_id);
        }
        let held: Vec<RoleName> = users.iter().flat_map(site_roles).collect();
        let custom = roles::custom_among(repos, &held)?;
        let view = |user: User| {
            let organization_ids = places.remove(&user.id).unwrap_or_default();
            Self::new(user, organization_ids, &custom)
        };
        Ok(users.into_iter().map(view).collect())
    }
}

/// The user that `reference` names, deleted ones included, if the caller may know of it. The caller always knows of
/// itself, whatever the credential is limited to.
pub(crate) fn resolve(repos: &mut dyn Repositories, actor: &Principal, reference: &UserRef) -> Result<User, Error> {
    let user = look_up(repos, actor, reference)?.ok_or(Error::UserNotFound)?;
    if !actor.is(user.id) {
        access::may(actor, Action::Read, &access::user(user.id))
            .map_err(|denied| Error::UserNotFound.unless_scope_is_short(denied))?;
    }
    Ok(user)
}

/// The user that `reference` names, whether or not the caller may know of it.
pub(crate) fn look_up(
    repos: &mut dyn Repositories,
    actor: &Principal,
    reference: &UserRef,
) -> Result<Option<User>, StoreError> {
    match reference {
        UserRef::Me => actor.user_id().map_or(Ok(None), |id| repos.users().find(id)),
        UserRef::Id(id) => repos.users().find(*id),
        UserRef::Name(name) => repos.users().find_by_username(name),
    }
}

/// Like [`resolve`], for use cases that change the user: those that are deleted or part of the server are out of reach.
pub(crate) fn resolve_live(
    repos: &mut dyn Repositories,
    actor: &Principal,
    reference: &UserRef,
) -> Result<User, Error> {
    let user = resolve(repos, actor, reference)?;
    if user.deleted || user.is_system { Err(Error::UserNotFound) } else { Ok(user) }
}
