//! The audit log is read by index, whatever it is narrowed by, and in the order of the list.

use crate::plans::{plan, taken, watch};
use crate::support::*;
use doorward_domain::audit::{AuditAction, AuditFilter, AuditResource, BuildReason};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, ListFilter, ResourceType, Scope, Subject};
use doorward_ports::StoreError;
use doorward_ports::audit::COUNT_MAX;
use time::Duration;
use uuid::Uuid;

/// A user, and a thing, of every hundredth record.
const ONE: Uuid = Uuid::from_u128(7);
/// An organization of every hundredth record; half of them belong to none.
const PLACE: OrganizationId = OrganizationId(Uuid::from_u128(8));

/// So many records, one each second, spread over a hundred users and things and fifty organizations.
fn fill(db: &Fixture, records: u32) {
    let (series, id, of, at, json) = if db.is_postgres() {
        (
            format!("generate_series(1, {records}) AS s(n)"),
            "gen_random_uuid()",
            "lpad(to_hex(n % 100), 32, '0')::uuid",
            "to_timestamp(1767225600 + n)",
            "::jsonb",
        )
    } else {
        let numbers = format!("SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {records}");
        (
            format!("(WITH RECURSIVE s(n) AS ({numbers}) SELECT n FROM s)"),
            "randomblob(16)",
            "unhex(printf('%032x', n % 100))",
            "(1767225600 + n) * 1000000",
            "",
        )
    };
    let diff = r#"{"name": {"old": "a", "new": "b", "secret": false}}"#;
    let reason = r#"{"build_reason": "autostop"}"#;
    db.execute(&format!(
        "INSERT INTO audit_logs (id, time, user_id, organization_id, ip, user_agent, resource_type, resource_id, \
           resource_target, target_key, action, diff, status_code, additional_fields, request_id) \
         SELECT {id}, {at}, {of}, CASE WHEN n % 2 = 0 THEN {of} END, '192.0.2.1', 'Mozilla/5.0 (X11; Linux x86_64)', \
           CASE n % 10 WHEN 0 THEN 'workspace_build' WHEN 1 THEN 'group' ELSE 'api_key' END, \
           '00000000-0000-0000-0000-0000000000' || substr(CAST(100 + n % 100 AS text), 2), \
           'Thing' || (n % 100), 'thing' || (n % 100), CASE n % 5 WHEN 0 THEN 'stop' WHEN 1 THEN 'delete' ELSE 'login' END, \
           '{diff}'{json}, 200, CASE n % 1000 WHEN 0 THEN '{reason}'{json} ELSE '{{}}'{json} END, {id} FROM {series}"
    ));
    db.execute(if db.is_postgres() { "VACUUM ANALYZE audit_logs" } else { "ANALYZE" });
}

fn auditor() -> Subject {
    Subject::for_user(ONE).site_roles(["auditor"]).scope(Scope::all()).build()
}

/// Of one organization.
fn admin() -> Subject {
    Subject::for_user(ONE).membership(PLACE.0, ["organization-admin"]).scope(Scope::all()).build()
}

/// What is searched for, by whom, and the indexes that may be read.
fn searches() -> Vec<(&'static str, AuditFilter, ListFilter, &'static [&'static str])> {
    let visible = |subject: Subject| subject.list_filter(Action::Read, ResourceType::AuditLog);
    let all = || visible(auditor());
    let none = AuditFilter::default;
    vec![
        ("all", none(), all(), &["time"]),
        ("organization of the caller", none(), visible(admin()), &["organization"]),
        ("request", AuditFilter { request_id: Some(ONE), ..none() }, all(), &["request"]),
        ("resource", AuditFilter { resource_id: Some(ONE), ..none() }, all(), &["resource"]),
        ("target", AuditFilter { resource_target: Some("THING7".to_owned()), ..none() }, all(), &["target"]),
        ("user", AuditFilter { user_id: Some(UserId(ONE)), ..none() }, all(), &["user"]),
        ("time", AuditFilter { since: Some(NOW - Duration::DAY), until: Some(NOW), ..none() }, all(), &["time"]),
        ("organization", AuditFilter { organization_id: Some(PLACE), ..none() }, all(), &["organization"]),
        // Of what is frequent, the next 25 are near in any order, and the count reads a good part of the table anyway.
        (
            "type",
            AuditFilter { resource_type: Some(AuditResource::Group), ..none() },
            all(),
            &["type", "time", "the table"],
        ),
        (
            "action",
            AuditFilter { action: Some(AuditAction::Delete), ..none() },
            all(),
            &["action", "time", "the table"],
        ),
        (
            "rare type",
            AuditFilter { resource_type: Some(AuditResource::License), ..none() },
            all(),
            &["type", "type_action"],
        ),
        ("rare action", AuditFilter { action: Some(AuditAction::Open), ..none() }, all(), &["action"]),
        (
            "type and action that never meet",
            AuditFilter { resource_type: Some(AuditResource::Group), action: Some(AuditAction::Stop), ..none() },
            all(),
            &["type_action"],
        ),
        ("reason", AuditFilter { build_reason: Some(BuildReason::Autostop), ..none() }, all(), &["build_reason"]),
    ]
}

const PAGE: Page = Page { limit: Some(25), offset: 0, after_id: None };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_reads_the_right_index() {
    let db = Fixture::postgres();
    fill(&db, 40_000);
    let read = |db: &Fixture| {
        db.end_connections();
        let scans = "SELECT substr(indexrelname, 12) || ' ' || idx_scan AS t FROM pg_stat_user_indexes \
                     WHERE relname = 'audit_logs' \
                     UNION ALL SELECT 'the table ' || seq_scan FROM pg_stat_user_tables WHERE relname = 'audit_logs'";
        db.texts(scans)
    };
    for (name, filter, visible, indexes) in searches() {
        let before = read(&db);
        let store = db.open_again().store;
        // Often enough that the plan for all parameters takes over from plans for these.
        for _ in 0..12 {
            let (filter, visible) = (filter.clone(), visible.clone());
            let page: Result<_, StoreError> =
                store.read(move |repos| repos.audit().list(&filter, &visible, PAGE)).await;
            page.unwrap();
        }
        drop(store);
        let used: Vec<String> = read(&db).into_iter().filter(|line| !before.contains(line)).collect();
        let is_known = |line: &String| indexes.iter().any(|index| line.rsplit_once(' ').unwrap().0 == *index);
        assert!(!used.is_empty() && used.iter().all(is_known), "{name}: {used:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_reads_the_right_index_and_never_sorts() {
    let db = Fixture::sqlite();
    fill(&db, 10_000);
    let (store, log) = watch(&db);
    for (name, filter, visible, indexes) in searches() {
        let page: Result<_, StoreError> = store.read(move |repos| repos.audit().list(&filter, &visible, PAGE)).await;
        page.unwrap();
        let statements = taken(&log);
        assert!(statements.iter().any(|sql| sql.contains("ORDER BY")), "{name}");
        for statement in statements.iter().filter(|sql| sql.starts_with("SELECT") && sql.contains("audit_logs")) {
            let sql = statement.split(" -- binds").next().unwrap();
            let lines = plan(&db, sql);
            let of_table = |line: &&String| line.contains("audit_logs");
            assert!(lines.iter().any(|line| of_table(&line)), "{name}: {lines:?} of\n{sql}");
            for line in lines.iter().filter(of_table) {
                let is_known = indexes.iter().any(|index| line.contains(&format!("INDEX audit_logs_{index} ")))
                    || indexes.iter().any(|index| line.ends_with(&format!("INDEX audit_logs_{index}")));
                assert!(is_known, "{name}: `{line}` of\n{sql}");
            }
            assert!(lines.iter().all(|line| !line.contains("TEMP B-TREE")), "{name}: {lines:?}");
            let is_count = sql.starts_with("SELECT count(*)");
            assert!(
                !is_count
                    || lines.iter().any(|line| line.contains("COVERING INDEX"))
                    || name == "organization of the caller",
                "{name}: {lines:?}"
            );
        }
    }
}

/// How long a page with its count takes: `cargo test -p doorward-storage --release -- --ignored --nocapture audit_log`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "fills large tables, for measuring"]
async fn speed_of_a_large_audit_log() {
    for (db, records) in [(Fixture::postgres(), 1_000_000), (Fixture::sqlite(), 100_000)] {
        fill(&db, records);
        println!("{} records, PostgreSQL: {}", records, db.is_postgres());
        for (name, filter, visible, _) in searches() {
            for offset in [0, records / 2] {
                let page = Page { offset, ..PAGE };
                let mut times = Vec::new();
                let mut count = 0;
                for _ in 0..11 {
                    let (filter, visible) = (filter.clone(), visible.clone());
                    let start = std::time::Instant::now();
                    count = db.read(move |repos| repos.audit().list(&filter, &visible, page)).await.count;
                    times.push(start.elapsed());
                }
                times.sort();
                println!("{name:32} offset {offset:7} count {count:7} median {:?} worst {:?}", times[5], times[10]);
                assert!(count <= u64::from(offset) + u64::from(COUNT_MAX));
            }
        }
    }
}
