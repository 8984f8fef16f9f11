//! Claims jobs that are due, and runs them.

use super::{Interrupted, Job, Lease, LeaseTerms, Next, RunOutcome, Tally, with_causes};
use crate::{Context, Error, Principal};
use doorward_domain::roles::{System, action, resource};
use doorward_ports::bus::Subscription;
use doorward_ports::jobs::Run;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use uuid::Uuid;

/// Longest pause between two looks whether a job is due: somebody may have changed its row.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Shortest pause: the job is due, and another server is about to claim it or to let go of it.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Pause when the database cannot be asked.
const AWAY: Duration = Duration::from_secs(2);
/// For so long a run may go on after the server was told to stop.
const GRACE: Duration = Duration::from_secs(2);
/// For so long the end waits for a database that does not answer. What is not given up by then ends with its lease.
const END: Duration = Duration::from_secs(3);
/// Most characters of an error that are stored.
const ERROR_MAX: usize = 500;

/// Runs jobs, as long as it lives. Dropping it stops the runs where they are, as a crash would: their leases end by themselves.
#[derive(Debug)]
pub struct Runner {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    tally: Tally,
    holder: Uuid,
}

impl Runner {
    /// Begins to look after these jobs, under leases of these terms, which must be the same on all servers. Within a Tokio
    /// runtime.
    #[must_use]
    pub fn start(ctx: &Context, jobs: Vec<Arc<dyn Job>>, terms: LeaseTerms) -> Self {
        let (stop, _) = watch::channel(false);
        let (mut tasks, tally) = (JoinSet::new(), Tally::default());
        let (_, holder) = ctx.new_id::<Uuid>();
        for job in jobs {
            tally.know(job.name());
            let keeper = Keeper { ctx: ctx.clone(), job, terms, holder, tally: tally.clone(), stop: stop.subscribe() };
            tasks.spawn(keeper.keep());
        }
        Self { stop, tasks, tally, holder }
    }

    /// What became of its runs.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// Under which id it holds jobs.
    #[must_use]
    pub const fn holder(&self) -> Uuid {
        self.holder
    }

    /// Stops: runs get a moment to end by themselves, and what is not carried through is given up, so that another server takes
    /// it over at once.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let ended = async {
            while let Some(ended) = self.tasks.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a job was not given up");
                }
            }
        };
        if tokio::time::timeout(END, ended).await.is_err() {
            tracing::warn!("the database does not answer; jobs that run are taken over when their leases end");
        }
    }
}

/// Looks after one job.
struct Keeper {
    ctx: Context,
    job: Arc<dyn Job>,
    terms: LeaseTerms,
    holder: Uuid,
    tally: Tally,
    stop: watch::Receiver<bool>,
}

/// What came of an attempt to claim.
enum Claim {
    Run(Run),
    /// Not before so long.
    Later(Duration),
}

impl Keeper {
    async fn keep(mut self) {
        let mut wakes = self.job.wakes_on().map(|topic| self.ctx.bus.subscribe(topic));
        let mut urgent = false;
        while !*self.stop.borrow() {
            let asked = Instant::now();
            let wait = match self.claim(urgent).await {
                Ok(Claim::Run(run)) => {
                    let lease = Lease::granted(run, self.terms, asked, self.stop.clone());
                    // Whatever they are about is there before the run begins.
                    if let Some(wakes) = &mut wakes {
                        wakes.skip();
                    }
                    self.carry_out(&lease).await;
                    urgent = false;
                    continue;
                }
                Ok(Claim::Later(wait)) => wait.clamp(LOOK_AGAIN, LOOK_EVERY),
                Err(error) => {
                    tracing::debug!(job = self.job.name(), %error, "cannot look whether the job is due");
                    AWAY
                }
            };
            urgent = tokio::select! {
                () = tokio::time::sleep(wait) => false,
                () = woken(wakes.as_mut()) => true,
                _stopping = self.stop.changed() => false,
            };
        }
    }

    /// Claims the job if it is due, and makes its row if there is none.
    async fn claim(&self, urgent: bool) -> Result<Claim, Error> {
        let (name, holder, length) = (self.job.name(), self.holder, self.terms.length);
        let why = "a job is due";
        let work = move |deed: &mut crate::deed::Deed<'_>| {
            let permit = System::because(why).permit::<action::Update, resource::System>();
            let mut found = deed.repos.jobs().find(name)?;
            if found.is_none() {
                let permit = System::because("a job is new").permit::<action::Create, resource::System>();
                deed.repos.jobs().ensure(&permit, name)?;
                found = deed.repos.jobs().find(name)?;
            }
            let run = deed.repos.jobs().claim(&permit, name, holder, length, urgent)?;
            let wait = found.map_or(Duration::ZERO, |found| found.claimable_in.unsigned_abs());
            let claim = run.map_or(Claim::Later(wait), Claim::Run);
            Ok::<_, Error>(deed.unrecorded("jobs are how the server works, not what is done", claim))
        };
        self.ctx.act(&Principal::system(why), work).await
    }

    /// Runs the job under the lease, and writes down what became of it.
    async fn carry_out(&mut self, lease: &Lease) {
        let (name, number) = (self.job.name(), lease.run().number);
        tracing::trace!(job = name, run = number, "runs");
        let work = {
            let (ctx, job, lease) = (self.ctx.clone(), Arc::clone(&self.job), lease.clone());
            tokio::spawn(async move { job.run(&ctx, &lease).await })
        };
        let ended = self.accompany(Work(work), lease).await;
        let (is_lost, is_stopping) = (lease.check() == Err(Interrupted::Lost), *self.stop.borrow());
        let outcome = match (&ended, is_lost) {
            (_, true) => RunOutcome::Lost,
            (Ended::Done(Ok(_)), false) => RunOutcome::Success,
            (_, false) if is_stopping => RunOutcome::Stopped,
            (Ended::Done(Err(_)) | Ended::Stopped | Ended::Panicked(_), false) => RunOutcome::Failure,
        };
        let pause = self.job.schedule().pause(self.draw());
        let written = match (outcome, ended) {
            (RunOutcome::Lost, _) => {
                tracing::warn!(job = name, run = number, "lost its lease; another server takes over");
                Ok(())
            }
            (RunOutcome::Stopped, _) | (_, Ended::Stopped) => self.end(lease, None).await,
            (_, Ended::Done(Ok(Next::Scheduled))) => self.end(lease, Some((pause, None))).await,
            (_, Ended::Done(Ok(Next::After(after)))) => self.end(lease, Some((pause.min(after), None))).await,
            (_, Ended::Done(Err(error))) => {
                let error = with_causes(&error);
                tracing::warn!(job = name, run = number, error, "failed");
                self.end(lease, Some((pause, Some(error)))).await
            }
            (_, Ended::Panicked(error)) => {
                tracing::error!(job = name, run = number, %error, "panicked");
                self.end(lease, Some((pause, Some("panicked".to_owned())))).await
            }
        };
        if let Err(error) = written {
            tracing::warn!(job = name, run = number, %error, "cannot write down that the run has ended; its lease will end");
        }
        self.tally.count(name, outcome, self.ctx.clock.now());
    }

    /// Waits for the end of the work, and extends its lease meanwhile.
    async fn accompany(&mut self, mut work: Work, lease: &Lease) -> Ended {
        let mut stop_by = None;
        let mut extend_at = Instant::now() + lease.terms().extend_every().unsigned_abs();
        loop {
            let end_by = stop_by.unwrap_or_else(|| Instant::now() + lease.left());
            tokio::select! {
                done = &mut work.0 => return Ended::of(done),
                () = tokio::time::sleep_until(extend_at.into()), if stop_by.is_none() => {
                    let asked = Instant::now();
                    extend_at = asked + lease.terms().extend_every().unsigned_abs();
                    // The answer may be late. The work must not be left alone longer than the lease lasts.
                    match tokio::time::timeout(lease.left(), self.extend(lease)).await {
                        Ok(Ok(true)) => lease.extended(asked),
                        Ok(Ok(false)) => lease.lose(),
                        Ok(Err(error)) => {
                            tracing::debug!(job = self.job.name(), %error, "the lease was not extended this time");
                        }
                        Err(_late) => {}
                    }
                }
                () = tokio::time::sleep_until(end_by.into()) => {
                    if stop_by.is_some() || lease.left().is_zero() {
                        return Ended::Stopped;
                    }
                }
                _stopping = self.stop.changed(), if stop_by.is_none() => stop_by = Some(Instant::now() + GRACE.min(lease.left())),
            }
        }
    }

    async fn extend(&self, lease: &Lease) -> Result<bool, Error> {
        let (run, length, why) = (lease.run().clone(), lease.terms().length, "the job goes on");
        self.ctx
            .at_once(move |once| {
                let permit = System::because(why).permit::<action::Update, resource::System>();
                Ok::<_, Error>(once.extend(&permit, &run, length)?)
            })
            .await
    }

    /// Ends the run, and says when the next one is due and what went wrong; or gives it up.
    async fn end(&self, lease: &Lease, finished: Option<(time::Duration, Option<String>)>) -> Result<(), Error> {
        let run = lease.run().clone();
        let ended = self.ctx.at_once(move |once| {
            let permit = System::because("a run has ended").permit::<action::Update, resource::System>();
            let written = match finished {
                Some((pause, error)) => {
                    let error = error.map(|error| error.chars().take(ERROR_MAX).collect::<String>());
                    once.finish(&permit, &run, pause, error)?
                }
                None => once.release(&permit, &run)?,
            };
            Ok::<_, Error>(written)
        });
        if !ended.await? {
            tracing::warn!(job = self.job.name(), run = lease.run().number, "lost its lease at the end");
        }
        Ok(())
    }

    fn draw(&self) -> u32 {
        let mut bytes = [0; 4];
        self.ctx.random.fill(&mut bytes);
        u32::from_ne_bytes(bytes)
    }
}

/// The work of a run, which ends with this.
struct Work(JoinHandle<Result<Next, Error>>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How the work of a run ended.
enum Ended {
    Done(Result<Next, Error>),
    Panicked(JoinError),
    /// It was stopped before its end.
    Stopped,
}

impl Ended {
    fn of(done: Result<Result<Next, Error>, JoinError>) -> Self {
        match done {
            Ok(done) => Self::Done(done),
            Err(error) if error.is_panic() => Self::Panicked(error),
            Err(_cancelled) => Self::Stopped,
        }
    }
}

/// Waits for a wake-up; one stands for all that have come.
async fn woken(wakes: Option<&mut Subscription>) {
    match wakes {
        Some(wakes) => {
            wakes.next().await;
            wakes.skip();
        }
        None => std::future::pending().await,
    }
}
