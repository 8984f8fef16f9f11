//! The database goes away, in part or altogether, and comes back.

use crate::support::*;
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use doorward_domain::settings::Span;
use doorward_ports::{Outage, Store, StoreError};
use doorward_testkit::postgres::{Cluster, Options as ClusterOptions, Relay};
use std::time::{Duration, Instant};

async fn ping(store: &Store) -> Result<(), StoreError> {
    store.read(|repos| repos.maintenance().ping()).await
}

/// Opens as many connections as there may be.
async fn warm(db: &Fixture) {
    let barrier = std::sync::Arc::new(std::sync::Barrier::new(4));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (store, barrier) = (db.store.clone(), std::sync::Arc::clone(&barrier));
            tokio::spawn(async move {
                store
                    .read(move |repos| {
                        barrier.wait();
                        repos.maintenance().ping()
                    })
                    .await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(db.pool.status().idle, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_that_died_are_replaced_unnoticed() {
    let db = Fixture::postgres();
    for mode in 0..3 {
        warm(&db).await;
        db.end_connections();
        // A server process closes its socket a moment after it is no longer listed.
        tokio::time::sleep(Duration::from_millis(100)).await;
        for n in 0..6 {
            let name = format!("u{mode}x{n}");
            match mode {
                0 => ping(&db.store).await.unwrap(),
                1 => db.store.write(move |repos| repos.users().insert(&permit(), &user(&name))).await.unwrap(),
                _ => db.store.at_once(move |once| once.any().users().insert(&permit(), &user(&name))).await.unwrap(),
            }
        }
    }
    assert_eq!(db.rows("users"), 12);
    let status = db.pool.status();
    assert_eq!(status.open, status.idle, "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_dies_in_use_is_reported_and_the_next_call_succeeds() {
    let db = Fixture::postgres();
    for mode in 0..3 {
        let ender = db.url.clone();
        let work = move |repos: &mut dyn doorward_ports::Repositories| {
            repos.users().insert(&permit(), &user("lost")).unwrap_or_default();
            PgConnection::establish(&ender).unwrap().batch_execute(END_CONNECTIONS).unwrap();
            repos.maintenance().ping()
        };
        let error = match mode {
            0 => {
                db.store
                    .read(move |repos| {
                        let _unused = repos.users().any_exists()?;
                        work(repos)
                    })
                    .await
            }
            1 => db.store.write(work).await,
            _ => db.store.write(move |repos| work(repos).or(Ok(()))).await,
        }
        .unwrap_err();
        match mode {
            // The work hid the error: all that is known is that nothing was kept.
            2 => assert!(matches!(error, StoreError::Other(_)), "{error:?}"),
            _ => assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}"),
        }
        ping(&db.store).await.unwrap();
        if mode == 0 {
            db.execute("DELETE FROM users");
        }
    }
    assert_eq!(db.rows("users"), 0, "nothing was kept of the transactions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_on_which_work_panicked_is_not_used_again() {
    let db = Fixture::postgres();
    warm(&db).await;
    let panicked: Result<(), StoreError> = db.store.read(|_| panic!("a bug")).await;
    assert!(matches!(panicked, Err(StoreError::Other(_))), "{panicked:?}");
    let status = db.pool.status();
    assert_eq!((status.open, status.idle), (3, 3), "{status:?}");
    warm(&db).await;
}

/// One caller after another uses the same connection, which the pool does not outgrow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pool_grows_only_as_far_as_it_must() {
    let db = Fixture::postgres();
    assert_eq!(db.pool.status().open, 0);
    for _ in 0..20 {
        ping(&db.store).await.unwrap();
        let status = db.pool.status();
        assert_eq!((status.open, status.idle), (1, 1), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_takes_too_long_is_ended() {
    let db = Fixture::postgres();
    let options = doorward_storage::Options { statement_timeout: Span::milliseconds(100), ..options() };
    let hasty = doorward_storage::open(&db.url, &options).unwrap();
    db.write(|repos| repos.users().insert(&permit(), &user("ann"))).await;
    let mut blocker = PgConnection::establish(&db.url).unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE users").unwrap();
    let error: Result<bool, StoreError> = hasty.store.read(|repos| repos.users().any_exists()).await;
    assert!(matches!(error, Err(StoreError::Unavailable(_))), "{error:?}");
    blocker.batch_execute("ROLLBACK").unwrap();
    let exists: Result<bool, StoreError> = hasty.store.read(|repos| repos.users().any_exists()).await;
    assert!(exists.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_and_comes_back() {
    let mut cluster = Cluster::private(&ClusterOptions { durable: true, ..ClusterOptions::default() }).unwrap();
    let url = cluster.url();
    let opened = doorward_storage::open(&url, &options()).unwrap();
    opened
        .store
        .write(|repos| repos.users().insert(&permit(), &user("ann")))
        .await
        .map_err(|error: StoreError| error)
        .unwrap();
    cluster.crash().unwrap();
    let began = Instant::now();
    let pings: Vec<_> = (0..20)
        .map(|_| {
            let store = opened.store.clone();
            tokio::spawn(async move { ping(&store).await })
        })
        .collect();
    for ping in pings {
        let error = ping.await.unwrap().unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        // Everybody is told why, and at once.
        assert!(error.to_string().contains("connection to server"), "{error}");
    }
    assert!(began.elapsed() < options().connect_timeout.std(), "{:?}", began.elapsed());
    let status = opened.pool.status();
    assert_eq!((status.max, status.open, status.idle), (4, 0, 0), "{status:?}");
    cluster.restart().unwrap();
    for _ in 0..6 {
        ping(&opened.store).await.unwrap();
    }
    let exists: Result<bool, StoreError> = opened.store.read(|repos| repos.users().any_exists()).await;
    assert!(exists.unwrap(), "what was committed is there");
}

/// A role that may have two connections at once, on a database where every reader wants one of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_database_accepts_no_more_connections_callers_wait_for_those_there_are() {
    let db = Fixture::postgres();
    let role = db.url.rsplit('/').next().unwrap().to_owned();
    db.execute(&format!(
        "CREATE ROLE {role} LOGIN CONNECTION LIMIT 2; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"
    ));
    let url = db.url.replacen("://postgres@", &format!("://{role}@"), 1);
    if url == db.url {
        return; // A server of one's own, with another name for its superuser.
    }
    let closed = doorward_storage::Options { auto_migrate: false, ..options() };
    let limited = doorward_storage::open(&url, &closed).unwrap();
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let store = limited.store.clone();
            tokio::spawn(async move {
                store
                    .read(|repos| {
                        std::thread::sleep(Duration::from_millis(30));
                        repos.maintenance().ping()
                    })
                    .await
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    drop(limited);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_falls_silent_is_given_up_and_the_next_call_connects_anew() {
    let db = Fixture::postgres();
    let relay = Relay::to(&db.url).unwrap();
    let options = doorward_storage::Options {
        statement_timeout: Span::milliseconds(200),
        deadline: Span::milliseconds(500),
        ..options()
    };
    let opened = doorward_storage::open(&relay.url(), &options).unwrap();
    for _ in 0..3 {
        ping(&opened.store).await.unwrap();
        relay.silence();
        let error = ping(&opened.store).await.unwrap_err();
        assert_eq!(error.outage(), Some(Outage::Silent), "{error:?}");
    }
    let (silent, store) = (opened.store.clone(), opened.store.clone());
    ping(&store).await.unwrap();
    relay.silence();
    // Whoever asked has gone away meanwhile: its turn comes back all the same.
    for _ in 0..6 {
        let asked = silent.clone();
        let call = tokio::spawn(async move { ping(&asked).await });
        tokio::time::sleep(Duration::from_millis(20)).await;
        call.abort();
    }
    let began = Instant::now();
    while ping(&store).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", opened.pool.status());
    }
    relay.end();
    while opened.pool.status().abandoned > 0 {
        assert!(began.elapsed() < Duration::from_secs(40), "{:?}", opened.pool.status());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_behind_a_lock_is_told_so_and_who_waits_in_a_crowd_too() {
    let db = Fixture::postgres();
    let options = doorward_storage::Options { connect_timeout: Span::milliseconds(300), ..options() };
    let busy = doorward_storage::open(&db.url, &options).unwrap();
    let begin = |store: &Store, locked: bool| -> Vec<_> {
        let four = (0..4).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .read(move |repos| {
                        for _ in 0..40 {
                            if locked {
                                return repos.users().any_exists().map(drop);
                            }
                            repos.maintenance().ping()?;
                            std::thread::sleep(Duration::from_millis(20));
                        }
                        Ok::<_, StoreError>(())
                    })
                    .await
            })
        });
        four.collect()
    };
    // They get somewhere, however slowly.
    let crowd = begin(&busy.store, false);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(ping(&busy.store).await.unwrap_err().outage(), Some(Outage::Overloaded));
    for call in crowd {
        call.await.unwrap().unwrap();
    }
    let mut blocker = PgConnection::establish(&db.url).unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE users").unwrap();
    let stuck = begin(&busy.store, true);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(ping(&busy.store).await.unwrap_err().outage(), Some(Outage::Silent));
    blocker.batch_execute("ROLLBACK").unwrap();
    for call in stuck {
        call.await.unwrap().unwrap();
    }
}

/// The trigger says what PostgreSQL says in another language.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_takes_too_long_is_known_in_every_language() {
    let db = Fixture::postgres();
    db.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(10); RETURN NEW; \
         EXCEPTION WHEN query_canceled THEN RAISE EXCEPTION 'storniere Anfrage' USING ERRCODE = 'query_canceled'; END $$",
    );
    db.execute("CREATE TRIGGER slow BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION slow()");
    db.execute("CREATE FUNCTION bad() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'kaputt'; END $$");
    db.execute("CREATE TRIGGER bad BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION bad()");
    let options = doorward_storage::Options { statement_timeout: Span::milliseconds(200), ..options() };
    let hasty = doorward_storage::open(&db.url, &options).unwrap();
    let slow: Result<(), StoreError> = hasty.store.write(|repos| repos.users().insert(&permit(), &user("ann"))).await;
    assert_eq!(slow.unwrap_err().outage(), Some(Outage::Silent));
    let acme = organization("acme");
    let bad: Result<(), StoreError> = hasty
        .store
        .write(move |repos| {
            repos.organizations().insert(&permit(), &acme)?;
            repos.organizations().update(&permit(), &acme).map(drop)
        })
        .await;
    let bad = bad.unwrap_err();
    assert_eq!(bad.outage(), None, "what is quick and on a living connection is no outage: {bad:?}");
}
