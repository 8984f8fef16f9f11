//! How daemons and their keys are looked up: by index, however many there are.

use crate::plans::{plan, scans, taken, watch};
use crate::provisioners::{provisioner_daemon, provisioner_key};
use crate::support::*;
use doorward_domain::ids::OrganizationId;
use doorward_domain::provisioners::{ProvisionerDaemon, ProvisionerKey};
use doorward_ports::provisioners::DaemonFilter;
use doorward_ports::{Repositories, StoreError};
use std::sync::Arc;
use time::Duration;

/// What is looked up among many others.
struct Place {
    id: OrganizationId,
    key: ProvisionerKey,
    daemon: ProvisionerDaemon,
}

type Step = fn(&mut dyn Repositories, &Place) -> Result<(), StoreError>;

const STEPS: [(&str, Step); 7] = [
    ("a key by its digest", |repos, place| {
        assert!(repos.provisioner_keys().find_by_digest(&place.key.digest)?.is_some());
        Ok(())
    }),
    ("the keys of an organization", |repos, place| {
        assert_eq!(repos.provisioner_keys().list(place.id)?.len(), 1);
        Ok(())
    }),
    ("a daemon comes back", |repos, place| {
        repos.provisioner_daemons().upsert(&permit(), &place.daemon)?;
        assert!(repos.provisioner_daemons().touch(&permit(), place.daemon.id, NOW)?);
        Ok(())
    }),
    ("the daemons of an organization", |repos, place| {
        assert_eq!(repos.provisioner_daemons().count(place.id, place.daemon.tags.owner())?, 1);
        let narrow = DaemonFilter { ids: Some(vec![place.daemon.id]), seen_since: Some(NOW - Duration::DAY) };
        for filter in [DaemonFilter::default(), narrow] {
            assert_eq!(repos.provisioner_daemons().list(place.id, &filter)?.len(), 1);
        }
        Ok(())
    }),
    ("daemons that make room", |repos, place| {
        let owner = place.daemon.tags.owner();
        assert_eq!(repos.provisioner_daemons().make_room(&permit(), place.id, owner, 5, NOW)?, 0);
        Ok(())
    }),
    ("daemons that were seen lately", |repos, _| {
        assert_eq!(repos.provisioner_daemons().list_seen(NOW - Duration::MINUTE, 10)?.len(), 1);
        Ok(())
    }),
    ("a key goes with its daemons", |repos, place| {
        let key = provisioner_key(place.id, &random_text());
        repos.provisioner_keys().insert(&permit(), &key)?;
        let daemon = provisioner_daemon(place.id, key.id, &random_text());
        repos.provisioner_daemons().upsert(&permit(), &daemon)?;
        assert!(repos.provisioner_keys().delete(&permit(), place.id, key.id)?);
        Ok(())
    }),
];

const TABLES: [&str; 2] = ["provisioner_daemons", "provisioner_keys"];

/// An organization with a key and a daemon, beside another with four thousand of each.
async fn fill(db: &Fixture) -> Arc<Place> {
    let (acme, zoo) = (organization("acme"), organization("zoo"));
    let key = provisioner_key(acme.id, "rack");
    let daemon = provisioner_daemon(acme.id, key.id, "host");
    let place = Arc::new(Place { id: acme.id, key: key.clone(), daemon: daemon.clone() });
    let other = db.uuid(zoo.id.0);
    db.write(move |repos| {
        repos.organizations().insert(&permit(), &acme)?;
        repos.organizations().insert(&permit(), &zoo)?;
        repos.provisioner_keys().insert(&permit(), &key)?;
        repos.provisioner_daemons().upsert(&permit(), &daemon).map(drop)
    })
    .await;
    let (series, new, text, digest, at) = if db.is_postgres() {
        (
            "generate_series(1, 4000) AS s(n)",
            "gen_random_uuid()",
            "md5(n::text)",
            "decode(md5(n::text), 'hex')",
            "'2020-01-01Z'::timestamptz",
        )
    } else {
        (
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 4000) SELECT n FROM s)",
            "randomblob(16)",
            "lower(hex(randomblob(8)))",
            "randomblob(32)",
            "1577836800000000",
        )
    };
    db.execute(&format!(
        "INSERT INTO provisioner_keys (id, created_at, organization_id, name, digest, tags) \
           SELECT {new}, {at}, {other}, {text}, {digest}, '{{}}' FROM {series}; \
         INSERT INTO provisioner_daemons (id, organization_id, key_id, name, owner, created_at, last_seen_at, version, api_version, \
           provisioners, tags) SELECT {new}, {other}, id, name, '', {at}, {at}, 'v2', '1.0', 'terraform', '{{}}' FROM provisioner_keys \
           WHERE organization_id = {other}; \
         ANALYZE"
    ));
    place
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_goes_by_index() {
    let db = Fixture::postgres();
    let place = fill(&db).await;
    let (store, _) = watch(&db);
    db.end_connections();
    let before = scans(&db, &TABLES);
    assert_eq!(before.len(), TABLES.len());
    for (name, step) in STEPS {
        // Often enough that the plan for all parameters takes over, where it is as good.
        for _ in 0..12 {
            let place = Arc::clone(&place);
            let result: Result<(), StoreError> = store.write(move |repos| step(repos, &place)).await;
            result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
    }
    drop(store);
    db.end_connections();
    assert_eq!(scans(&db, &TABLES), before, "no table was read from end to end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_goes_by_index() {
    let db = Fixture::sqlite();
    let place = fill(&db).await;
    let (store, log) = watch(&db);
    for (name, step) in STEPS {
        let place = Arc::clone(&place);
        let result: Result<(), StoreError> = store.write(move |repos| step(repos, &place)).await;
        result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let statements = taken(&log);
        assert!(!statements.is_empty(), "{name}");
        for statement in &statements {
            let sql = statement.split(" -- binds").next().unwrap();
            for line in plan(&db, sql) {
                assert!(!line.starts_with("SCAN provisioner"), "{name}: `{line}` of\n{sql}");
            }
        }
    }
}
