//! From what a database says to what a caller can react to.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use doorward_ports::{Conflict, StoreError};
use std::error::Error as StdError;
use std::fmt;

/// A stored row that is no entity.
#[derive(Debug, thiserror::Error)]
#[error("row `{id}` of table `{table}` has a bad value in column `{column}`")]
pub(crate) struct RowError {
    table: &'static str,
    column: &'static str,
    id: String,
    #[source]
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl RowError {
    /// The value in `table.column` of the row `id` cannot be read.
    pub(crate) fn new(table: &'static str, column: &'static str, id: impl fmt::Display) -> Self {
        Self { table, column, id: id.to_string(), source: None }
    }

    /// And this is why.
    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// What goes wrong inside a repository.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Diesel(#[from] DieselError),
    #[error(transparent)]
    Row(#[from] RowError),
    /// A rule that the repository itself enforces.
    #[error("{0}")]
    Conflict(Conflict),
}

/// One unique rule, in the spelling of either database: PostgreSQL reports its name, SQLite its columns.
struct Unique {
    postgres: &'static str,
    sqlite: &'static str,
    conflict: Conflict,
}

const fn unique(postgres: &'static str, sqlite: &'static str, conflict: Conflict) -> Unique {
    Unique { postgres, sqlite, conflict }
}

/// Every unique rule that a caller may run into. The contract suite proves both spellings.
const UNIQUE: [Unique; 30] = [
    unique("users_email_unique", "users.email_key", Conflict::Email),
    unique("users_username_unique", "users.username_key", Conflict::Username),
    unique("organizations_name_unique", "organizations.name_key", Conflict::OrganizationName),
    unique("organizations_default_unique", "organizations.is_default", Conflict::OrganizationName),
    unique(
        "organization_members_pkey",
        "organization_members.organization_id, organization_members.user_id",
        Conflict::Membership,
    ),
    unique("custom_roles_site_unique", "custom_roles.name", Conflict::RoleName),
    unique("custom_roles_organization_unique", "custom_roles.organization_id, custom_roles.name", Conflict::RoleName),
    unique("groups_name_unique", "groups.organization_id, groups.name", Conflict::GroupName),
    unique("group_members_pkey", "group_members.group_id, group_members.user_id", Conflict::GroupMembership),
    unique("templates_name_unique", "templates.organization_id, templates.name_key", Conflict::TemplateName),
    unique("workspaces_name_unique", "workspaces.owner_id, workspaces.name_key", Conflict::WorkspaceName),
    unique(
        "workspace_builds_number_unique",
        "workspace_builds.workspace_id, workspace_builds.build_number",
        Conflict::BuildNumber,
    ),
    unique("api_keys_token_name_unique", "api_keys.user_id, api_keys.token_name", Conflict::TokenName),
    unique("api_keys_grant_unique", "api_keys.grant_id", Conflict::Random),
    unique("oauth2_app_secrets_prefix_unique", "oauth2_app_secrets.prefix", Conflict::Random),
    unique("oauth2_codes_prefix_unique", "oauth2_codes.prefix", Conflict::Random),
    unique("oauth2_grants_refresh_prefix_unique", "oauth2_grants.refresh_prefix", Conflict::Random),
    unique("users_pkey", "users.id", Conflict::Random),
    unique("organizations_pkey", "organizations.id", Conflict::Random),
    unique("custom_roles_pkey", "custom_roles.id", Conflict::Random),
    unique("groups_pkey", "groups.id", Conflict::Random),
    unique("oauth2_apps_pkey", "oauth2_apps.id", Conflict::Random),
    unique("oauth2_app_secrets_pkey", "oauth2_app_secrets.id", Conflict::Random),
    unique("oauth2_codes_pkey", "oauth2_codes.id", Conflict::Random),
    unique("oauth2_grants_pkey", "oauth2_grants.id", Conflict::Random),
    unique("api_keys_pkey", "api_keys.id", Conflict::Random),
    unique("templates_pkey", "templates.id", Conflict::Random),
    unique("workspaces_pkey", "workspaces.id", Conflict::Random),
    unique("workspace_builds_pkey", "workspace_builds.id", Conflict::Random),
    unique("audit_logs_pkey", "audit_logs.id", Conflict::Random),
];

/// How the messages begin of errors that pass: neither database's driver hands out a code for these.
const PASSING: [&str; 11] = [
    // PostgreSQL
    "canceling statement due to",
    "terminating connection",
    "deadlock detected",
    "the database system is",
    "sorry, too many clients already",
    "remaining connection slots are reserved",
    "server closed the connection unexpectedly",
    "cannot connect now",
    // SQLite
    "database is locked",
    "database table is locked",
    "database or disk is full",
];

impl Error {
    /// What the caller of a repository is told.
    pub(crate) fn into_store_error(self) -> StoreError {
        match self {
            Self::Conflict(conflict) => StoreError::Conflict(conflict),
            Self::Diesel(error) => store_error(error),
            Self::Row(error) => StoreError::Other(error.into()),
        }
    }
}

/// What the caller of the store is told when a statement fails.
pub(crate) fn store_error(error: DieselError) -> StoreError {
    if let DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, violation) = &error {
        let name = violation.constraint_name();
        let columns = violation.message().strip_prefix("UNIQUE constraint failed: ");
        let broken = |rule: &&Unique| name == Some(rule.postgres) || columns == Some(rule.sqlite);
        if let Some(rule) = UNIQUE.iter().find(broken) {
            return StoreError::Conflict(rule.conflict);
        }
    }
    if let DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) = &error {
        return StoreError::Serialization(error.into());
    }
    if is_passing(&error) { StoreError::Unavailable(error.into()) } else { StoreError::Other(error.into()) }
}

fn is_passing(error: &DieselError) -> bool {
    let DieselError::DatabaseError(kind, cause) = error else {
        // Both are what is left of a connection that was lost in the middle of a transaction.
        return matches!(error, DieselError::BrokenTransactionManager | DieselError::RollbackErrorOnCommit { .. });
    };
    matches!(
        kind,
        DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction
    ) || PASSING.iter().any(|start| cause.message().starts_with(start))
}
