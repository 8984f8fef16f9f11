//! What the store promises about transactions, whatever is done in them.

use crate::support::*;
use doorward_domain::ids::UserId;
use doorward_domain::settings::Span;
use doorward_ports::{Conflict, Outage, Repositories, StoreError};
use doorward_storage::{OpenError, Options, Synchronous, claim, open};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug, thiserror::Error)]
enum CaseError {
    #[error("refused by the use case")]
    Refused,
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn insert(name: &str) -> impl FnOnce(&mut dyn Repositories) -> Result<UserId, StoreError> + Clone + Send + 'static {
    let user = user(name);
    move |repos| repos.users().insert(&permit(), &user).map(|()| user.id)
}

contract! {
    async fn ok_commits_and_err_rolls_back_and_crosses_unchanged(db) {
        let id = db.write(insert("kept")).await;
        assert!(db.read(move |repos| repos.users().find(id)).await.is_some());
        let refused: Result<(), CaseError> = db
            .store
            .write(|repos| {
                insert("lost")(repos)?;
                Err(CaseError::Refused)
            })
            .await;
        assert!(matches!(refused, Err(CaseError::Refused)));
        assert_eq!(db.rows("users"), 1);
    }

    async fn tables_that_are_gone_are_an_outage_with_a_name(db) {
        db.write(insert("ann")).await;
        let cascade = if db.is_postgres() { " CASCADE" } else { "" };
        db.execute(&format!("DROP TABLE users{cascade}"));
        let read = db.store.read(|repos| repos.users().find_by_username("ann")).await.unwrap_err();
        let written = db.store.write(insert("bob")).await.unwrap_err();
        let at_once = db.store.at_once(|once| insert("eve")(once.any())).await.unwrap_err();
        for error in [read, written, at_once] {
            assert_eq!(error.outage(), Some(Outage::MissingTables), "{error:?}");
        }
    }

    async fn a_transaction_sees_its_own_writes(db) {
        let found = db
            .write(|repos| {
                let id = insert("ann")(repos)?;
                repos.users().find(id)
            })
            .await;
        assert!(found.is_some());
    }

    async fn at_once_keeps_also_when_the_answer_is_an_error(db) {
        let refused: Result<(), CaseError> = db
            .store
            .at_once(|once| {
                insert("kept")(once.any())?;
                Err(CaseError::Refused)
            })
            .await;
        assert!(matches!(refused, Err(CaseError::Refused)));
        assert_eq!(db.rows("users"), 1);
    }

    async fn nothing_is_kept_and_nothing_done_after_a_statement_failed(db) {
        db.write(insert("ann")).await;
        let error = db
            .refused(|repos| {
                insert("bob")(repos)?;
                let conflict = insert("ann")(repos);
                assert!(matches!(conflict, Err(StoreError::Conflict(_))));
                let after = insert("cy")(repos);
                assert!(matches!(after, Err(StoreError::Other(_))), "{after:?}");
                Ok(())
            })
            .await;
        assert!(matches!(error, StoreError::Other(_)), "{error:?}");
        assert_eq!(db.rows("users"), 1);
        db.write(insert("cy")).await;
    }

    async fn a_panic_undoes_its_own_work_and_nothing_else(db) {
        let tasks: Vec<_> = (0..40)
            .map(|n| {
                let store = db.store.clone();
                tokio::spawn(async move {
                    store
                        .write(move |repos| {
                            let id = insert(&format!("u{n}"))(repos)?;
                            assert!(n % 4 != 0, "a bug in use case {n}");
                            Ok::<_, StoreError>(id)
                        })
                        .await
                })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            let result = task.await.unwrap();
            assert_eq!(result.is_err(), n % 4 == 0, "{n}: {result:?}");
            assert!(matches!(result, Ok(_) | Err(StoreError::Other(_))), "{result:?}");
        }
        assert_eq!(db.rows("users"), 30);
        let panicked: Result<(), StoreError> = db
            .store
            .at_once(|once| {
                insert("once")(once.any())?;
                panic!("a bug")
            })
            .await;
        assert!(matches!(panicked, Err(StoreError::Other(_))));
        let read: Result<(), StoreError> = db.store.read(|_| panic!("a bug")).await;
        assert!(matches!(read, Err(StoreError::Other(_))));
        db.write(insert("after")).await;
    }

    async fn many_writers_at_once_each_get_their_own_answer(db) {
        db.write(insert("taken")).await;
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                let store = db.store.clone();
                tokio::spawn(async move {
                    match n % 4 {
                        0 => store.write(insert("taken")).await.map_err(CaseError::from),
                        1 => store.write(|repos| { insert("lost")(repos)?; Err(CaseError::Refused) }).await,
                        _ => store.write(insert(&format!("u{n}"))).await.map_err(CaseError::from),
                    }
                })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            let result = task.await.unwrap();
            match n % 4 {
                // Both are taken, and each database has its own order of looking.
                0 => assert!(
                    matches!(
                        result,
                        Err(CaseError::Store(StoreError::Conflict(Conflict::Username | Conflict::Email)))
                    ),
                    "{result:?}"
                ),
                1 => assert!(matches!(result, Err(CaseError::Refused)), "{result:?}"),
                _ => {
                    let id = result.unwrap();
                    assert!(db.read(move |repos| repos.users().find(id)).await.is_some());
                }
            }
        }
        assert_eq!(db.rows("users"), 101);
    }

    async fn what_was_answered_is_in_the_database(db) {
        // Another connection sees each write as soon as it is answered, however many share a commit.
        let seen = Arc::new(AtomicUsize::new(0));
        let other = db.open_again();
        let tasks: Vec<_> = (0..60)
            .map(|n| {
                let (store, other, seen) = (db.store.clone(), other.store.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let id = store.write(insert(&format!("u{n}"))).await.unwrap();
                    let found: Option<_> = other.read(move |repos| repos.users().find(id)).await.unwrap();
                    seen.fetch_add(usize::from(found.is_some()), Ordering::Relaxed);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(seen.load(Ordering::Relaxed), 60);
    }

    async fn the_work_of_a_caller_that_went_away_is_finished(db) {
        let (begun, begins) = std::sync::mpsc::channel();
        let store = db.store.clone();
        let caller = tokio::spawn(async move {
            store.write(move |repos| { begun.send(()).unwrap(); insert("ann")(repos) }).await
        });
        tokio::task::spawn_blocking(move || begins.recv()).await.unwrap().unwrap();
        caller.abort();
        drop(caller.await);
        // The next write waits for it on SQLite; on PostgreSQL it may still be under way.
        db.write(insert("bob")).await;
        for _ in 0..100 {
            if db.rows("users") == 2 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("the work was lost");
    }

    async fn reading_does_not_wait_for_more_connections_than_there_are(db) {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let store = db.store.clone();
                tokio::spawn(async move { store.read(|repos| repos.maintenance().ping()).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let status = db.pool.status();
        assert_eq!((status.max, status.waiting), (4, 0));
        assert!(status.open <= 4 && status.idle == status.open, "{status:?}");
    }
}

#[tokio::test]
async fn waiting_for_a_connection_ends() {
    let db = Fixture::postgres();
    let options = Options { pool_size: 1, connect_timeout: Span::milliseconds(50), ..options() };
    let small = open(&db.url, &options).unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let store = small.store.clone();
    let busy = tokio::spawn(async move {
        store
            .read(move |repos| {
                begun.send(()).unwrap();
                released.recv().unwrap();
                repos.maintenance().ping()
            })
            .await
    });
    begins.await.unwrap();
    let waiting: Result<(), StoreError> = small.store.read(|repos| repos.maintenance().ping()).await;
    assert!(matches!(waiting, Err(StoreError::Unavailable(_))), "{waiting:?}");
    release.send(()).unwrap();
    busy.await.unwrap().unwrap();
    small.store.read(|repos| repos.maintenance().ping()).await.unwrap();
}

/// As when the disk is full, `SQLite` may give up a transaction by itself, whatever stands in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_sqlite_gives_up_is_answered_as_such() {
    let db = Fixture::sqlite();
    db.execute(
        "CREATE TRIGGER bomb BEFORE INSERT ON users WHEN new.username = 'bomb' \
         BEGIN SELECT RAISE(ROLLBACK, 'the disk is full'); END",
    );
    let mut kept = 0;
    for round in 0..10 {
        let tasks: Vec<_> = (0..12)
            .map(|n| {
                let (store, name) = (db.store.clone(), format!("u{round}x{n}"));
                tokio::spawn(async move {
                    let work = insert(if n == 6 { "bomb" } else { &name });
                    let work = move |repos: &mut dyn Repositories| {
                        let result = work(repos);
                        if result.is_err() {
                            // Outside the transaction that was given up, this would stay.
                            assert!(insert("after")(repos).is_err());
                        }
                        result
                    };
                    store.write(work).await
                })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            match task.await.unwrap() {
                Ok(id) => {
                    kept += 1;
                    assert!(n != 6 && db.read(move |repos| repos.users().find(id)).await.is_some());
                }
                Err(error) => assert!(!matches!(error, StoreError::Conflict(_)), "{error:?}"),
            }
        }
        // Whoever was told so is gone, and the next write finds everything in order.
        assert_eq!(db.rows("users"), kept);
        db.write(insert(&format!("next{round}"))).await;
        kept += 1;
    }
}

#[tokio::test]
async fn readers_cannot_write_on_sqlite() {
    let db = Fixture::sqlite();
    let refused = db.store.read(insert("ann")).await;
    assert!(refused.unwrap_err().to_string().contains("only reads"));
}

#[tokio::test]
async fn dropping_the_store_finishes_accepted_writes() {
    for sqlite_synchronous in [Synchronous::Full, Synchronous::Normal] {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("a.db").display());
        let options = Options { sqlite_synchronous, ..options() };
        let opened = open(&url, &options).unwrap();
        let writes: Vec<_> = (0..50)
            .map(|n| {
                let store = opened.store.clone();
                tokio::spawn(async move { store.write(insert(&format!("u{n}"))).await })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(opened);
        for write in writes {
            write.await.unwrap().unwrap();
        }
        let again = open(&url, &options).unwrap();
        for n in 0..50 {
            let found = again.store.read(move |repos| repos.users().find_by_username(&format!("u{n}"))).await;
            let found: Result<_, StoreError> = found;
            assert!(found.unwrap().is_some(), "{n}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_file_is_one_for_servers_whatever_it_is_called_by_links() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = folder.path().join("doorward.db");
    let links = [elsewhere.path().join("link.db"), elsewhere.path().join("folder").join("doorward.db")];
    std::os::unix::fs::symlink(&file, &links[0]).unwrap();
    std::os::unix::fs::symlink(folder.path(), elsewhere.path().join("folder")).unwrap();
    let url = |path: &std::path::Path| format!("sqlite://{}", path.display());
    // The file is made by who has the claim.
    for _ in 0..2 {
        let held = claim(&url(&links[0])).unwrap();
        for path in [&file, &links[0], &links[1]] {
            assert!(matches!(claim(&url(path)), Err(OpenError::InUse(_))), "{}", path.display());
        }
        drop(held);
        std::fs::write(&file, "").unwrap();
    }
}

#[test]
fn urls_that_name_nothing_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = format!("sqlite://{}/missing/a.db", folder.path().display());
    for url in ["", "doorward.db", "mysql://localhost/a", "/tmp/a.db", "postgresql", "file:a.db"] {
        let error = open(url, &options()).unwrap_err();
        assert!(matches!(error, OpenError::UnknownScheme), "{url}: {error:?}");
    }
    for url in ["sqlite:", "sqlite://", "sqlite::memory:", "sqlite://:memory:", "sqlite:///tmp/"] {
        let error = open(url, &options()).unwrap_err();
        assert!(matches!(error, OpenError::NoFile(_)), "{url}: {error:?}");
    }
    let error = open(&missing, &options()).unwrap_err();
    assert!(matches!(error, OpenError::MissingFolder(_)), "{error:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "and nothing was made");
    let error = open(&format!("sqlite://{}", folder.path().display()), &options()).unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error:?}");
    let error = open("postgres://nobody@127.0.0.1:1/none", &options()).unwrap_err();
    assert!(matches!(error, OpenError::Connect(_)), "{error:?}");
}

#[cfg(unix)]
#[test]
fn a_new_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    drop(open(&format!("sqlite:{}", path.display()), &options()).unwrap());
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}
