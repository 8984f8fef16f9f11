//! The outbox: an event is there exactly when its transaction was committed, and is handled at least once, in the order of
//! commits of its topic, whatever dies meanwhile.

use crate::jobs::{end_leases, server, until, until_async};
use crate::support::*;
use async_trait::async_trait;
use doorward_ports::bus::Event;
use doorward_ports::outbox::Message;
use doorward_ports::{Bus, Repositories, Store, StoreError};
use doorward_services::jobs::{Job, LeaseTerms, RunOutcome, Runner};
use doorward_services::outbox::{self, Outbox, Subscriber};
use doorward_services::{Context, Error, Principal};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use time::Duration;
use tokio::sync::Notify;

fn announce(repos: &mut dyn Repositories, topic: &str, payload: &str) -> Result<i64, StoreError> {
    repos.outbox().announce(&permit(), topic, payload, NOW)
}

async fn first(store: &Store, topic: &'static str, limit: u32) -> Vec<Message> {
    store.read(move |repos| repos.outbox().first(topic, limit)).await.unwrap()
}

fn wake(bus: &Bus) {
    bus.publish(Event::new(outbox::WAKES_ON, "").unwrap());
}

contract! {
    async fn an_event_is_there_when_its_transaction_was_committed_and_only_then(db) {
        let ann = user("ann");
        let id = ann.id;
        let undone = db.refused(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            announce(repos, "users", "1")?;
            Err::<(), _>(StoreError::other("changed my mind"))
        });
        undone.await;
        assert_eq!((db.rows("outbox"), first(&db.store, "users", 9).await), (0, Vec::new()));
        let bob = user("bob");
        db.write(move |repos| {
            repos.users().insert(&permit(), &bob)?;
            announce(repos, "users", r#"{"a":"\u00e9"}"#)
        })
        .await;
        let found = first(&db.store, "users", 9).await;
        assert_eq!(found.len(), 1);
        let message = &found[0];
        assert_eq!((message.topic.as_str(), message.payload.as_str()), ("users", r#"{"a":"\u00e9"}"#));
        assert_eq!((message.created_at, message.attempts, message.wait), (NOW, 0, Duration::ZERO));
        assert!(db.read(move |repos| repos.users().find(id)).await.is_none());
    }

    async fn events_are_read_in_their_order_by_topic_counted_and_removed(db) {
        let ids = db
            .write(|repos| {
                ["b", "a", "b", "b"].iter().zip(["0", "1", "2", "3"]).map(|(topic, n)| announce(repos, topic, n)).collect::<Result<Vec<_>, _>>()
            })
            .await;
        assert!(ids.is_sorted() && ids.iter().collect::<BTreeSet<_>>().len() == 4);
        let payloads = async |topic, limit| first(&db.store, topic, limit).await.into_iter().map(|m| m.payload).collect::<Vec<_>>();
        assert_eq!(payloads("b", 2).await, ["0", "2"]);
        assert_eq!(db.read(|repos| repos.outbox().count()).await, [("a".to_owned(), 1), ("b".to_owned(), 3)]);
        let done = [ids[0], ids[2]];
        assert_eq!(db.write(move |repos| repos.outbox().remove(&permit(), &done)).await, 2);
        assert_eq!(db.write(move |repos| repos.outbox().remove(&permit(), &done)).await, 0);
        assert_eq!(db.write(|repos| repos.outbox().remove(&permit(), &[])).await, 0);
        assert_eq!((payloads("b", 9).await, payloads("a", 9).await), (vec!["3".to_owned()], vec!["1".to_owned()]));
        // No id is given twice, also when the table has become empty.
        let rest = [ids[1], ids[3]];
        db.write(move |repos| repos.outbox().remove(&permit(), &rest)).await;
        assert!(db.write(|repos| announce(repos, "a", "4")).await > ids[3]);
    }

    async fn an_event_that_failed_waits_by_the_clock_of_the_database(db) {
        let id = db.write(|repos| announce(repos, "a", "1")).await;
        assert!(db.write(move |repos| repos.outbox().postpone(&permit(), id, Duration::HOUR, "no")).await);
        assert!(!db.write(move |repos| repos.outbox().postpone(&permit(), id + 1, Duration::HOUR, "no")).await);
        let waiting = first(&db.store, "a", 9).await.remove(0);
        assert_eq!(waiting.attempts, 1);
        assert!(waiting.wait > Duration::minutes(59) && waiting.wait <= Duration::HOUR, "{}", waiting.wait);
        assert_eq!(db.number("SELECT count(*) FROM outbox WHERE last_error = 'no'"), 1);
        assert!(db.write(move |repos| repos.outbox().postpone(&permit(), id, Duration::ZERO, "no")).await);
        assert_eq!(first(&db.store, "a", 9).await[0].wait, Duration::ZERO);
    }

    async fn an_announced_event_is_handled_at_once_and_removed(db) {
        let bus = Bus::default();
        let (ctx, seen) = (server(&db.store, bus.clone(), 1), Arc::new(Seen::of("a")));
        let runner = Runner::start(&ctx, vec![job(&[&seen])], LeaseTerms::DEFAULT);
        // So that only a wake-up can be the reason.
        until_async(async || db.read(|repos| repos.jobs().find("outbox")).await.is_some_and(|job| job.last_finished_at.is_some())).await;
        postpone_job(&db);
        outbox::announce(&ctx, &Principal::system("a test"), "a", 7).await.unwrap();
        until(|| seen.payloads() == ["7"]).await;
        until_async(async || db.rows("outbox") == 0).await;
        runner.stop().await;
    }

    async fn a_topic_that_fails_waits_and_others_go_on(db) {
        let bus = Bus::default();
        let ctx = server(&db.store, bus.clone(), 1);
        let (sick, well) = (Arc::new(Seen::of("sick")), Arc::new(Seen::of("well")));
        sick.fails.store(true, Ordering::SeqCst);
        db.write(|repos| (0..6).try_for_each(|n| announce(repos, if n % 2 == 0 { "sick" } else { "well" }, &n.to_string()).map(drop))).await;
        let runner = Runner::start(&ctx, vec![job(&[&sick, &well])], LeaseTerms::DEFAULT);
        until(|| well.payloads() == ["1", "3", "5"]).await;
        until_async(async || first(&db.store, "sick", 1).await[0].attempts > 0).await;
        assert_eq!(sick.payloads().iter().collect::<BTreeSet<_>>().len(), 1, "nothing overtakes what failed");
        // What was handled is removed a moment later.
        until_async(async || db.read(|repos| repos.outbox().count()).await == [("sick".to_owned(), 3)]).await;
        sick.fails.store(false, Ordering::SeqCst);
        db.execute("UPDATE outbox SET next_attempt_at = NULL");
        wake(&bus);
        until_async(async || db.rows("outbox") == 0).await;
        let handled = sick.payloads();
        assert_eq!(handled[handled.len() - 3..], ["0", "2", "4"]);
        assert_eq!(runner.tally().jobs()["outbox"].runs(RunOutcome::Failure), 0, "the job itself did what it could");
    }

    async fn a_subscriber_that_panics_has_failed(db) {
        let (ctx, faulty) = (server(&db.store, Bus::default(), 1), Arc::new(Seen::of("a")));
        faulty.panics.store(true, Ordering::SeqCst);
        db.write(|repos| announce(repos, "a", "1")).await;
        let _runner = Runner::start(&ctx, vec![job(&[&faulty])], LeaseTerms::DEFAULT);
        until_async(async || db.number("SELECT count(*) FROM outbox WHERE attempts > 0 AND last_error = 'the subscriber panicked'") == 1).await;
    }

    async fn events_that_nobody_knows_stay_where_they_are(db) {
        let (ctx, known) = (server(&db.store, Bus::default(), 1), Arc::new(Seen::of("known")));
        db.write(|repos| announce(repos, "unknown", "1").and_then(|_| announce(repos, "known", "2"))).await;
        let runner = Runner::start(&ctx, vec![job(&[&known])], LeaseTerms::DEFAULT);
        until(|| known.payloads() == ["2"]).await;
        runner.stop().await;
        assert_eq!(db.read(|repos| repos.outbox().count()).await, [("unknown".to_owned(), 1)]);
    }

    // Twelve transactions at once on two servers, two topics, one of them slow and some rolled back; whoever handles is killed
    // in the midst of an event, and another server goes on.
    async fn all_events_of_concurrent_transactions_are_handled_in_the_order_of_commits_though_a_server_dies(db) {
        let (other, bus) = (db.open_again().store, Bus::default());
        let first_life = Arc::new(Seen::of("a"));
        first_life.blocks_at.store(true, Ordering::SeqCst);
        let dies = Runner::start(&server(&db.store, bus.clone(), 1), vec![job(&[&first_life])], LeaseTerms::DEFAULT);

        // The slow one has announced, and is committed only after others have tried.
        let (go_on, wait) = mpsc::channel::<()>();
        let (has_announced, announced) = tokio::sync::oneshot::channel::<()>();
        let held = Arc::new(Mutex::new(Some((wait, has_announced))));
        let slow = {
            let store = db.store.clone();
            tokio::spawn(async move {
                store.write(move |repos| {
                    announce(repos, "a", "slow")?;
                    if let Some((wait, has_announced)) = held.lock().unwrap().take() {
                        has_announced.send(()).unwrap();
                        wait.recv().unwrap();
                    }
                    Ok::<_, StoreError>(())
                }).await
            })
        };
        announced.await.unwrap();
        let quick: Vec<_> = (0..12)
            .map(|n| {
                let store = if n % 2 == 0 { db.store.clone() } else { other.clone() };
                tokio::spawn(async move {
                    let mut ids = Vec::new();
                    for round in 0..5 {
                        let payload = format!("{n}.{round}");
                        let written = store.write(move |repos| {
                            announce(repos, if n % 4 == 3 { "b" } else { "a" }, &payload)?;
                            if round == 3 { Err(StoreError::other("changed my mind")) } else { Ok(()) }
                        });
                        if written.await.is_ok() {
                            ids.push(format!("{n}.{round}"));
                        }
                    }
                    ids
                })
            })
            .collect();
        if db.is_postgres() {
            let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
            until(|| db.number(waiting) > 0).await;
        }
        go_on.send(()).unwrap();
        slow.await.unwrap().unwrap();
        let mut expected = BTreeMap::from([("a", vec!["slow".to_owned()]), ("b", Vec::new())]);
        for (n, task) in quick.into_iter().enumerate() {
            let committed = task.await.unwrap();
            assert_eq!(committed.len(), 4, "{n}: {committed:?}");
            expected.get_mut(if n % 4 == 3 { "b" } else { "a" }).unwrap().extend(committed);
        }

        wake(&bus);
        first_life.is_blocked.notified().await;
        drop(dies);
        end_leases(&db);
        let (a, b) = (Arc::new(Seen::of("a")), Arc::new(Seen::of("b")));
        let _lives = Runner::start(&server(&other, bus.clone(), 2), vec![job(&[&a, &b])], LeaseTerms::DEFAULT);
        until_async(async || db.rows("outbox") == 0).await;

        let (before, after) = (first_life.seen(), a.seen());
        for handled in [&before, &after, &b.seen()] {
            assert!(handled.is_sorted_by(|(one, _), (next, _)| one < next), "out of order: {handled:?}");
        }
        // What the dead one was at comes again.
        assert!(before.last().unwrap().0 >= after[0].0, "{before:?} {after:?}");
        for (topic, handled) in [("a", [before, after].concat()), ("b", b.seen())] {
            let handled: BTreeSet<String> = handled.into_iter().map(|(_, payload)| payload).collect();
            assert_eq!(handled, expected[topic].iter().cloned().collect(), "{topic}");
        }
        // Ids tell of the order of commits: who announces one after another gets larger ones.
        for n in 0..12 {
            let of_one = [a.seen(), b.seen()].concat().into_iter().filter(|(_, payload)| payload.starts_with(&format!("{n}.")));
            assert!(of_one.map(|(_, payload)| payload).is_sorted(), "{n}");
        }
    }
}

/// The job, for these subscribers.
fn job(subscribers: &[&Arc<Seen>]) -> Arc<dyn Job> {
    let all = subscribers.iter().map(|seen| Arc::<Seen>::clone(seen) as Arc<dyn Subscriber>).collect();
    Arc::new(Outbox::new(all))
}

/// Has the next run of the job be far away.
fn postpone_job(db: &Fixture) {
    let far = if db.is_postgres() { "now() + interval '1 hour'" } else { "4102444800000000" };
    db.execute(&format!("UPDATE jobs SET next_run_at = {far}"));
}

/// Notes what it is given, and can be made to fail.
struct Seen {
    topic: &'static str,
    messages: Mutex<Vec<(i64, String)>>,
    fails: AtomicBool,
    panics: AtomicBool,
    /// Gets stuck at its fifth event.
    blocks_at: AtomicBool,
    is_blocked: Notify,
}

impl Seen {
    fn of(topic: &'static str) -> Self {
        Self {
            topic,
            messages: Mutex::default(),
            fails: AtomicBool::new(false),
            panics: AtomicBool::new(false),
            blocks_at: AtomicBool::new(false),
            is_blocked: Notify::new(),
        }
    }

    fn seen(&self) -> Vec<(i64, String)> {
        self.messages.lock().unwrap().clone()
    }

    fn payloads(&self) -> Vec<String> {
        self.seen().into_iter().map(|(_, payload)| payload).collect()
    }
}

#[async_trait]
impl Subscriber for Seen {
    fn topic(&self) -> &'static str {
        self.topic
    }

    async fn handle(&self, _ctx: &Context, message: &Message) -> Result<(), Error> {
        self.messages.lock().unwrap().push((message.id, message.payload.clone()));
        assert!(!self.panics.load(Ordering::SeqCst));
        if self.blocks_at.load(Ordering::SeqCst) && self.seen().len() == 5 {
            self.is_blocked.notify_one();
            std::future::pending::<()>().await;
        }
        if self.fails.load(Ordering::SeqCst) { Err(Error::Internal("no".into())) } else { Ok(()) }
    }
}
