//! How licences are looked up: by index, however many have ended.

use crate::licenses::new_license;
use crate::plans::{plan, scans, taken, watch};
use crate::support::*;
use doorward_domain::licenses::LicenseId;
use doorward_ports::{Repositories, StoreError};

type Step = fn(&mut dyn Repositories) -> Result<(), StoreError>;

/// All but the list, which is of all of them.
const STEPS: [(&str, Step); 3] = [
    ("those in force", |repos| {
        assert_eq!(repos.licenses().list_live(NOW)?.len(), 3);
        Ok(())
    }),
    ("by number", |repos| {
        assert!(repos.licenses().find(LicenseId(77))?.is_some());
        Ok(())
    }),
    ("one comes and goes", |repos| {
        let id = repos.licenses().insert(&permit(), &new_license(&random_text()))?;
        assert!(repos.licenses().delete(&permit(), id)?);
        Ok(())
    }),
];

/// Four thousand that have ended, and three that have not.
fn fill(db: &Fixture) {
    let (series, uuid, digest, at, live) = if db.is_postgres() {
        (
            "generate_series(1, 4003) AS s(n)",
            "gen_random_uuid()",
            "decode(md5(n::text), 'hex')",
            "'2020-01-01Z'::timestamptz",
            "'2100-01-01Z'::timestamptz",
        )
    } else {
        (
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 4003) SELECT n FROM s)",
            "randomblob(16)",
            "randomblob(32)",
            "1577836800000000",
            "4102444800000000",
        )
    };
    db.execute(&format!(
        "INSERT INTO licenses (uuid, uploaded_at, ends_at, token, digest) \
           SELECT {uuid}, {at}, CASE WHEN n > 4000 THEN {live} ELSE {at} END, 'x', {digest} FROM {series}; \
         ANALYZE"
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_goes_by_index() {
    let db = Fixture::postgres();
    fill(&db);
    let (store, _) = watch(&db);
    db.end_connections();
    let before = scans(&db, &["licenses"]);
    for (name, step) in STEPS {
        // Often enough that the plan for all parameters takes over, where it is as good.
        for _ in 0..12 {
            let result: Result<(), StoreError> = store.write(step).await;
            result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
    }
    drop(store);
    db.end_connections();
    assert_eq!(scans(&db, &["licenses"]), before, "no table was read from end to end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_goes_by_index() {
    let db = Fixture::sqlite();
    fill(&db);
    let (store, log) = watch(&db);
    for (name, step) in STEPS {
        let result: Result<(), StoreError> = store.write(step).await;
        result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let statements = taken(&log);
        assert!(!statements.is_empty(), "{name}");
        for statement in &statements {
            let sql = statement.split(" -- binds").next().unwrap();
            for line in plan(&db, sql) {
                assert!(!line.starts_with("SCAN licenses"), "{name}: `{line}` of\n{sql}");
            }
        }
    }
}
