//! What a caller of the store can react to.

use std::error::Error as StdError;
use std::fmt;

/// A rule of the store that a write would break, by its name. What people are told of it is for the use cases to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Conflict {
    /// Another user has this name.
    Username,
    /// Another user has this address.
    Email,
    /// The account at an identity provider is linked to a user already.
    UserLink,
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
    /// Another version of the template has this name.
    TemplateVersionName,
    /// Another workspace of the owner has this name.
    WorkspaceName,
    /// Another workspace proxy has this name.
    ProxyName,
    /// The workspace has a build of this number already.
    BuildNumber,
    /// A random value came out twice: ids, prefixes.
    Random,
    /// The directory has another user of this name.
    ScimUserName,
    /// The directory has another group of this name.
    ScimDisplayName,
    /// The directory has given this id to something else.
    ScimExternalId,
    /// The licence is stored already.
    License,
    /// Another provisioner key of the organization has this name.
    ProvisionerKeyName,
    /// There is a first user already.
    FirstUser,
    /// No active owner would be left.
    LastOwner,
}

/// Why the store cannot serve at the moment; trying again later may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outage {
    /// There is no connection to the database, or it was lost; it is stopped, starting, or the network is gone.
    Unreachable,
    /// The database took what it was asked and does not answer in time.
    Silent,
    /// More was asked than it can do: no connection became free, or a statement took too long.
    Overloaded,
    /// There is no room on the disk of the database.
    Full,
    /// The database can be read and takes no changes: a standby, or a file that may not be written.
    ReadOnly,
    /// Tables are not there: the database was emptied or replaced while the server runs.
    MissingTables,
    /// Others changed the same things at the same moment, again and again.
    Conflict,
}

impl Outage {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Unreachable,
        Self::Silent,
        Self::Overloaded,
        Self::Full,
        Self::ReadOnly,
        Self::MissingTables,
        Self::Conflict,
    ];

    /// One word, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Silent => "silent",
            Self::Overloaded => "overloaded",
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::MissingTables => "missing_tables",
            Self::Conflict => "conflict",
        }
    }

    /// Whether the database takes changes, as far as this tells: else it can only be read for now.
    #[must_use]
    pub const fn takes_changes(self) -> bool {
        !matches!(self, Self::ReadOnly | Self::Full)
    }

    /// Whether the database as a whole is away, for reading too.
    #[must_use]
    pub const fn is_away(self) -> bool {
        matches!(self, Self::Unreachable | Self::Silent)
    }
}

/// A sentence for people, without a period; it tells nothing that is for the log only.
impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "the database cannot be reached",
            Self::Silent => "the database does not answer",
            Self::Overloaded => "the server is overloaded",
            Self::Full => "the disk of the database is full",
            Self::ReadOnly => "the database takes no changes at the moment",
            Self::MissingTables => "the database lacks its tables",
            Self::Conflict => "others changed the same things at the same moment",
        })
    }
}

/// An outage with its cause, which is for the log.
#[derive(Debug, thiserror::Error)]
#[error("{outage}: {source}")]
pub struct Unavailable {
    /// What kind of outage it is.
    pub outage: Outage,
    /// What the database or its driver said.
    pub source: Box<dyn StdError + Send + Sync>,
}

/// Why the store did not do what it was asked.
///
/// "Not found" is not among these: it is `None`, or a count of zero.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A rule would be broken; nothing was written.
    #[error("a rule of the store would be broken: {0:?}")]
    Conflict(Conflict),
    /// The database cannot serve at the moment; trying again later may help.
    #[error(transparent)]
    Unavailable(Unavailable),
    /// Others got in the way: the transaction cannot be put in order with theirs, or they deleted what it refers to. The store
    /// has tried again, in vain; trying later may help.
    #[error("others got in the way: {0}")]
    Serialization(#[source] Box<dyn StdError + Send + Sync>),
    /// Anything else: a programming error or a broken database.
    #[error("the database failed: {0}")]
    Other(#[source] Box<dyn StdError + Send + Sync>),
}

impl StoreError {
    /// An outage and its cause.
    pub fn unavailable(outage: Outage, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Unavailable(Unavailable { outage, source: cause.into() })
    }

    /// The outage that this is, if it is one.
    #[must_use]
    pub const fn outage(&self) -> Option<Outage> {
        match self {
            Self::Unavailable(unavailable) => Some(unavailable.outage),
            Self::Serialization(_) => Some(Outage::Conflict),
            Self::Conflict(_) | Self::Other(_) => None,
        }
    }

    /// Wraps a cause that nobody can react to.
    pub fn other(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Other(cause.into())
    }
}
