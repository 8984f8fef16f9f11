//! A fresh database for every test, and things to put into it.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection};
use doorward_domain::groups::{Group, GroupSource};
use doorward_domain::ids::{AppId, OrganizationId, UserId};
use doorward_domain::names::{
    DisplayName, Email, GroupName, OrganizationName, RealName, TemplateName, Username, WorkspaceName,
};
use doorward_domain::oauth2::{
    App, AppSecret, Authorization, AuthorizationCode, ClientType, ExchangedTokens, Grant, RedirectMatch, RedirectUri,
    Scopes,
};
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::roles::{
    ActionMarker, CustomRole, DefaultRoles, Permission, Permit, ResourceMarker, RoleName, RoleNames, System,
};
use doorward_domain::sessions::{ApiKey, ApiKeyId, OAuth2Binding};
use doorward_domain::settings::Section as _;
use doorward_domain::templates::{Template, TemplateSettings, everyone};
use doorward_domain::users::{LoginType, PasswordHash, User, UserStatus};
use doorward_domain::workspaces::{Build, Outcome, Transition, Workspace};
use doorward_domain::{Digest, Instant};
use doorward_ports::oauth2::{ClientCredentials, Rotation};
use doorward_ports::{Repositories, Store, StoreError};
use doorward_storage::{DatabaseKind, Opened, Options, PoolHandle, open};
use doorward_testkit::postgres;
use doorward_testkit::settings::defaults;
use std::sync::atomic::{AtomicU64, Ordering};
use time::Duration;
use time::macros::datetime;
use uuid::Uuid;

/// When everything happens.
pub(crate) const NOW: Instant = datetime!(2026-03-01 12:34:56.789012 UTC);

/// Ends all connections of stores to this database.
pub(crate) const END_CONNECTIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'doorward'";

/// Defines tests that run on both databases.
macro_rules! contract {
    ($(async fn $name:ident($db:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn contract($db: Fixture) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                contract(Fixture::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                contract(Fixture::postgres()).await;
            }
        }
    )+};
}
pub(crate) use contract;

/// An open database of its own.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) pool: PoolHandle,
    pub(crate) url: String,
    _guard: Guard,
}

#[expect(dead_code, reason = "kept for being dropped")]
enum Guard {
    Folder(tempfile::TempDir),
    Database(postgres::Database),
}

/// A number that changes with the migrations.
fn migrations_mark() -> u64 {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../migrations/postgres");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().join("up.sql")).collect();
    files.sort();
    let schema: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    Digest::of(&schema).as_bytes().iter().take(6).fold(0_u64, |mark, byte| mark << 8 | u64::from(*byte))
}

pub(crate) fn options() -> Options {
    Options { pool_size: 4, ..defaults(Options::NAME) }
}

impl Fixture {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("doorward.db").display());
        let Opened { store, pool } = open(&url, &options()).unwrap();
        Self { store, pool, url, _guard: Guard::Folder(folder) }
    }

    pub(crate) fn postgres() -> Self {
        // Databases are copied from one that was migrated once; its name tells the migrations apart.
        let mark = migrations_mark();
        let cluster = postgres::cluster().unwrap();
        let migrate = |url: &str| doorward_storage::run_migrations(url, &options()).map(drop).map_err(Into::into);
        let template = cluster.template(&format!("storage_{mark:x}"), migrate).unwrap();
        let database = cluster.fresh_database_from(&template).unwrap();
        let url = database.url();
        let Opened { store, pool } = open(&url, &options()).unwrap();
        Self { store, pool, url, _guard: Guard::Database(database) }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.pool.kind() == DatabaseKind::Postgres
    }

    /// Opens the same database once more, as another server would.
    pub(crate) fn open_again(&self) -> Opened {
        open(&self.url, &options()).unwrap()
    }

    /// Does something in one transaction that must succeed.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Repositories) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> T {
        self.store.write(work).await.unwrap()
    }

    /// Does something in one transaction that must fail.
    pub(crate) async fn refused<T: Send + std::fmt::Debug + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Repositories) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> StoreError {
        self.store.write(work).await.unwrap_err()
    }

    /// Reads something.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Repositories) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> T {
        self.store.read(work).await.unwrap()
    }

    /// Ends the connections of all stores to this database, and waits until they are gone. On PostgreSQL.
    pub(crate) fn end_connections(&self) {
        let mut conn = PgConnection::establish(&self.url).unwrap();
        conn.batch_execute(END_CONNECTIONS).unwrap();
        let alive = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND application_name = 'doorward'";
        while self.number(alive) > 0 {
            std::thread::yield_now();
        }
    }

    /// Runs SQL past the store.
    pub(crate) fn execute(&self, sql: &str) {
        if self.is_postgres() {
            PgConnection::establish(&self.url).unwrap().batch_execute(sql).unwrap();
        } else {
            let mut conn = self.sqlite_connection();
            conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON;").unwrap();
            conn.batch_execute(sql).unwrap();
        }
    }

    pub(crate) fn sqlite_connection(&self) -> SqliteConnection {
        SqliteConnection::establish(self.url.strip_prefix("sqlite://").unwrap()).unwrap()
    }

    /// An id as it is written in SQL.
    pub(crate) fn uuid(&self, id: Uuid) -> String {
        if self.is_postgres() { format!("'{id}'") } else { format!("x'{}'", id.simple()) }
    }

    /// The number that a query answers.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        if self.is_postgres() {
            return number_in(&self.url, sql);
        }
        let query = diesel::sql_query(format!("SELECT ({sql}) AS n"));
        let row: Number = query.get_result(&mut self.sqlite_connection()).unwrap();
        row.n
    }

    /// Rows of a table.
    pub(crate) fn rows(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}"))
    }

    /// The lines that a query answers, on PostgreSQL.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            t: String,
        }
        let rows: Vec<Row> = diesel::sql_query(sql).load(&mut PgConnection::establish(&self.url).unwrap()).unwrap();
        rows.into_iter().map(|row| row.t).collect()
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The number that a query answers, on PostgreSQL.
pub(crate) fn number_in(url: &str, sql: &str) -> i64 {
    let query = diesel::sql_query(format!("SELECT ({sql}) AS n"));
    let row: Number = query.get_result(&mut PgConnection::establish(url).unwrap()).unwrap();
    row.n
}

/// A permit for anything: here the storage is tested, not who may use it.
pub(crate) fn permit<A: ActionMarker, R: ResourceMarker>() -> Permit<A, R> {
    System::because("a test").permit()
}

fn next() -> u64 {
    static COUNTER: AtomicU64 = AtomicU64::new(1);
    COUNTER.fetch_add(1, Ordering::Relaxed)
}

/// An id that was not there before.
pub(crate) fn id<T: From<Uuid>>() -> T {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(next())).into()
}

/// Ten characters that were not there before.
pub(crate) fn random_text() -> String {
    format!("r{:09}", next())
}

pub(crate) fn key_id() -> ApiKeyId {
    ApiKeyId::new(random_text()).unwrap()
}

pub(crate) fn username(text: &str) -> Username {
    text.parse().unwrap()
}

/// Names of roles in this order, as they may be stored.
pub(crate) fn role_names(names: &[&str]) -> RoleNames {
    RoleNames::from_storage(names.iter().map(|name| (*name).to_owned()).collect())
}

pub(crate) fn real_name(text: &str) -> RealName {
    text.parse().unwrap()
}

pub(crate) fn user(name: &str) -> User {
    User {
        id: id(),
        email: Some(Email::from_storage(format!("{name}@Example.com"))),
        username: Username::from_storage(name.to_owned()),
        name: RealName::from_storage(format!("{name} the Great")),
        avatar_url: "/a.png".to_owned(),
        password_hash: Some(PasswordHash::new("$argon2id$x".to_owned())),
        status: UserStatus::Active,
        login_type: LoginType::Password,
        roles: role_names(&["auditor"]),
        created_at: NOW,
        updated_at: NOW,
        last_seen_at: None,
        deleted: false,
        is_system: false,
        theme_preference: "dark".to_owned(),
        terminal_font: "fira-code".to_owned(),
    }
}

pub(crate) fn organization(name: &str) -> Organization {
    Organization {
        id: id(),
        name: OrganizationName::from_storage(name.to_owned()),
        display_name: DisplayName::from_storage(format!("The {name}")),
        description: "about".to_owned(),
        icon: "/o.svg".to_owned(),
        created_at: NOW,
        updated_at: NOW,
        is_default: false,
        default_roles: DefaultRoles::default(),
    }
}

pub(crate) fn membership(organization_id: OrganizationId, user_id: UserId) -> Membership {
    Membership {
        organization_id,
        user_id,
        roles: role_names(&["organization-auditor"]),
        created_at: NOW,
        updated_at: NOW + Duration::SECOND,
    }
}

/// A custom role that grants this in its organization.
pub(crate) fn custom(name: &str, place: Option<OrganizationId>, grants: &[Permission]) -> CustomRole {
    let full = place.map_or_else(|| RoleName::site(name), |place| RoleName::organization(name, place.0));
    CustomRole::new(full, format!("The {name}"), Vec::new(), grants.to_vec(), Vec::new())
}

/// An organization with these users as members.
pub(crate) async fn populate(db: &Fixture, names: &[&str]) -> (Organization, Vec<User>) {
    let place = organization("acme");
    let users: Vec<User> = names.iter().map(|name| user(name)).collect();
    let made = (place.clone(), users.clone());
    db.write(move |repos| {
        repos.organizations().insert(&permit(), &place)?;
        users.iter().try_for_each(|user| {
            repos.users().insert(&permit(), user)?;
            repos.organizations().insert_member(&permit(), &membership(place.id, user.id))
        })
    })
    .await;
    made
}

/// A group without members.
pub(crate) fn group(organization_id: OrganizationId, name: &str, quota_allowance: i32) -> Group {
    Group {
        id: id(),
        organization_id,
        name: GroupName::from_storage(name.to_owned()),
        display_name: DisplayName::default(),
        avatar_url: String::new(),
        quota_allowance,
        source: GroupSource::User,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// A template that all members may use.
pub(crate) fn template(organization_id: OrganizationId, created_by: UserId, name: &str) -> Template {
    Template {
        id: id(),
        organization_id,
        name: TemplateName::from_storage(name.to_owned()),
        display_name: DisplayName::from_storage(format!("The {name}")),
        description: "about".to_owned(),
        icon: "/t.svg".to_owned(),
        active_version_id: Some(id()),
        created_by,
        created_at: NOW,
        updated_at: NOW,
        deleted: false,
        user_acl: doorward_domain::roles::Acl::new(),
        group_acl: everyone(organization_id),
        deprecation_message: String::new(),
        settings: TemplateSettings { default_ttl_ms: 7, ..TemplateSettings::default() },
    }
}

/// A workspace of the one who made the template.
pub(crate) fn workspace(of: &Template, name: &str) -> Workspace {
    Workspace {
        id: id(),
        owner_id: of.created_by,
        organization_id: of.organization_id,
        template_id: of.id,
        name: WorkspaceName::from_storage(name.to_owned()),
        created_at: NOW,
        updated_at: NOW,
        last_used_at: NOW,
        dormant_at: None,
        deleted: false,
    }
}

/// A successful start.
pub(crate) fn build(of: &Workspace, build_number: i32, daily_cost: i32) -> Build {
    Build {
        id: id(),
        workspace_id: of.id,
        build_number,
        transition: Transition::Start,
        outcome: Outcome::Succeeded,
        error: String::new(),
        daily_cost,
        template_version_id: None,
        initiator_id: of.owner_id,
        created_at: NOW + Duration::SECOND,
        job_id: None,
    }
}

/// An organization, a member of it, and a template that the member made.
pub(crate) async fn templated(db: &Fixture) -> (Organization, User, Template) {
    let (acme, ann) = (organization("acme"), user("ann"));
    let dev = template(acme.id, ann.id, "Dev");
    let all = (acme.clone(), ann.clone(), dev.clone());
    db.write(move |repos| {
        repos.organizations().insert(&permit(), &acme)?;
        repos.users().insert(&permit(), &ann)?;
        repos.organizations().insert_member(&permit(), &membership(acme.id, ann.id))?;
        repos.templates().insert(&permit(), &dev)
    })
    .await;
    all
}

/// These scopes, as they would be stored.
pub(crate) fn scopes(text: &str) -> Scopes {
    Scopes::from_storage(text)
}

/// A session of a browser.
pub(crate) fn session(user: &User) -> ApiKey {
    ApiKey {
        id: key_id(),
        user_id: user.id,
        secret_digest: Digest::of(random_text()),
        login_type: LoginType::Password,
        scopes: Scopes::all(),
        allow_list: None,
        token_name: String::new(),
        ip: "192.0.2.1".to_owned(),
        created_at: NOW,
        updated_at: NOW,
        last_used: None,
        expires_at: NOW + Duration::DAY,
        lifetime_seconds: 86_400,
        slides_until: None,
        oauth2: None,
    }
}

/// An API token.
pub(crate) fn token(user: &User, name: &str) -> ApiKey {
    ApiKey { login_type: LoginType::Token, token_name: name.to_owned(), ..session(user) }
}

pub(crate) fn app(name: &str) -> App {
    App {
        id: id(),
        name: name.to_owned(),
        icon: String::new(),
        redirect_uris: vec![RedirectUri::from_storage("https://app.example/cb".to_owned())],
        redirect_match: RedirectMatch::Exact,
        client_type: ClientType::Confidential,
        require_pkce: true,
        allowed_scopes: None,
        allowed_resources: None,
        resources: Vec::new(),
        service_account_id: None,
        created_at: NOW,
        updated_at: NOW,
        revision: 0,
    }
}

pub(crate) fn public_app(name: &str) -> App {
    App { client_type: ClientType::Public, ..app(name) }
}

pub(crate) fn secret(app: &App) -> AppSecret {
    AppSecret {
        id: id(),
        app_id: app.id,
        prefix: random_text(),
        digest: Digest::of(random_text()),
        display_suffix: "abcdef".to_owned(),
        created_at: NOW,
        last_used_at: None,
    }
}

pub(crate) fn client(secret: &AppSecret) -> ClientCredentials {
    ClientCredentials { app_id: secret.app_id, secret: Some((secret.prefix.clone(), secret.digest)) }
}

pub(crate) fn public_client(app_id: AppId) -> ClientCredentials {
    ClientCredentials { app_id, secret: None }
}

pub(crate) fn code(app: &App, user: &User) -> AuthorizationCode {
    AuthorizationCode {
        id: id(),
        prefix: random_text(),
        digest: Digest::of(random_text()),
        app_id: app.id,
        user_id: user.id,
        redirect_uri: Some("https://app.example/cb".to_owned()),
        challenge: None,
        authorization: Authorization { scopes: Scopes::all(), resource: None },
        created_at: NOW,
        expires_at: NOW + Duration::minutes(10),
        redeemed: None,
        implied_redirect_uri: None,
    }
}

/// A grant and the key that is its access token.
pub(crate) fn grant(app: &App, secret: Option<&AppSecret>, user: &User) -> (Grant, ApiKey) {
    let grant = Grant {
        id: id(),
        app_id: app.id,
        user_id: user.id,
        secret_id: secret.map(|secret| secret.id),
        authorization: Authorization { scopes: scopes("user:read workspace:read"), resource: None },
        access_key_id: key_id(),
        access_expires_at: NOW + Duration::HOUR,
        refresh_prefix: random_text(),
        refresh_digest: Digest::of("refresh 0"),
        refresh_expires_at: NOW + 30 * Duration::DAY,
        exchanged: ExchangedTokens::default(),
        generation: 0,
        created_at: NOW,
        app_revision: 0,
    };
    let key = ApiKey {
        id: grant.access_key_id.clone(),
        login_type: LoginType::Oauth2ProviderApp,
        secret_digest: Digest::of("access 0"),
        scopes: grant.authorization.scopes.clone(),
        token_name: format!("{}_{}_oauth_session_token", user.id, app.id),
        expires_at: grant.access_expires_at,
        lifetime_seconds: 3600,
        slides_until: None,
        oauth2: Some(OAuth2Binding {
            app_id: app.id,
            grant_id: Some(grant.id),
            secret_id: grant.secret_id,
            audience: None,
            slides_until: grant.refresh_expires_at,
            unused: false,
        }),
        ..session(user)
    };
    (grant, key)
}

/// The exchange of the refresh token of generation `n` for the next.
pub(crate) fn rotation(client: ClientCredentials, grant: &Grant, n: i64) -> Rotation {
    let now = NOW + Duration::minutes(n + 1);
    Rotation {
        client,
        prefix: grant.refresh_prefix.clone(),
        presented: Digest::of(format!("refresh {n}")),
        next: Digest::of(format!("refresh {}", n + 1)),
        next_access: Digest::of(format!("access {}", n + 1)),
        now,
        refresh_expires_at: now + 30 * Duration::DAY,
        access_expires_at: now + 2 * Duration::HOUR,
        access_lifetime_seconds: 7200,
        resources: None,
    }
}

/// An app with a secret, a user, and a grant between them, stored.
pub(crate) struct Granted {
    pub(crate) user: User,
    pub(crate) app: App,
    pub(crate) secret: AppSecret,
    pub(crate) grant: Grant,
    pub(crate) key: ApiKey,
}

impl Granted {
    pub(crate) async fn in_store(db: &Fixture) -> Self {
        let (user, app) = (user(&format!("user{}", next())), app("app"));
        let secret = secret(&app);
        let (grant, key) = grant(&app, Some(&secret), &user);
        let all = (user.clone(), app.clone(), secret.clone(), grant.clone(), key.clone());
        db.write(move |repos| {
            let (user, app, secret, grant, key) = all;
            repos.users().insert(&permit(), &user)?;
            repos.apps().insert(&permit(), &app)?;
            repos.apps().insert_secret(&permit(), &secret)?;
            repos.grants().insert(&permit(), &grant, &key)
        })
        .await;
        Self { user, app, secret, grant, key }
    }

    pub(crate) fn client(&self) -> ClientCredentials {
        client(&self.secret)
    }
}
