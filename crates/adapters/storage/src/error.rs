//! From what a database says to what a caller can react to.

mod signs;
mod tls;

use diesel::result::{ConnectionError, DatabaseErrorKind, Error as DieselError};
use doorward_domain::roles::ResourceType;
use doorward_ports::{Conflict, Outage, StoreError};
use std::error::Error as StdError;
use std::fmt;
pub(crate) use tls::is_unsafe;

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
    /// The permit is for something else than what was to be written.
    #[error("the permit is for another {0}")]
    NotPermitted(ResourceType),
    /// A write found no room a moment ago.
    #[error("a write has found the disk full a moment ago")]
    NoRoom,
    /// A rule that the repository itself enforces.
    #[error("a rule of the store would be broken: {0:?}")]
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

/// Every unique rule that a caller may run into, but primary keys named `id`: that these clash means the same everywhere. The
/// contract suite proves both spellings.
const UNIQUE: [Unique; 30] = [
    unique("users_email_unique", "users.email_key", Conflict::Email),
    unique("users_username_unique", "users.username_key", Conflict::Username),
    unique("user_links_pkey", "user_links.issuer, user_links.subject", Conflict::UserLink),
    unique("organizations_name_unique", "organizations.name_key", Conflict::OrganizationName),
    unique("organizations_default_unique", "organizations.is_default", Conflict::OrganizationName),
    unique(
        "organization_members_pkey",
        "organization_members.organization_id, organization_members.user_id",
        Conflict::Membership,
    ),
    unique("custom_roles_name_unique", "custom_roles.name", Conflict::RoleName),
    unique("groups_name_unique", "groups.organization_id, groups.name", Conflict::GroupName),
    unique("group_members_pkey", "group_members.group_id, group_members.user_id", Conflict::GroupMembership),
    unique("templates_name_unique", "templates.organization_id, templates.name_key", Conflict::TemplateName),
    unique(
        "template_versions_name_unique",
        "template_versions.template_id, template_versions.name_key",
        Conflict::TemplateVersionName,
    ),
    unique("workspaces_name_unique", "workspaces.owner_id, workspaces.name_key", Conflict::WorkspaceName),
    unique("workspace_proxies_name_unique", "workspace_proxies.name_key", Conflict::ProxyName),
    unique(
        "workspace_builds_number_unique",
        "workspace_builds.workspace_id, workspace_builds.build_number",
        Conflict::BuildNumber,
    ),
    unique("api_keys_token_name_unique", "api_keys.user_id, api_keys.token_name", Conflict::TokenName),
    unique("scim_users_user_name_unique", "scim_users.directory, scim_users.user_name_key", Conflict::ScimUserName),
    unique("scim_users_external_id_unique", "scim_users.directory, scim_users.external_id", Conflict::ScimExternalId),
    unique(
        "scim_groups_display_name_unique",
        "scim_groups.directory, scim_groups.display_name_key",
        Conflict::ScimDisplayName,
    ),
    unique(
        "scim_groups_external_id_unique",
        "scim_groups.directory, scim_groups.external_id",
        Conflict::ScimExternalId,
    ),
    unique(
        "provisioner_keys_name_unique",
        "provisioner_keys.organization_id, provisioner_keys.name",
        Conflict::ProvisionerKeyName,
    ),
    unique("provisioner_keys_digest_unique", "provisioner_keys.digest", Conflict::Random),
    unique("api_keys_grant_unique", "api_keys.grant_id", Conflict::Random),
    unique("oauth2_app_secrets_prefix_unique", "oauth2_app_secrets.prefix", Conflict::Random),
    unique("scim_tokens_prefix_unique", "scim_tokens.prefix", Conflict::Random),
    unique("licenses_digest_unique", "licenses.digest", Conflict::License),
    unique("oauth2_registration_tokens_prefix_unique", "oauth2_registration_tokens.prefix", Conflict::Random),
    unique("oauth2_codes_prefix_unique", "oauth2_codes.prefix", Conflict::Random),
    unique("oauth2_device_authorizations_prefix_unique", "oauth2_device_authorizations.prefix", Conflict::Random),
    unique("oauth2_device_authorizations_user_code_unique", "oauth2_device_authorizations.user_code", Conflict::Random),
    unique("oauth2_grants_refresh_prefix_unique", "oauth2_grants.refresh_prefix", Conflict::Random),
];

/// What the messages hold of errors that pass, and what they are a case of: neither database's driver hands out a code for
/// these. The first that fits counts. PostgreSQL says so in the language of `lc_messages`, which is set to English where that
/// is allowed; elsewhere those that matter most are known by [`signs`], by words that were learned, and by what else can be
/// seen, see `UnitOfWork::run` and `Turn::with`.
const PASSING: [(&str, Outage); 18] = [
    // PostgreSQL
    ("No space left on device", Outage::Full),
    ("could not extend file", Outage::Full),
    ("canceling statement due to", Outage::Silent),
    ("deadlock detected", Outage::Conflict),
    ("too many clients already", Outage::Overloaded),
    ("too many connections", Outage::Overloaded),
    ("remaining connection slots are reserved", Outage::Overloaded),
    // A pooler.
    ("no more connections allowed", Outage::Overloaded),
    ("terminating connection", Outage::Unreachable),
    ("the database system is", Outage::Unreachable),
    ("server closed the connection unexpectedly", Outage::Unreachable),
    ("cannot connect now", Outage::Unreachable),
    // SQLite
    // Another process holds it.
    ("database is locked", Outage::Silent),
    ("database table is locked", Outage::Silent),
    ("database or disk is full", Outage::Full),
    ("attempt to write a readonly database", Outage::ReadOnly),
    ("unable to open database file", Outage::Unreachable),
    ("disk I/O error", Outage::Unreachable),
];

impl Error {
    /// Whether the database has said what is wrong in words that are not known here, as it does in another language.
    pub(crate) fn is_unnamed(&self) -> bool {
        match self {
            Self::Diesel(error @ DieselError::DatabaseError(DatabaseErrorKind::Unknown, _)) => outage(error).is_none(),
            Self::Diesel(_) | Self::Row(_) | Self::NotPermitted(_) | Self::NoRoom | Self::Conflict(_) => false,
        }
    }

    /// What the caller of a repository is told.
    pub(crate) fn into_store_error(self) -> StoreError {
        match self {
            Self::Conflict(conflict) => StoreError::Conflict(conflict),
            Self::Diesel(error) => store_error(error),
            Self::Row(error) => StoreError::Other(error.into()),
            Self::NoRoom => StoreError::unavailable(Outage::Full, self),
            Self::NotPermitted(_) => StoreError::other(self),
        }
    }

    /// What the database said, if it said anything.
    pub(crate) fn said(&self) -> Option<&str> {
        match self {
            Self::Diesel(DieselError::DatabaseError(_, said)) => Some(said.message()),
            Self::Diesel(_) | Self::Row(_) | Self::NotPermitted(_) | Self::NoRoom | Self::Conflict(_) => None,
        }
    }
}

/// What the caller of the store is told when a statement fails.
pub(crate) fn store_error(error: DieselError) -> StoreError {
    if let DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, violation) = &error {
        let name = violation.constraint_name();
        let columns = violation.message().strip_prefix("UNIQUE constraint failed: ");
        if let Some(conflict) = broken_rule(name, columns) {
            return StoreError::Conflict(conflict);
        }
    }
    // What a new row refers to was there when it was looked for, and is deleted since: the next try will not find it.
    if let DieselError::DatabaseError(
        DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::ForeignKeyViolation,
        _,
    ) = &error
    {
        return StoreError::Serialization(error.into());
    }
    match outage(&error) {
        Some(Outage::Conflict) => StoreError::Serialization(error.into()),
        Some(outage) => StoreError::unavailable(outage, error),
        None => StoreError::other(error),
    }
}

/// What a row that is there already is a case of: by the name of the rule, or by its columns.
fn broken_rule(name: Option<&str>, columns: Option<&str>) -> Option<Conflict> {
    let broken = |rule: &&Unique| name == Some(rule.postgres) || columns == Some(rule.sqlite);
    let listed = UNIQUE.iter().find(broken).map(|rule| rule.conflict);
    let is_id = || {
        let by_columns = columns.and_then(|columns| columns.split_once('.')).is_some_and(|(_, rest)| rest == "id");
        by_columns || name.is_some_and(|name| name.ends_with("_pkey"))
    };
    listed.or_else(|| is_id().then_some(Conflict::Random))
}

/// The outage that an error of a statement is a case of, if it is one.
fn outage(error: &DieselError) -> Option<Outage> {
    let DieselError::DatabaseError(kind, cause) = error else {
        // Both are what is left of a connection that was lost in the middle of a transaction.
        let lost = matches!(error, DieselError::BrokenTransactionManager | DieselError::RollbackErrorOnCommit { .. });
        return lost.then_some(Outage::Unreachable);
    };
    if let DatabaseErrorKind::ReadOnlyTransaction = kind {
        return Some(Outage::ReadOnly);
    }
    let lost = matches!(kind, DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand);
    let unnamed = matches!(kind, DatabaseErrorKind::Unknown);
    let by_signs = || if unnamed { signs::outage(&**cause) } else { None };
    outage_of(cause.message()).or(lost.then_some(Outage::Unreachable)).or_else(by_signs)
}

fn outage_of(message: &str) -> Option<Outage> {
    let passing = PASSING.iter().find(|(part, _)| message.contains(part)).map(|(_, outage)| *outage);
    passing.or_else(|| lacks_table(message).then_some(Outage::MissingTables))
}

/// Whether a table of a statement is not there (PostgreSQL: `undefined_table`, 42P01).
fn lacks_table(message: &str) -> bool {
    let postgres = message.starts_with("relation \"") && message.ends_with("\" does not exist");
    postgres || message.starts_with("no such table: ")
}

/// The URL is not one that PostgreSQL understands.
#[derive(Debug, thiserror::Error)]
#[error("the database URL is malformed; what exactly is not told, for there may be a password in it")]
struct MalformedUrl;

/// The server answers, and lets nobody in; why is said in words that are not known here.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Refused(ConnectionError);

/// Whether a server that answers has refused a connection for a reason that is not known here.
pub(crate) fn is_unnamed_refusal(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(unavailable) if unavailable.source.is::<Refused>())
}

/// The same refusal, of which nothing more is to be guessed.
pub(crate) fn as_told(error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(unavailable) if unavailable.source.is::<Refused>() => {
            StoreError::unavailable(unavailable.outage, unavailable.source.to_string())
        }
        StoreError::Unavailable(_) | StoreError::Conflict(_) | StoreError::Serialization(_) | StoreError::Other(_) => {
            error
        }
    }
}

/// Why there is no connection. The driver repeats the URL, or parts of it, when it cannot read it.
pub(crate) fn connect_error(error: ConnectionError) -> StoreError {
    const ABOUT_URL: [&str; 12] = [
        "URI",
        "percent-encoded",
        "forbidden value",
        "connection option",
        "connection info",
        "\"=\"",
        "invalid port number",
        // sslmode, sslnegotiation, sslcertmode.
        "invalid ssl",
        "invalid \"ssl",
        "sslnegotiation value",
        "invalid channel_binding value",
        "invalid target_session_attrs value",
    ];
    let message = error.to_string();
    if ABOUT_URL.iter().any(|part| message.contains(part)) {
        return StoreError::other(MalformedUrl);
    }
    let error = match tls::judge(error, &message) {
        Ok(judged) => return judged,
        Err(other) => other,
    };
    match outage_of(&message) {
        Some(outage) => StoreError::unavailable(outage, error),
        // What the server itself says comes after its severity (a word of its language) and two spaces.
        None if message.contains(":  ") => StoreError::unavailable(Outage::Unreachable, Refused(error)),
        None => StoreError::unavailable(Outage::Unreachable, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_has_its_name() {
        for (message, outage) in [
            ("could not extend file \"base/1/2\": No space left on device", Outage::Full),
            ("could not write to file \"pg_wal/xlogtemp.1\": No space left on device", Outage::Full),
            ("FATAL:  sorry, too many clients already", Outage::Overloaded),
            (
                "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
                Outage::Overloaded,
            ),
            ("FATAL:  too many connections for role \"doorward\"", Outage::Overloaded),
            ("canceling statement due to statement timeout", Outage::Silent),
            ("FATAL:  the database system is starting up", Outage::Unreachable),
            ("database or disk is full", Outage::Full),
            ("attempt to write a readonly database", Outage::ReadOnly),
            ("database is locked", Outage::Silent),
            ("relation \"users\" does not exist", Outage::MissingTables),
            ("no such table: users", Outage::MissingTables),
        ] {
            assert_eq!(outage_of(message), Some(outage), "{message}");
        }
        for defect in
            ["syntax error at or near \"x\"", "column \"x\" of relation \"users\" does not exist", "no such column: x"]
        {
            assert_eq!(outage_of(defect), None, "{defect}");
        }
    }

    #[test]
    fn a_primary_key_that_clashes_is_a_random_one_unless_a_rule_says_more() {
        for (name, columns, conflict) in [
            (Some("groups_pkey"), None, Some(Conflict::Random)),
            (None, Some("groups.id"), Some(Conflict::Random)),
            (Some("group_members_pkey"), None, Some(Conflict::GroupMembership)),
            (None, Some("group_members.group_id, group_members.user_id"), Some(Conflict::GroupMembership)),
            (Some("groups_name_unique"), None, Some(Conflict::GroupName)),
            (None, Some("groups.organization_id, groups.name"), Some(Conflict::GroupName)),
            (Some("some_other_unique"), None, None),
            (None, Some("some.other_id"), None),
            (None, Some("some.id, some.other"), None),
            (None, None, None),
        ] {
            assert_eq!(broken_rule(name, columns), conflict, "{name:?}, {columns:?}");
        }
    }

    #[test]
    fn a_refusal_in_another_language_is_known_as_one() {
        let said = |message: &str| connect_error(ConnectionError::BadConnection(message.to_owned()));
        for refusal in [
            "connection to server at \"db\" (192.0.2.1), port 5432 failed: FATAL:  d\u{e9}sol\u{e9}, trop de clients sont d\u{e9}j\u{e0} connect\u{e9}s",
            "connection to server on socket \"/run/.s.PGSQL.5432\" failed: \u{412}\u{410}\u{416}\u{41d}\u{41e}:  \u{441}\u{43b}\u{438}\u{448}\u{43a}\u{43e}\u{43c}",
        ] {
            assert!(is_unnamed_refusal(&said(refusal)), "{refusal}");
            assert_eq!(said(refusal).outage(), Some(Outage::Unreachable));
            let told = as_told(said(refusal));
            assert!(!is_unnamed_refusal(&told), "{refusal}");
            assert_eq!((told.outage(), told.to_string()), (Some(Outage::Unreachable), said(refusal).to_string()));
        }
        for other in [
            "connection to server at \"db\" (192.0.2.1), port 5432 failed: Connection refused\n\tIs the server running?",
            "connection to server at \"db\", port 5432 failed: FATAL:  sorry, too many clients already",
        ] {
            assert!(!is_unnamed_refusal(&said(other)), "{other}");
        }
    }

    #[test]
    fn a_password_in_a_url_that_cannot_be_read_is_not_repeated() {
        for message in [
            "invalid percent-encoded token: \"hunter2%\"",
            "missing key/value separator \"=\" in URI query parameter: \"hunter2\"",
            "unexpected character \"x\" at position 9 in URI (expected \":\" or \"/\"): \"postgres://a:hunter2@[::1]x\"",
        ] {
            let error = connect_error(ConnectionError::BadConnection(message.to_owned()));
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
        let error =
            connect_error(ConnectionError::BadConnection("connection to server at \"db\" failed: refused".into()));
        assert_eq!(error.outage(), Some(Outage::Unreachable));
    }
}
