//! What writes change for requests that others make: who a cached subject is, and what it may do.

use doorward_domain::ids::{AppId, GroupId, OrganizationId, UserId};
use doorward_domain::sessions::ApiKeyId;

/// Something that a cached subject depends on has changed, or may have.
///
/// Repositories report it when they write; after the commit, whoever keeps subjects forgets those concerned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// A user: status, name, site roles, memberships, groups, or all of its keys.
    User(UserId),
    /// One key: its secret, scopes, expiry, or that it exists.
    Key(ApiKeyId),
    /// The keys that belong to an OAuth2 app.
    App(AppId),
    /// The members of a group, all at once.
    Group(GroupId),
    /// The members of an organization, all at once: its custom roles, or the organization itself.
    Organization(OrganizationId),
    /// More than can be told.
    Everything,
}
