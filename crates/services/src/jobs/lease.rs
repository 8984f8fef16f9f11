//! The right to go on with a run.

use crate::Error;
use doorward_domain::jobs::LeaseTerms;
use doorward_domain::roles::{System, action, resource};
use doorward_ports::jobs::Run;
use doorward_ports::{Repositories, StoreError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Why a run must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    /// The lease is over, and another server may run the job.
    #[error("the run has lost its lease")]
    Lost,
    /// The server stops.
    #[error("the server stops")]
    Stopping,
}

impl From<Interrupted> for Error {
    fn from(interrupted: Interrupted) -> Self {
        Self::Internal(interrupted.into())
    }
}

/// The right to go on with a run, as far as this server knows. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Lease(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    run: Run,
    terms: LeaseTerms,
    /// Until when the work may rely on it, by the clock of this process; `None` once it is lost.
    until: Mutex<Option<Instant>>,
    stop: watch::Receiver<bool>,
}

impl Lease {
    /// A lease that was granted to a request of the instant `asked`.
    pub(super) fn granted(run: Run, terms: LeaseTerms, asked: Instant, stop: watch::Receiver<bool>) -> Self {
        let until = Mutex::new(Some(asked + terms.safe_for().unsigned_abs()));
        Self(Arc::new(Inner { run, terms, until, stop }))
    }

    /// The run that it is for.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.0.run
    }

    pub(super) fn terms(&self) -> LeaseTerms {
        self.0.terms
    }

    /// Was extended at a request of the instant `asked`. A lease that was lost stays lost.
    pub(super) fn extended(&self, asked: Instant) {
        let mut until = self.until();
        *until = until.map(|until| until.max(asked + self.0.terms.safe_for().unsigned_abs()));
    }

    /// Is over for good.
    pub(super) fn lose(&self) {
        *self.until() = None;
    }

    /// For how long the work may rely on it, without being extended.
    pub(super) fn left(&self) -> Duration {
        self.until().map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Whether the run may go on. To be asked before each batch, and before whatever cannot be undone.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.left().is_zero() {
            return Err(Interrupted::Lost);
        }
        if *self.0.stop.borrow() { Err(Interrupted::Stopping) } else { Ok(()) }
    }

    /// Proves to the transaction that the run holds its lease, and keeps others from claiming it until the commit. To be called
    /// last in the transaction: an error undoes what came before.
    pub fn confirm(&self, repos: &mut dyn Repositories) -> Result<(), StoreError> {
        let permit = System::because("the run writes").permit::<action::Update, resource::System>();
        if repos.jobs().extend(&permit, &self.0.run, self.0.terms.length)? {
            return Ok(());
        }
        self.lose();
        Err(StoreError::other(Interrupted::Lost))
    }

    /// Waits, so that others get their turn; less long when the server stops.
    pub async fn pause(&self, pause: Duration) -> Result<(), Interrupted> {
        let mut stop = self.0.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _stopping = stop.wait_for(|stop| *stop) => {}
        }
        self.check()
    }

    fn until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.0.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_ports::mocks::MockRepositories;
    use uuid::Uuid;

    fn lease(length: time::Duration) -> (Lease, watch::Sender<bool>) {
        let (stop, stopped) = watch::channel(false);
        let run = Run { job: "cleanup".to_owned(), holder: Uuid::from_u128(7), number: 3 };
        (Lease::granted(run, LeaseTerms { length }, Instant::now(), stopped), stop)
    }

    #[tokio::test]
    async fn a_run_goes_on_while_it_holds_its_lease_and_the_server_goes_on() {
        let (lease, stop) = lease(time::Duration::HOUR);
        assert_eq!(lease.check(), Ok(()));
        stop.send(true).unwrap();
        assert_eq!(lease.check(), Err(Interrupted::Stopping));
        assert_eq!(lease.pause(Duration::from_hours(1)).await, Err(Interrupted::Stopping), "nobody waits at the end");
        lease.lose();
        assert_eq!(lease.check(), Err(Interrupted::Lost));
        lease.extended(Instant::now());
        assert_eq!(lease.check(), Err(Interrupted::Lost), "what is lost stays lost");
    }

    #[test]
    fn a_lease_counts_from_when_it_was_asked_for() {
        let (stop, stopped) = watch::channel(false);
        let run = Run { job: "cleanup".to_owned(), holder: Uuid::nil(), number: 1 };
        let terms = LeaseTerms { length: time::Duration::SECOND };
        let long_ago = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        let lease = Lease::granted(run, terms, long_ago, stopped);
        assert_eq!(lease.check(), Err(Interrupted::Lost), "the answer came too late");
        lease.extended(Instant::now() + Duration::from_hours(1));
        assert_eq!(lease.check(), Ok(()), "but it was extended in time");
        drop(stop);
    }

    #[test]
    fn what_is_written_without_the_lease_is_undone() {
        let (lease, _stop) = lease(time::Duration::HOUR);
        let mut repos = MockRepositories::default();
        let of_run = lease.run().clone();
        let mut granted = [true, false].into_iter();
        repos.jobs.expect_extend().times(2).returning(move |_, run, length| {
            assert_eq!((run, length), (&of_run, time::Duration::HOUR));
            Ok(granted.next().unwrap())
        });
        lease.confirm(&mut repos).unwrap();
        assert!(lease.confirm(&mut repos).is_err());
        assert_eq!(lease.check(), Err(Interrupted::Lost));
    }
}
