//! Daemons that wait, in lines.
//!
//! All daemons of a server that would take the same jobs stand in one line, of which only the first asks the database and listens to the bus.
//! So ten thousand that wait cost no more than one, and a new job wakes one of them. When the first has got a job or has gone, the next
//! asks at once.

use doorward_domain::provisioner_jobs::Worker;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{Mutex as Line, OwnedMutexGuard};

/// The lines of a server. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct JobWaiters(Arc<Mutex<HashMap<String, Weak<Line<()>>>>>);

/// The first place of a line, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _place: OwnedMutexGuard<()>,
}

impl JobWaiters {
    /// Waits until this daemon is the first of those that would take the same, in the order in which they came. May be dropped.
    pub(super) async fn turn(&self, worker: &Worker) -> Turn {
        let line = self.line(worker);
        Turn { _place: line.lock_owned().await }
    }

    fn line(&self, worker: &Worker) -> Arc<Line<()>> {
        let kinds: Vec<&str> = worker.provisioners.iter().map(|kind| kind.as_str()).collect();
        let name = format!("{} {kinds:?} {:?}", worker.organization_id, worker.tags.all());
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&name).and_then(Weak::upgrade) {
            return line;
        }
        // Those in which nobody stands any more.
        lines.retain(|_, line| line.strong_count() > 0);
        let line = Arc::new(Line::new(()));
        lines.insert(name, Arc::downgrade(&line));
        line
    }
}

impl fmt::Debug for JobWaiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobWaiters(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_domain::ids::{OrganizationId, ProvisionerDaemonId};
    use doorward_domain::provisioners::{ProvisionerType, Tags};
    use std::collections::{BTreeMap, BTreeSet};
    use std::task::{Context, Poll, Waker};

    fn worker(gpu: &str) -> Worker {
        Worker {
            id: ProvisionerDaemonId::NIL,
            organization_id: OrganizationId::NIL,
            provisioners: BTreeSet::from([ProvisionerType::Echo]),
            tags: Tags::from_storage(BTreeMap::from([("gpu".to_owned(), gpu.to_owned())])),
        }
    }

    #[tokio::test]
    async fn of_those_who_would_take_the_same_one_is_first() {
        let lines = JobWaiters::default();
        let first = lines.turn(&worker("yes")).await;
        let other = lines.turn(&worker("no")).await;
        let (one, another) = (worker("yes"), worker("yes"));
        let (mut second, mut third) = (Box::pin(lines.turn(&one)), Box::pin(lines.turn(&another)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(second.as_mut().poll(&mut context).is_pending() && third.as_mut().poll(&mut context).is_pending());
        // Whoever gives up leaves the place to the next.
        drop(second);
        drop(first);
        let third = match third.as_mut().poll(&mut context) {
            Poll::Ready(turn) => turn,
            Poll::Pending => panic!("nobody else stands there"),
        };
        drop((third, other));
        drop(lines.turn(&worker("maybe")).await);
        assert_eq!(lines.0.lock().unwrap().len(), 1, "empty lines are forgotten");
    }
}
