//! How a daemon is told to stop.

use tokio::sync::watch;

/// Whether a daemon is to stop. All clones are one.
#[derive(Clone, Debug)]
pub struct Stops(watch::Sender<Phase>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    /// No more jobs.
    Stopping,
    /// And the one that is carried out is given up.
    GivingUp,
}

impl Default for Stops {
    fn default() -> Self {
        Self(watch::Sender::new(Phase::Running))
    }
}

impl Stops {
    /// Has the daemon stop: first after its job, the second time at once.
    pub fn stop(&self) {
        self.0.send_modify(|phase| {
            *phase = if *phase == Phase::Running { Phase::Stopping } else { Phase::GivingUp };
        });
    }

    /// Whether it is to take no more jobs.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.0.borrow() >= Phase::Stopping
    }

    /// Waits until it is to take no more jobs.
    pub(crate) async fn stopping(&self) {
        self.reached(Phase::Stopping).await;
    }

    /// Waits until it is to give up its job.
    pub(crate) async fn giving_up(&self) {
        self.reached(Phase::GivingUp).await;
    }

    async fn reached(&self, wanted: Phase) {
        // An error cannot be: the sender is `self`.
        let mut phases = self.0.subscribe();
        let _reached = phases.wait_for(|phase| *phase >= wanted).await;
    }
}
