//! How fast the hot steps are, with sixteen callers at once. Not a test, so it is left out unless asked for:
//!
//! `cargo test --release -p doorward-storage --test contract speed -- --ignored --nocapture`

use crate::support::*;
use doorward_domain::Digest;
use doorward_domain::settings::Section as _;
use doorward_ports::oauth2::ClientToken;
use doorward_ports::{Store, StoreError};
use doorward_storage::{Options, Synchronous, open};
use doorward_testkit::postgres::{Cluster, Options as ClusterOptions};
use doorward_testkit::settings::defaults;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CALLERS: usize = 16;
const SPAN: Duration = Duration::from_secs(3);

/// Calls per second of a step that each caller repeats.
async fn rate<F, Fut>(step: F) -> u64
where
    F: Fn(usize, i64) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), StoreError>> + Send,
{
    let step = Arc::new(step);
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let step = Arc::clone(&step);
            tokio::spawn(async move {
                let begin = Instant::now();
                let mut calls = 0;
                while begin.elapsed() < SPAN {
                    step(caller, calls).await.unwrap();
                    calls += 1;
                }
                calls
            })
        })
        .collect();
    let mut calls = 0;
    for caller in callers {
        calls += caller.await.unwrap();
    }
    u64::try_from(calls).unwrap() / SPAN.as_secs()
}

async fn measure(name: &str, store: Store) {
    let robot = user("robot");
    let app = doorward_domain::oauth2::App { service_account_id: Some(robot.id), ..app("app") };
    let secret = secret(&app);
    let grants: Vec<_> = (0..CALLERS).map(|_| grant(&app, Some(&secret), &robot)).collect();
    let acme = organization("acme");
    let (client, key) = (client(&secret), grants[0].1.clone());
    let stored = grants.clone();
    let done: Result<(), StoreError> = store
        .write(move |repos| {
            repos.organizations().insert(&permit(), &acme)?;
            repos.users().insert(&permit(), &robot)?;
            repos.organizations().insert_member(&permit(), &membership(acme.id, robot.id))?;
            repos.apps().insert(&permit(), &app)?;
            repos.apps().insert_secret(&permit(), &secret)?;
            stored.iter().try_for_each(|(grant, key)| repos.grants().insert(&permit(), grant, key))
        })
        .await;
    done.unwrap();
    let (one, asked) = (store.clone(), client.clone());
    let issue = rate(move |_, _| {
        let (store, client) = (one.clone(), asked.clone());
        async move {
            let token = ClientToken {
                jkt: None,
                client,
                key_id: key_id(),
                key_digest: Digest::of("token"),
                scopes: doorward_domain::oauth2::Scopes::all(),
                ip: "192.0.2.9".to_owned(),
                now: NOW,
                expires_at: NOW + time::Duration::HOUR,
            };
            let issued = store.at_once(move |once| once.issue_client_token(&permit(), &token)).await?;
            assert!(issued.is_some());
            Ok(())
        }
    })
    .await;
    let (one, asked) = (store.clone(), client.clone());
    let rotate = rate(move |caller, n| {
        let (store, rotation) = (one.clone(), rotation(asked.clone(), &grants[caller].0, n));
        async move {
            let rotated = store.at_once(move |once| once.rotate(&permit(), &rotation)).await?;
            assert!(rotated.is_some());
            Ok(())
        }
    })
    .await;
    let (one, asked, id) = (store.clone(), client.clone(), key.id.clone());
    let introspect = rate(move |_, _| {
        let (store, client, id) = (one.clone(), asked.clone(), id.clone());
        async move {
            let work = move |repos: &mut dyn doorward_ports::Repositories| {
                let token = Some((id, Digest::of("access 0")));
                repos.grants().introspect_access(&doorward_ports::oauth2::IntrospectionQuery {
                    client,
                    token,
                    now: NOW,
                })
            };
            assert!(store.read(work).await?.is_some());
            Ok(())
        }
    })
    .await;
    let owner = rate(move |_, _| {
        let (store, id) = (store.clone(), key.id.clone());
        async move {
            assert!(store.read(move |repos| repos.api_keys().find_owner(&id)).await?.is_some());
            Ok(())
        }
    })
    .await;
    println!("{name}: issue {issue}/s, rotate {rotate}/s, introspect {introspect}/s, find_owner {owner}/s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures for half a minute"]
async fn of_sqlite() {
    for sqlite_synchronous in [Synchronous::Full, Synchronous::Normal] {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("speed.db").display());
        let opened = open(&url, &Options { sqlite_synchronous, ..defaults(Options::NAME) }).unwrap();
        measure(&format!("SQLite {sqlite_synchronous:?}"), opened.store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures for half a minute"]
async fn of_postgres() {
    for commit in ["on", "off"] {
        let settings = vec![format!("synchronous_commit = {commit}"), "shared_buffers = 256MB".to_owned()];
        let cluster =
            Cluster::private(&ClusterOptions { durable: true, settings, ..ClusterOptions::default() }).unwrap();
        let opened = open(&cluster.url(), &defaults(Options::NAME)).unwrap();
        measure(&format!("PostgreSQL with synchronous_commit = {commit}"), opened.store).await;
    }
}
