//! Jobs and their leases: one server runs each, and another one takes over.

use crate::support::*;
use async_trait::async_trait;
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use doorward_domain::keys::KeyRing;
use doorward_ports::jobs::{JobState, Run};
use doorward_ports::mocks::{FixedClock, PlainHasher, SeededRandom};
use doorward_ports::{Bus, Store};
use doorward_services::jobs::{Job, Lease, LeaseTerms, Next, RunOutcome, Runner, Schedule};
use doorward_services::keys::Keys;
use doorward_services::{Context, Error, Settings, SubjectCache};
use doorward_testkit::settings::Defaults;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use time::Duration;
use tokio::sync::Notify;
use uuid::Uuid;

const MINUTE: Duration = Duration::MINUTE;
const ONE: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

/// What a server has, which differs from others by its number.
pub(crate) fn server(store: &Store, bus: Bus, number: u64) -> Context {
    Context {
        store: store.clone().into(),
        clock: Arc::new(FixedClock::at(NOW)),
        random: Arc::new(SeededRandom::new(number)),
        passwords: Arc::new(PlainHasher),
        keys: Keys::fixed(KeyRing::single(&[7; 32])),
        cache: SubjectCache::off(),
        licensing: doorward_services::Licensing::unlimited(),
        bus,
        upstreams: doorward_services::identity_providers::Upstreams::default(),
        server: Arc::default(),
        outlets: doorward_services::notifications::Outlets::default(),
        proxy_health: doorward_services::workspace_proxies::ProxyHealth::default(),
        looks: doorward_services::appearance::Looks::default(),
        policies: doorward_services::oauth2::Policies::none(),
        devices: doorward_services::oauth2::DeviceTally::default(),
        job_waiters: doorward_services::provisioner_jobs::JobWaiters::default(),
        settings: Arc::new(Settings::from_sections("https://door.example".parse().unwrap(), &Defaults)),
    }
}

/// Has the leases of all jobs end now, as if their time had passed.
pub(crate) fn end_leases(db: &Fixture) {
    let ended = if db.is_postgres() { "now() - interval '1 second'" } else { "1" };
    db.execute(&format!("UPDATE jobs SET lease_until = {ended} WHERE lease_until IS NOT NULL"));
}

async fn claim(db: &Fixture, holder: Uuid, urgent: bool) -> Option<Run> {
    db.write(move |repos| repos.jobs().claim(&permit(), "sweep", holder, MINUTE, urgent)).await
}

async fn extend(db: &Fixture, run: &Run) -> bool {
    let run = run.clone();
    db.write(move |repos| repos.jobs().extend(&permit(), &run, MINUTE)).await
}

async fn finish(db: &Fixture, run: &Run, error: Option<&'static str>) -> bool {
    let (run, error) = (run.clone(), error.map(str::to_owned));
    db.write(move |repos| repos.jobs().finish(&permit(), &run, MINUTE, error)).await
}

async fn state(db: &Fixture) -> JobState {
    db.read(|repos| repos.jobs().find("sweep")).await.unwrap()
}

async fn with_job(db: &Fixture) {
    assert!(db.write(|repos| repos.jobs().ensure(&permit(), "sweep")).await);
}

contract! {
    async fn jobs_are_listed_by_their_names(db) {
        let names = db
            .write(|repos| {
                for name in ["sweep", "count"] {
                    repos.jobs().ensure(&permit(), name)?;
                }
                repos.jobs().list()
            })
            .await
            .into_iter()
            .map(|(name, state)| (name, state.runs))
            .collect::<Vec<_>>();
        assert_eq!(names, [("count".to_owned(), 0), ("sweep".to_owned(), 0)]);
    }

    async fn a_job_is_made_once_and_is_due_at_once(db) {
        assert_eq!(db.read(|repos| repos.jobs().find("sweep")).await, None);
        assert_eq!(claim(&db, ONE, true).await, None, "there is none");
        with_job(&db).await;
        assert!(!db.write(|repos| repos.jobs().ensure(&permit(), "sweep")).await);
        let new = state(&db).await;
        assert_eq!((new.claimable_in, new.holder, new.runs), (Duration::ZERO, None, 0));
        assert_eq!((new.last_started_at, new.last_finished_at, new.last_error), (None, None, None));
    }

    async fn a_clock_that_was_set_back_stops_no_job(db) {
        with_job(&db).await;
        let day_later = |columns: &[&str]| {
            let day = if db.is_postgres() { "interval '1 day'" } else { "86400000000" };
            let sets: Vec<String> = columns.iter().map(|column| format!("{column} = {column} + {day}")).collect();
            db.execute(&format!("UPDATE jobs SET {}", sets.join(", ")));
        };
        let run = claim(&db, ONE, false).await.unwrap();
        assert!(finish(&db, &run, None).await);
        assert_eq!(claim(&db, OTHER, false).await, None, "it is not due for a minute");
        day_later(&["next_run_at", "last_started_at", "last_finished_at"]);
        // Its holder dies, and the clock is set back once more.
        assert!(claim(&db, ONE, false).await.is_some());
        assert_eq!(claim(&db, OTHER, false).await, None);
        day_later(&["next_run_at", "last_started_at", "lease_until"]);
        assert!(claim(&db, OTHER, false).await.is_some());
    }

    async fn one_of_many_servers_gets_it(db) {
        with_job(&db).await;
        let stores = [db.store.clone(), db.open_again().store];
        let tasks: Vec<_> = (0..20_u128)
            .map(|n| {
                let store = stores[usize::from(n % 2 == 0)].clone();
                let holder = Uuid::from_u128(n);
                tokio::spawn(async move {
                    store.write(move |repos| repos.jobs().claim(&permit(), "sweep", holder, MINUTE, n % 3 == 0)).await
                })
            })
            .collect();
        let mut runs = Vec::new();
        for task in tasks {
            runs.extend(task.await.unwrap().unwrap());
        }
        assert_eq!(runs.len(), 1);
        let held = state(&db).await;
        assert_eq!((held.holder, held.runs, runs[0].number), (Some(runs[0].holder), 1, 1));
        assert!(held.last_started_at.is_some());
        assert!(held.claimable_in > MINUTE / 2 && held.claimable_in <= MINUTE, "{}", held.claimable_in);
    }

    async fn who_holds_a_job_keeps_it_by_extending_the_lease_and_nobody_else_can(db) {
        with_job(&db).await;
        let run = claim(&db, ONE, false).await.unwrap();
        assert!(extend(&db, &run).await);
        assert_eq!(claim(&db, OTHER, true).await, None);
        for other in [Run { holder: OTHER, ..run.clone() }, Run { number: 2, ..run.clone() }, Run { job: "x".to_owned(), ..run.clone() }] {
            assert!(!extend(&db, &other).await && !finish(&db, &other, None).await);
            assert!(!db.write(move |repos| repos.jobs().release(&permit(), &other)).await);
        }
        assert!(extend(&db, &run).await);
    }

    async fn when_the_holder_dies_another_takes_over_and_the_dead_one_can_write_nothing(db) {
        with_job(&db).await;
        let dead = claim(&db, ONE, false).await.unwrap();
        end_leases(&db);
        assert!(!extend(&db, &dead).await, "a lease that has ended is not brought back");
        assert_eq!(state(&db).await.claimable_in, Duration::ZERO);
        let heir = claim(&db, OTHER, false).await.unwrap();
        assert_eq!((heir.holder, heir.number), (OTHER, 2));
        assert!(!extend(&db, &dead).await && !finish(&db, &dead, Some("late")).await);
        let held = state(&db).await;
        assert_eq!((held.holder, held.last_finished_at, held.last_error), (Some(OTHER), None, None));
        assert!(extend(&db, &heir).await && finish(&db, &heir, None).await);
        assert!(!extend(&db, &heir).await, "it has ended");
    }

    async fn a_job_that_ended_is_due_after_its_pause_or_when_it_is_urgent(db) {
        with_job(&db).await;
        let run = claim(&db, ONE, false).await.unwrap();
        assert!(finish(&db, &run, Some("no luck")).await);
        let ended = state(&db).await;
        assert_eq!((ended.holder, ended.last_error.as_deref()), (None, Some("no luck")));
        assert!(ended.last_finished_at >= ended.last_started_at);
        assert!(ended.claimable_in > MINUTE / 2 && ended.claimable_in <= MINUTE);
        assert_eq!(claim(&db, ONE, false).await, None);
        let urgent = claim(&db, ONE, true).await.unwrap();
        assert_eq!(urgent.number, 2);
        end_leases(&db);
        let heir = claim(&db, OTHER, false).await.unwrap();
        assert!(finish(&db, &heir, None).await);
        assert_eq!(state(&db).await.last_error, None);
    }

    async fn a_run_that_is_given_up_is_due_for_others_at_once(db) {
        with_job(&db).await;
        let run = claim(&db, ONE, false).await.unwrap();
        let given_up = run.clone();
        assert!(db.write(move |repos| repos.jobs().release(&permit(), &given_up)).await);
        assert!(!extend(&db, &run).await);
        assert_eq!(state(&db).await.last_finished_at, None);
        assert_eq!(claim(&db, OTHER, false).await.unwrap().number, 2);
    }

    async fn the_servers_run_a_job_in_turn_and_a_dead_one_is_replaced(db) {
        let (store, bus) = (db.open_again().store, Bus::default());
        let (mine, theirs) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
        let dies = Runner::start(&server(&db.store, bus.clone(), 1), vec![Arc::<Gate>::clone(&mine)], LeaseTerms::DEFAULT);
        mine.has_begun().await;
        assert_eq!(db.read(|repos| repos.jobs().find("gate")).await.unwrap().holder, Some(dies.holder()));
        let lives = Runner::start(&server(&store, bus.clone(), 2), vec![Arc::<Gate>::clone(&theirs)], LeaseTerms::DEFAULT);
        assert_ne!(dies.holder(), lives.holder());
        // Dead without a word, as by kill -9.
        drop(dies);
        end_leases(&db);
        wake(&bus);
        theirs.has_begun().await;
        assert_eq!((mine.begun(), theirs.begun()), (1, 1));
        theirs.open();
        theirs.has_ended().await;
        until(|| lives.tally().jobs()["gate"].runs(RunOutcome::Success) == 1).await;
        assert_eq!(lives.tally().jobs()["gate"].last_success, Some(NOW));
        // It runs again when it is told to, although its time has not come.
        wake(&bus);
        theirs.has_begun().await;
        lives.stop().await;
        let given_up = db.read(|repos| repos.jobs().find("gate")).await.unwrap();
        assert_eq!((given_up.holder, given_up.last_error, given_up.claimable_in), (None, None, Duration::ZERO));
        assert_eq!(given_up.runs, i64::from(mine.begun() + theirs.begun()));
    }

    async fn what_a_run_writes_after_it_lost_its_lease_is_undone(db) {
        let writer = Arc::new(LateWriter {
            store: db.store.clone(),
            has_begun: Notify::default(),
            goes_on: Notify::default(),
        });
        let late = Runner::start(&server(&db.store, Bus::default(), 1), vec![Arc::<LateWriter>::clone(&writer)], LeaseTerms::DEFAULT);
        writer.has_begun.notified().await;
        end_leases(&db);
        let heir = db.write(|repos| repos.jobs().claim(&permit(), "late", OTHER, MINUTE, false)).await.unwrap();
        writer.goes_on.notify_one();
        until(|| late.tally().jobs()["late"].runs(RunOutcome::Lost) == 1).await;
        assert_eq!(db.rows("outbox"), 0, "it was rolled back");
        assert!(extend(&db, &heir).await, "the heir is not disturbed");
    }

    async fn a_run_that_fails_or_panics_is_written_down_and_the_next_one_comes(db) {
        let bus = Bus::default();
        let faulty = Arc::new(Faulty(AtomicU32::new(0)));
        let runner = Runner::start(&server(&db.store, bus.clone(), 1), vec![faulty], LeaseTerms::DEFAULT);
        let error = async || db.read(|repos| repos.jobs().find("faulty")).await.and_then(|job| job.last_error);
        let ended = |outcome, times| {
            let tally = runner.tally();
            until(move || tally.jobs()["faulty"].runs(outcome) == times)
        };
        ended(RunOutcome::Failure, 1).await;
        until_async(async || error().await.is_some_and(|error| error.contains("out of order"))).await;
        wake(&bus);
        ended(RunOutcome::Failure, 2).await;
        until_async(async || error().await.as_deref() == Some("panicked")).await;
        wake(&bus);
        ended(RunOutcome::Success, 1).await;
        until_async(async || error().await.is_none()).await;
    }
}

/// Others are not held up by a transaction that confirms its lease, and get nothing either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_row_that_is_being_written() {
    let db = Fixture::postgres();
    with_job(&db).await;
    let mut other = PgConnection::establish(&db.url).unwrap();
    other.batch_execute("BEGIN; SELECT 1 FROM jobs FOR UPDATE").unwrap();
    assert_eq!(claim(&db, ONE, true).await, None);
    other.batch_execute("COMMIT").unwrap();
    assert!(claim(&db, ONE, false).await.is_some());
}

fn wake(bus: &Bus) {
    bus.publish(doorward_ports::bus::Event::new("gate", "").unwrap());
}

/// Waits for what happens elsewhere, not for a time.
pub(crate) async fn until(mut happened: impl FnMut() -> bool) {
    until_async(async || happened()).await;
}

pub(crate) async fn until_async(mut happened: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !happened().await {
        assert!(std::time::Instant::now() < deadline, "it does not happen");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// A job that waits until it may end.
#[derive(Default)]
struct Gate {
    begun: AtomicU32,
    has_begun: Notify,
    opens: Notify,
    has_ended: Notify,
}

impl Gate {
    async fn has_begun(&self) {
        tokio::time::timeout(std::time::Duration::from_secs(30), self.has_begun.notified()).await.unwrap();
    }
    async fn has_ended(&self) {
        self.has_ended.notified().await;
    }
    fn begun(&self) -> u32 {
        self.begun.load(Ordering::SeqCst)
    }
    fn open(&self) {
        self.opens.notify_one();
    }
}

#[async_trait]
impl Job for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }
    fn schedule(&self) -> Schedule {
        Schedule::every(Duration::HOUR)
    }
    fn wakes_on(&self) -> Option<&'static str> {
        Some("gate")
    }
    async fn run(&self, _ctx: &Context, lease: &Lease) -> Result<Next, Error> {
        lease.check()?;
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.has_begun.notify_one();
        loop {
            tokio::select! {
                () = self.opens.notified() => break,
                going_on = lease.pause(std::time::Duration::from_millis(50)) => going_on?,
            }
        }
        self.has_ended.notify_one();
        Ok(Next::Scheduled)
    }
}

/// A job that writes late.
struct LateWriter {
    store: Store,
    has_begun: Notify,
    goes_on: Notify,
}

#[async_trait]
impl Job for LateWriter {
    fn name(&self) -> &'static str {
        "late"
    }
    fn schedule(&self) -> Schedule {
        Schedule::every(Duration::HOUR)
    }
    async fn run(&self, _: &Context, lease: &Lease) -> Result<Next, Error> {
        self.has_begun.notify_one();
        self.goes_on.notified().await;
        let lease = lease.clone();
        self.store
            .write(move |repos| {
                repos.outbox().announce(&permit(), "late", "{}", NOW)?;
                lease.confirm(repos)?;
                Ok::<_, Error>(())
            })
            .await?;
        Ok(Next::Scheduled)
    }
}

/// A job that fails, panics and succeeds.
struct Faulty(AtomicU32);

#[async_trait]
impl Job for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }
    fn schedule(&self) -> Schedule {
        Schedule::every(Duration::HOUR)
    }
    fn wakes_on(&self) -> Option<&'static str> {
        Some("gate")
    }
    async fn run(&self, _ctx: &Context, _lease: &Lease) -> Result<Next, Error> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Err(Error::Internal("out of order".into())),
            1 => panic!("out of order, too"),
            _ => Ok(Next::Scheduled),
        }
    }
}
