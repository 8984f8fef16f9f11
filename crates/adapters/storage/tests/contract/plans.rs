//! How the databases go about the token path: by index, and in how many round trips.

use crate::support::*;
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::{QueryableByName, RunQueryDsl as _};
use doorward_domain::Digest;
use doorward_domain::ids::GrantId;
use doorward_domain::names::{Email, Username};
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, ResourceType, Scope, Subject};
use doorward_domain::users::{UserFilter, UserStatus};
use doorward_ports::oauth2::{ClientToken, GrantFilter, RedeemingQuery};
use doorward_ports::sessions::SessionFilter;
use doorward_ports::{Repositories, StoreError};
use doorward_storage::open;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, Once, PoisonError};
use time::Duration;
use uuid::Uuid;

pub(crate) type Log = Arc<Mutex<Vec<String>>>;

static LOGS: Mutex<Option<HashMap<String, Log>>> = Mutex::new(None);

/// Writes down the statements of connections to the databases that are watched.
#[derive(Default)]
struct Recorder(Option<Log>);

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => {
                let logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner);
                let watched = logs.iter().flatten().find(|(name, _)| url.contains(name.as_str()));
                self.0 = watched.map(|(_, log)| Arc::clone(log));
            }
            InstrumentationEvent::StartQuery { query, .. } => {
                if let Some(log) = &self.0 {
                    log.lock().unwrap_or_else(PoisonError::into_inner).push(query.to_string());
                }
            }
            InstrumentationEvent::FinishEstablishConnection { .. }
            | InstrumentationEvent::CacheQuery { .. }
            | InstrumentationEvent::FinishQuery { .. }
            | InstrumentationEvent::BeginTransaction { .. }
            | InstrumentationEvent::CommitTransaction { .. }
            | InstrumentationEvent::RollbackTransaction { .. }
            | _ => {}
        }
    }
}

/// The statements that the store sends to a database from now on.
pub(crate) fn watch(db: &Fixture) -> (doorward_ports::Store, Log) {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| set_default_instrumentation(|| Some(Box::new(Recorder::default()))).unwrap());
    let log = Log::default();
    let name = db.url.strip_prefix("sqlite://").unwrap_or(&db.url).to_owned();
    LOGS.lock().unwrap().get_or_insert_default().insert(name, Arc::clone(&log));
    let store = open(&db.url, &options()).unwrap().store;
    log.lock().unwrap().clear();
    (store, log)
}

pub(crate) fn taken(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

/// A step of the token path, which can be walked again and again.
type Step = fn(&mut dyn Repositories, &Granted, i64) -> Result<(), StoreError>;

const STEPS: [(&str, Step); 14] = [
    ("rotate", |repos, granted, n| {
        let rotated = repos.grants().rotate(&permit(), &rotation(granted.client(), &granted.grant, n))?;
        assert!(rotated.is_some(), "{n}");
        Ok(())
    }),
    ("issue_client_token", |repos, granted, _| {
        let token = ClientToken {
            jkt: None,
            client: granted.client(),
            key_id: key_id(),
            key_digest: Digest::of("x"),
            scopes: doorward_domain::oauth2::Scopes::all(),
            ip: String::new(),
            now: NOW,
            expires_at: NOW + Duration::HOUR,
        };
        assert!(repos.grants().issue_client_token(&permit(), &token)?.is_some());
        Ok(())
    }),
    ("introspect_access", |repos, granted, _| {
        let token = Some((granted.key.id.clone(), Digest::of("x")));
        let query = doorward_ports::oauth2::IntrospectionQuery { client: granted.client(), token, now: NOW };
        let found = repos.grants().introspect_access(&query)?;
        assert!(found.is_some());
        Ok(())
    }),
    ("find_owner", |repos, granted, _| {
        assert!(repos.api_keys().find_owner(&granted.key.id)?.is_some());
        Ok(())
    }),
    ("find by prefix", |repos, granted, _| {
        assert!(repos.grants().find_by_prefix(&granted.grant.refresh_prefix)?.is_some());
        repos.codes().find_by_prefix("nothing")?;
        repos.apps().find_secret_by_prefix(&granted.secret.prefix)?;
        Ok(())
    }),
    ("find by id", |repos, granted, _| {
        repos.apps().find(granted.app.id)?;
        repos.users().find(granted.user.id)?;
        repos.grants().find(granted.grant.id)?;
        repos.api_keys().find(&granted.key.id)?;
        Ok(())
    }),
    ("exchange a code", |repos, granted, _| {
        let code = code(&granted.app, &granted.user);
        let (grant, key) = grant(&granted.app, Some(&granted.secret), &granted.user);
        repos.codes().replace(&permit(), &code)?;
        let query = RedeemingQuery {
            app_id: granted.app.id,
            secret_prefix: Some(granted.secret.prefix.clone()),
            code_prefix: code.prefix.clone(),
        };
        assert!(repos.codes().find_redeeming(&query)?.user.is_some());
        repos.codes().redeem(&permit(), code.id, grant.id, NOW)?;
        repos.grants().insert(&permit(), &grant, &key)?;
        repos.grants().narrow_access(&permit(), &key.id, &doorward_domain::oauth2::Scopes::default())?;
        // As the earlier grant goes, with its key.
        repos.grants().delete(&permit(), grant.id)?;
        Ok(())
    }),
    ("revoke a key", |repos, granted, _| {
        let (grant, key) = grant(&granted.app, Some(&granted.secret), &granted.user);
        repos.grants().insert(&permit(), &grant, &key)?;
        repos.api_keys().delete(&permit(), &key.id)?;
        repos.grants().delete(&permit(), GrantId::NIL)?;
        Ok(())
    }),
    ("delete a secret", |repos, granted, _| {
        let secret = secret(&granted.app);
        let (grant, key) = grant(&granted.app, Some(&secret), &granted.user);
        repos.apps().insert_secret(&permit(), &secret)?;
        repos.grants().insert(&permit(), &grant, &key)?;
        repos.apps().delete_secret(&permit(), secret.id)?;
        Ok(())
    }),
    ("delete an app", |repos, granted, _| {
        let app = app("short-lived");
        repos.apps().insert(&permit(), &app)?;
        let (grant, key) = grant(&app, None, &granted.user);
        repos.grants().insert(&permit(), &grant, &key)?;
        repos.codes().replace(&permit(), &code(&app, &granted.user))?;
        repos.apps().delete(&permit(), app.id)?;
        Ok(())
    }),
    ("end all of a user", |repos, granted, _| {
        let user = doorward_domain::users::User {
            id: id(),
            email: Some(Email::from_storage(key_id().to_string())),
            username: Username::from_storage(key_id().to_string()),
            ..granted.user.clone()
        };
        repos.users().insert(&permit(), &user)?;
        let (grant, key) = grant(&granted.app, None, &user);
        repos.grants().insert(&permit(), &grant, &key)?;
        repos.grants().delete_of_user_and_app(&permit(), user.id, granted.app.id)?;
        repos.users().delete(&permit(), user.id, NOW)?;
        Ok(())
    }),
    ("who has roles", |repos, granted, _| {
        repos.notifications().list_user_admins()?;
        repos.notifications().list_template_admins(doorward_domain::ids::OrganizationId::NIL)?;
        repos.users().is_last_owner(granted.user.id)?;
        Ok(())
    }),
    ("sessions and grants as others look at them", |repos, granted, _| {
        let owner = Subject::for_user(Uuid::nil()).site_roles(["owner"]).scope(Scope::all()).build();
        let visible = |kind| owner.list_filter(Action::Read, kind);
        let keys = visible(ResourceType::ApiKey);
        for user in [None, Some(granted.user.id)] {
            let filter = SessionFilter { user, limit: 5, ..SessionFilter::default() };
            repos.sessions().list(&filter, &keys, NOW)?;
        }
        repos.sessions().delete_of_user(&permit(), granted.user.id, None)?;
        let allowed = visible(ResourceType::Oauth2AppCodeToken);
        let page = Page { limit: Some(100), ..Page::default() };
        for (user, app) in [(None, Some(granted.app.id)), (Some(granted.user.id), None)] {
            repos.grants().list(GrantFilter { user, app }, &allowed, page, NOW)?;
        }
        Ok(())
    }),
    ("purge", |repos, _, _| {
        repos.maintenance().purge(&permit(), NOW - Duration::DAY, 100)?;
        Ok(())
    }),
];

/// Tables that must not be read from end to end.
const TABLES: [&str; 5] = ["api_keys", "oauth2_grants", "oauth2_app_secrets", "oauth2_codes", "users"];

/// Enough rows that reading all of a table is a bad idea, and statistics that say so.
async fn fill(db: &Fixture) -> Granted {
    let granted = Granted::in_store(db).await;
    let (series, id, digest, text, at, day) = if db.is_postgres() {
        (
            "generate_series(1, 4000) AS s(n)",
            "gen_random_uuid()",
            "decode(repeat('ab', 32), 'hex')",
            "md5(random()::text)",
            "now() + interval '90 days'",
            "50000",
        )
    } else {
        (
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 4000) SELECT n FROM s)",
            "randomblob(16)",
            "randomblob(32)",
            "lower(hex(randomblob(8)))",
            "4102444800000000",
            "50000",
        )
    };
    let empty = if db.is_postgres() { "''::bytea" } else { "x''" };
    // What later migrations have added: PostgreSQL fills it in, SQLite wants a value for each column.
    let (zero, null) = if db.is_postgres() { ("", "") } else { (", 0", ", NULL") };
    db.execute(&format!(
        "INSERT INTO users SELECT {id}, {text}, {text}, {text}, {text}, '', '', NULL, 'active', 'password', '[]', {at}, {at}, NULL, \
           is_system, is_system, '', '' FROM {series}, (SELECT is_system FROM users) u; \
         INSERT INTO oauth2_apps SELECT {id}, {text}, '', '[]', 'exact', 'confidential', is_system, NULL, NULL, '[]', NULL, {at}, {at}{zero}{zero}{null}{zero} \
           FROM {series}, (SELECT is_system FROM users LIMIT 1) u; \
         INSERT INTO oauth2_app_secrets SELECT {id}, id, {text}, {digest}, '', {at}, NULL FROM oauth2_apps; \
         INSERT INTO oauth2_codes SELECT {id}, {text}, {digest}, s.app_id, u.id, NULL, NULL, NULL, '', {at}, {at}, NULL, NULL{null}{null} \
           FROM oauth2_app_secrets s JOIN users u ON u.id = (SELECT id FROM users LIMIT 1); \
         INSERT INTO oauth2_grants SELECT {id}, s.app_id, u.id, s.id, NULL, '', '0123456789', {at}, {text}, {digest}, {at}, {empty}, 0, {at}, {day}{zero}{zero}{zero}{null} \
           FROM (SELECT id, app_id, row_number() OVER (ORDER BY id) n FROM oauth2_app_secrets) s \
             JOIN (SELECT id, row_number() OVER (ORDER BY id) n FROM users) u ON u.n = s.n; \
         INSERT INTO api_keys SELECT {text}, g.user_id, {digest}, 'oauth2_provider_app', '', '', '', {at}, {at}, NULL, {at}, 1, g.app_id, g.id, \
           g.app_secret_id, NULL, {at}, NULL, NULL{zero}{null}{null}{null} FROM oauth2_grants g WHERE g.purge_on = {day}; \
         INSERT INTO api_keys SELECT substr({text}, 1, 10), {id}, {digest}, 'password', '', '', '', {at}, {at}, NULL, {at}, 1, NULL, NULL, NULL, NULL, NULL, {at}, NULL{zero}{null}{null}{null} \
           FROM {series}; \
         UPDATE api_keys SET began_at = created_at WHERE login_type = 'password'; \
         UPDATE oauth2_apps SET service_account_id = (SELECT id FROM users WHERE email_key = '{}') WHERE name = 'app'; \
         ANALYZE",
        granted.user.email.as_ref().unwrap().key()
    ));
    granted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_goes_by_index() {
    let db = Fixture::postgres();
    let granted = Arc::new(fill(&db).await);
    let (store, _) = watch(&db);
    let scans = |db: &Fixture| scans(db, &TABLES);
    // A connection reports what it has read when it ends: first those that filled the tables, then those of the steps.
    db.end_connections();
    let before = scans(&db);
    assert_eq!(before.len(), TABLES.len());
    for (name, step) in STEPS {
        // Often enough that the plan for all parameters takes over from plans for these.
        for n in 0..12 {
            let granted = Arc::clone(&granted);
            let result: Result<(), StoreError> = store.write(move |repos| step(repos, &granted, n)).await;
            result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
    }
    drop(store);
    db.end_connections();
    assert_eq!(scans(&db), before, "no table was read from end to end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_goes_by_index() {
    let db = Fixture::sqlite();
    let granted = Arc::new(fill(&db).await);
    let (store, log) = watch(&db);
    for (name, step) in STEPS {
        let granted = Arc::clone(&granted);
        let result: Result<(), StoreError> = store.write(move |repos| step(repos, &granted, 0)).await;
        result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let statements = taken(&log);
        assert!(!statements.is_empty(), "{name}");
        // Without rows to delete there is nothing to look for.
        for statement in statements.iter().filter(|statement| !statement.contains("(1=0)")) {
            let sql = statement.split(" -- binds").next().unwrap();
            for line in plan(&db, sql) {
                let reads_all = line.starts_with("SCAN ") && !line.contains(" INDEX ");
                let watched = TABLES.iter().any(|table| line.contains(table));
                assert!(!(reads_all && watched), "{name}: `{line}` of\n{sql}");
            }
        }
    }
}

/// How often each of these tables was read from end to end, on PostgreSQL.
pub(crate) fn scans(db: &Fixture, tables: &[&str]) -> Vec<String> {
    let sql = "SELECT relname || ' ' || coalesce(seq_scan, 0) AS t FROM pg_stat_user_tables ORDER BY relname";
    let all = db.texts(sql);
    all.into_iter().filter(|line| tables.contains(&line.split(' ').next().unwrap())).collect()
}

pub(crate) fn plan(db: &Fixture, sql: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    let begins = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];
    if !begins.iter().any(|begin| sql.starts_with(begin)) {
        return Vec::new();
    }
    let rows: Vec<Row> =
        diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(&mut db.sqlite_connection()).unwrap();
    rows.into_iter().map(|row| row.detail).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_step_is_one_round_trip_on_postgres() {
    let db = Fixture::postgres();
    let granted = Arc::new(Granted::in_store(&db).await);
    db.execute("UPDATE oauth2_apps SET service_account_id = (SELECT id FROM users)");
    let (_, log) = watch(&db);
    // As a server does it, which tells of changes over another connection.
    let server = db.open_again();
    let _telling = server.watch_changes().unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !server.changes().is_vouched_for() {
        assert!(std::time::Instant::now() < deadline, "it does not hear itself");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    taken(&log);
    let telling = |statement: &String| statement.contains("pg_notify") && !statement.contains("\"c ");
    let taken = |log| {
        let mut statements: Vec<String> = taken(log);
        // What a new connection is set up with is no part of a step.
        let sets_up = |statement: &String| {
            statement.starts_with("SET ")
                || ["set_config('lc_messages'", "'doorward."].iter().any(|part| statement.contains(part))
        };
        statements.retain(|statement| !sets_up(statement) && !telling(statement));
        statements
    };
    let store = server.store.clone();
    for (name, step) in STEPS.iter().take(4) {
        for n in 0..8 {
            let (granted, step) = (Arc::clone(&granted), *step);
            let result: Result<(), StoreError> = store.at_once(move |once| step(once.any(), &granted, n)).await;
            result.unwrap();
            let statements = taken(&log);
            assert_eq!(statements.len(), 1, "{name}: {statements:#?}");
        }
    }
    let granted_again = Arc::clone(&granted);
    let step = STEPS[0].1;
    let result: Result<(), StoreError> = store.write(move |repos| step(repos, &granted_again, 8)).await;
    result.unwrap();
    let statements = taken(&log);
    assert_eq!(statements.len(), 3, "and with a transaction around it, BEGIN and COMMIT: {statements:#?}");
}

/// Pages of the list of users, with their counts: the first one, one further on, and those with a status.
const PAGES: [(&str, Step); 3] = [
    ("first page of users", |repos, _, _| page_of_users(repos, None, vec![])),
    ("page of users after one", |repos, granted, _| page_of_users(repos, Some(granted.user.id.0), vec![])),
    ("page of users with a status", |repos, _, _| page_of_users(repos, None, vec![UserStatus::Active])),
];

fn page_of_users(
    repos: &mut dyn Repositories,
    after: Option<Uuid>,
    statuses: Vec<UserStatus>,
) -> Result<(), StoreError> {
    let owner = Subject::for_user(Uuid::nil()).site_roles(["owner"]).scope(Scope::all()).build();
    let visible = owner.list_filter(Action::Read, ResourceType::User);
    let filter = UserFilter { statuses, ..UserFilter::default() };
    let page = repos.users().list(&filter, &visible, Page { limit: Some(25), offset: 0, after_id: after })?;
    assert!(page.users.len() == 25 && page.count > 1_000, "{}", page.count);
    Ok(())
}

/// Enough users, with marks to count them by, and one of them in the midst.
async fn fill_with_marks(db: &Fixture) -> Arc<Granted> {
    let granted = fill(db).await;
    db.execute("UPDATE users SET username_key = '8' WHERE email_key LIKE '%@%'");
    assert!(db.write(|repos| repos.maintenance().renew_counts(&permit())).await);
    db.execute("ANALYZE");
    Arc::new(granted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_reads_few_users_for_a_page_and_its_count() {
    let db = Fixture::postgres();
    let granted = fill_with_marks(&db).await;
    let (store, _) = watch(&db);
    let read = |db: &Fixture| {
        db.number("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'users'")
    };
    for (name, step) in PAGES {
        db.end_connections();
        let before = read(&db);
        for n in 0..12 {
            let granted = Arc::clone(&granted);
            let result: Result<(), StoreError> = store.read(move |repos| step(repos, &granted, n)).await;
            result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
        db.end_connections();
        let read = read(&db) - before;
        assert!(read <= 12 * (256 + 64), "{name}: {read} users were read for 12 pages");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_reads_few_users_for_a_page_and_its_count() {
    let db = Fixture::sqlite();
    let granted = fill_with_marks(&db).await;
    let (store, log) = watch(&db);
    for (name, step) in PAGES {
        let granted = Arc::clone(&granted);
        let result: Result<(), StoreError> = store.read(move |repos| step(repos, &granted, 0)).await;
        result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let lines: Vec<String> =
            taken(&log).iter().flat_map(|statement| plan(&db, statement.split(" -- binds").next().unwrap())).collect();
        let users: Vec<_> = lines.iter().filter(|line| line.contains("users")).collect();
        assert!(users.iter().all(|line| line.contains("INDEX")), "{name}: {lines:#?}");
        let stretch = "SEARCH users USING INDEX users_username_unique (username_key>? AND username_key<?)";
        assert!(users.iter().any(|line| *line == stretch), "{name}: {lines:#?}");
    }
}
