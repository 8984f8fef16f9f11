//! Which jobs run in the background.

use crate::jobs::{Cleanup, Counts, Job};
use crate::keys::SigningRotation;
use crate::notifications::Notifier;
use crate::oauth2::block_list::BlockedClients;
use crate::oauth2::registration::RegistrationReaper;
use crate::openid::backchannel::LogoutTeller;
use crate::outbox::{Outbox, Subscriber};
use crate::provisioner_jobs::Reaper;
use std::sync::Arc;
use time::Duration;

/// The jobs of a server.
///
/// What each server needs for itself is no job: first uses of access tokens, which are noted in its memory, and the numbers in
/// its metrics.
#[must_use]
pub fn jobs(interval: Duration, batch: u32, subscribers: Vec<Arc<dyn Subscriber>>) -> Vec<Arc<dyn Job>> {
    let mut jobs: Vec<Arc<dyn Job>> = vec![
        Arc::new(BlockedClients),
        Arc::new(Cleanup { interval, batch }),
        Arc::new(Counts { interval }),
        Arc::new(LogoutTeller),
        Arc::new(Notifier),
        Arc::new(Reaper),
        Arc::new(RegistrationReaper),
        Arc::new(SigningRotation),
    ];
    if !subscribers.is_empty() {
        jobs.push(Arc::new(Outbox::new(subscribers)));
    }
    jobs
}
