//! What is told of changes: all that was committed and nothing else, here at once and elsewhere within a second.

use super::support::*;
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use doorward_domain::users::UserStatus;
use doorward_ports::StoreError;
use doorward_ports::bus::{Event, Heard, Subscription};
use doorward_ports::changes::{Change, ChangeLog};
use doorward_storage::Opened;
use std::time::{Duration, Instant};

/// A server that hears what others do.
pub(crate) async fn server(db: &Fixture) -> (Opened, doorward_storage::ChangeWatch) {
    let opened = db.open_again();
    let watch = opened.watch_changes().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !opened.changes().is_vouched_for() {
        assert!(Instant::now() < deadline, "it does not hear itself");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (opened, watch)
}

/// Whether this is reported of a write, at once.
async fn reports<T: Send + 'static>(
    server: &Opened,
    change: Change,
    work: impl FnOnce(&mut dyn doorward_ports::Repositories) -> Result<T, StoreError> + Clone + Send + 'static,
) -> bool {
    let log = server.changes();
    let before = log.now();
    server.store.write(work).await.ok();
    !log.is_unchanged(before, &[log.slot(&change)])
}

contract! {
    async fn what_is_rolled_back_or_only_read_is_no_change(db) {
        let granted = Granted::in_store(&db).await;
        let (server, _watch) = server(&db).await;
        let (user, by_user) = (granted.user.id, Change::User(granted.user.id));
        let undone = move |r: &mut dyn doorward_ports::Repositories| {
            r.users().update_status(&permit(), user, UserStatus::Suspended, NOW)?;
            Err::<(), _>(StoreError::other("changed my mind"))
        };
        assert!(!reports(&server, by_user.clone(), undone).await);
        assert!(!reports(&server, by_user.clone(), move |r| r.users().find(user)).await);
        assert!(reports(&server, by_user, move |r| r.users().touch(&permit(), user, NOW)).await);
    }

    async fn a_process_that_does_not_listen_is_heard(db) {
        let granted = Granted::in_store(&db).await;
        let (server, _watch) = server(&db).await;
        let log: ChangeLog = server.changes();
        let user = granted.user.id;
        for n in 0..3 {
            let before = log.now();
            // Something else each time: SQLite writes no page that stays as it is.
            let roles = role_names(&[&format!("role-{n}")]);
            db.write(move |repos| repos.users().update_roles(&permit(), user, &roles, NOW)).await;
            let answered = Instant::now();
            while log.is_unchanged(before, &[log.slot(&Change::User(user))]) {
                assert!(answered.elapsed() < Duration::from_secs(1), "it was not heard");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert!(log.is_vouched_for());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wake_up_is_heard_at_every_server_and_is_no_change() {
    let db = Fixture::postgres();
    let (sender, _watch) = server(&db).await;
    let (hearer, _hears) = server(&db).await;
    let (log, before) = (hearer.changes(), hearer.changes().now());
    let (mut here, mut there, mut other) =
        (sender.bus().subscribe("jobs"), hearer.bus().subscribe("jobs"), hearer.bus().subscribe("others"));
    for payload in ["1", "two words", "c *", ""] {
        sender.bus().publish(Event::new("jobs", payload).unwrap());
    }
    sender.bus().publish(Event::new("others", "last").unwrap());
    assert_eq!(soon(&mut other).await, Heard::Event("last".to_owned()));
    for subscription in [&mut here, &mut there] {
        for payload in ["1", "two words", "c *", ""] {
            assert_eq!(soon(subscription).await, Heard::Event(payload.to_owned()), "in order, and once");
        }
    }
    assert!(log.is_unchanged(before, &[]), "nothing is forgotten for a wake-up");
}

async fn soon(subscription: &mut Subscription) -> Heard {
    tokio::time::timeout(Duration::from_secs(20), subscription.next()).await.unwrap()
}

/// The commit that tells of exchanged refresh tokens is that of a heartbeat, which there is anyway.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exchanged_refresh_tokens_are_told_with_heartbeats_and_cost_no_commit_of_their_own() {
    let db = Fixture::postgres();
    let granted = Granted::in_store(&db).await;
    let (sender, _watch) = server(&db).await;
    let (hearer, _hears) = server(&db).await;
    let mut line = PgConnection::establish(&db.url).unwrap();
    line.batch_execute("LISTEN doorward_changes").unwrap();
    let (mut grant, log) = (granted.grant.clone(), hearer.changes());
    let place = log.slot(&Change::Key(granted.key.id.clone()));
    for n in 0..100 {
        let before = log.now();
        let asked = rotation(granted.client(), &grant, n);
        (grant.refresh_digest, grant.refresh_expires_at) = (asked.next, asked.refresh_expires_at);
        let done = sender.store.at_once(move |once| once.rotate(&permit(), &asked)).await;
        assert!(done.unwrap().is_some());
        let answered = Instant::now();
        // Now and then, for to wait for each would leave nothing to be gathered.
        while n % 20 == 19 && log.is_unchanged(before, &[place]) {
            assert!(answered.elapsed() < Duration::from_secs(1), "it was not heard");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let said: Vec<String> = line.notifications_iter().map(|said| said.unwrap().payload).collect();
    let changes = said.iter().enumerate().filter(|(_, said)| said.starts_with('c'));
    let carried: Vec<usize> = changes.map(|(at, _)| at).collect();
    assert!(!carried.is_empty());
    for at in carried {
        let server = said[at][1..].split(' ').next().unwrap();
        assert!(said[at + 1].starts_with(&format!("h{server} ")), "{said:?}");
    }
}
