//! What the server is told while a job is carried out: its log, and that it is still carried out.

use crate::link::Link;
use crate::stops::Stops;
use doorward_ports::Clock;
use doorward_wire::messages::provisioner::LogLevel;
use doorward_wire::messages::provisionerd::{Log, LogSource, UpdateJobRequest, UpdateJobResponse};
use doorward_wire::messages::{read, write};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

/// The longest silence: servers wait five minutes, and cancel by the answer to this.
const BEAT: Duration = Duration::from_secs(2);
/// Lines wait so long for others to go with them.
const GATHER: Duration = Duration::from_millis(200);
/// Most lines of one call, and most bytes.
const BATCH: (usize, usize) = (1000, 512 * 1024);

/// Why a job is not carried on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Somebody has cancelled it.
    Canceled,
    /// The daemon is stopped.
    GivenUp,
    /// The server does not count it as a job of this daemon any more.
    NotOurs(String),
}

/// What the server is told of a job.
pub(crate) struct Report {
    job_id: String,
    clock: Arc<dyn Clock>,
    stage: RefCell<String>,
    lines: RefCell<VecDeque<Log>>,
    is_closed: Cell<bool>,
    more: Notify,
    interrupt: watch::Sender<Option<Interrupt>>,
}

impl Report {
    pub(crate) fn new(job_id: String, clock: Arc<dyn Clock>) -> Self {
        Self {
            job_id,
            clock,
            stage: RefCell::default(),
            lines: RefCell::default(),
            is_closed: Cell::new(false),
            more: Notify::new(),
            interrupt: watch::Sender::new(None),
        }
    }

    /// A stage begins.
    pub(crate) fn stage(&self, name: &str) {
        name.clone_into(&mut self.stage.borrow_mut());
        self.push(LogSource::ProvisionerDaemon, LogLevel::Info, String::new());
    }

    /// A line in the log of the present stage.
    pub(crate) fn line(&self, level: LogLevel, text: impl Into<String>) {
        self.push(LogSource::Provisioner, level, text.into());
    }

    fn push(&self, source: LogSource, level: LogLevel, output: String) {
        let created_at = i64::try_from(self.clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        let stage = self.stage.borrow().clone();
        let line = Log { source: source.into(), level: level.into(), created_at, stage, output };
        self.lines.borrow_mut().push_back(line);
        self.more.notify_one();
    }

    /// There will be no more lines.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
        self.more.notify_one();
    }

    /// Waits until the job is not to be carried on.
    pub(crate) async fn interrupted(&self) -> Interrupt {
        let mut interrupts = self.interrupt.subscribe();
        let found = interrupts.wait_for(Option::is_some).await.ok().and_then(|found| found.clone());
        // Neither can be: the sender is `self`, and what was waited for is there.
        found.unwrap_or(Interrupt::GivenUp)
    }

    /// Why the job is not to be carried on, if so.
    pub(crate) fn interrupt(&self) -> Option<Interrupt> {
        self.interrupt.borrow().clone()
    }

    /// The first reason counts.
    fn end_early(&self, why: Interrupt) {
        self.interrupt.send_if_modified(|known| {
            let is_first = known.is_none();
            if is_first {
                *known = Some(why);
            }
            is_first
        });
    }

    /// Tells the server, until all is told, or the daemon gives up.
    pub(crate) async fn tell(&self, link: &Link, stops: &Stops) {
        tokio::select! {
            () = self.tell_all(link) => {}
            () = stops.giving_up() => self.end_early(Interrupt::GivenUp),
        }
    }

    async fn tell_all(&self, link: &Link) {
        loop {
            if self.lines.borrow().is_empty() && !self.is_closed.get() {
                // Without lines it says that the job goes on.
                let _silence = timeout(BEAT, self.more.notified()).await;
                if !self.is_closed.get() && !self.lines.borrow().is_empty() {
                    sleep(GATHER).await;
                }
            }
            let logs = self.batch();
            if logs.is_empty() && self.is_closed.get() {
                return;
            }
            let request = UpdateJobRequest { job_id: self.job_id.clone(), logs, ..UpdateJobRequest::default() };
            let answer = link.call("UpdateJob", &write(&request)).await;
            match answer.map_err(|status| status.text).and_then(|answer| read::<UpdateJobResponse>(&answer)) {
                Ok(answer) if answer.canceled => self.end_early(Interrupt::Canceled),
                Ok(_) => {}
                Err(why) => {
                    self.end_early(Interrupt::NotOurs(why));
                    return;
                }
            }
        }
    }

    fn batch(&self) -> Vec<Log> {
        let mut lines = self.lines.borrow_mut();
        let (most, longest) = BATCH;
        let mut bytes = 0;
        let fits = |line: &Log| {
            bytes += line.output.len() + line.stage.len() + 32;
            bytes <= longest
        };
        // The first one always fits: lines are short.
        let number = lines.iter().take(most).map(fits).take_while(|fits| *fits).count().max(1);
        let number = number.min(lines.len());
        lines.drain(..number).collect()
    }
}
