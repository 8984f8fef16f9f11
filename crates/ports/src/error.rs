//! What a caller of the store can react to.

use std::error::Error as StdError;
use std::fmt;

/// A unique value that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Conflict {
    /// Another user has this name.
    Username,
    /// Another user has this address.
    Email,
    /// Another organization has this name.
    OrganizationName,
    /// The organization has been deleted.
    OrganizationDeleted,
    /// The user is a member already.
    Membership,
    /// The user has a token of this name.
    TokenName,
    /// Another custom role has this name.
    RoleName,
    /// Another group of the organization has this name.
    GroupName,
    /// The user is in the group already.
    GroupMembership,
    /// Another template of the organization has this name.
    TemplateName,
    /// Another workspace of the owner has this name.
    WorkspaceName,
    /// The workspace has a build of this number already.
    BuildNumber,
    /// A random value came out twice: ids, prefixes.
    Random,
    /// There is a first user already.
    FirstUser,
    /// No active owner would be left.
    LastOwner,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Username => "the user name is taken",
            Self::Email => "the address is taken",
            Self::OrganizationName => "the organization name is taken",
            Self::OrganizationDeleted => "the organization has been deleted",
            Self::Membership => "the user is a member already",
            Self::TokenName => "a token with this name exists already",
            Self::RoleName => "the role name is taken",
            Self::GroupName => "the group name is taken",
            Self::GroupMembership => "the user is in the group already",
            Self::TemplateName => "the template name is taken",
            Self::WorkspaceName => "the workspace name is taken",
            Self::BuildNumber => "somebody else built the workspace at the same moment",
            Self::Random => "a random value came out twice",
            Self::FirstUser => "the first user exists already",
            Self::LastOwner => "no active owner would be left",
        })
    }
}

/// Why the store did not do what it was asked.
///
/// "Not found" is not among these: it is `None`, or a count of zero.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique value is taken; nothing was written.
    #[error("{0}")]
    Conflict(Conflict),
    /// The database cannot be reached or is overloaded; trying again later may help.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// The transaction cannot be put in order with others that ran at the same time; trying again may help.
    #[error("the transaction cannot be serialized: {0}")]
    Serialization(#[source] Box<dyn StdError + Send + Sync>),
    /// Anything else: a programming error or a broken database.
    #[error("the database failed: {0}")]
    Other(#[source] Box<dyn StdError + Send + Sync>),
}

impl StoreError {
    /// Wraps a cause that nobody can react to.
    pub fn other(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Other(cause.into())
    }
}
