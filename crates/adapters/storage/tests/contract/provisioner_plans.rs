//! How daemons and their keys are looked up: by index, however many there are.

use crate::plans::{plan, taken, watch};
use crate::provisioners::{provisioner_daemon, provisioner_key};
use crate::support::*;
use doorward_domain::Instant;
use doorward_ports::StoreError;
use doorward_ports::provisioners::DaemonFilter;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_goes_by_index() {
    let db = Fixture::sqlite();
    let acme = organization("acme");
    let key = provisioner_key(acme.id, "rack");
    let daemon = provisioner_daemon(acme.id, key.id, "host");
    let (known, host) = (key.clone(), daemon.clone());
    let place = acme.id;
    db.write(move |repos| {
        repos.organizations().insert(&permit(), &acme)?;
        repos.provisioner_keys().insert(&permit(), &key)
    })
    .await;
    let (store, log) = watch(&db);
    let walked: Result<(), StoreError> = store
        .write(move |repos| {
            assert!(repos.provisioner_keys().find_by_digest(&known.digest)?.is_some());
            assert_eq!(repos.provisioner_keys().list(place)?.len(), 1);
            repos.provisioner_daemons().upsert(&permit(), &host)?;
            assert_eq!(repos.provisioner_daemons().count(place)?, 1);
            let narrow = DaemonFilter { ids: Some(vec![host.id]), seen_since: Some(Instant::UNIX_EPOCH) };
            for filter in [DaemonFilter::default(), narrow] {
                assert_eq!(repos.provisioner_daemons().list(place, &filter)?.len(), 1);
            }
            assert!(repos.provisioner_daemons().touch(&permit(), host.id, NOW)?);
            assert!(repos.provisioner_keys().delete(&permit(), place, known.id)?);
            Ok(())
        })
        .await;
    walked.unwrap();
    let statements = taken(&log);
    assert!(statements.len() >= 9, "{statements:?}");
    for statement in &statements {
        let sql = statement.split(" -- binds").next().unwrap();
        for line in plan(&db, sql) {
            assert!(!line.starts_with("SCAN provisioner"), "`{line}` of\n{sql}");
        }
    }
}
