//! Events that use cases announce, and subscribers that handle them after the commit.
//!
//! An event is a row that is written in the transaction it speaks of. One server at a time, the one that runs the job
//! `outbox`, hands the rows of each topic to its subscribers, in the order of commits, and deletes those that were handled. So
//! an event is handled at least once and never lost; a subscriber may get one again, and knows it by its id. When handling
//! fails, the topic waits, longer each time, and the others go on. See `docs/adr/0013-jobs-and-outbox.md`.

use crate::jobs::{Interrupted, Job, Lease, Next, Schedule, with_causes};
use crate::{Context, Error, Principal};
use async_trait::async_trait;
use doorward_domain::outbox::pause_after;
use doorward_domain::roles::{System, action, resource};
use doorward_ports::bus::Event;
pub use doorward_ports::outbox::Message;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use time::Duration;
use tokio::task::JoinSet;

/// The topic of the bus on which servers are told that there are new events.
pub const WAKES_ON: &str = "outbox";

/// The pause between two looks at the outbox, should no wake-up come.
const POLL: Duration = Duration::seconds(5);
/// So many events are handled before that is written down. When a server dies, so many may be handled again.
const BATCH: u32 = 100;
/// A subscriber that takes longer with an event has failed.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);
/// Most characters of an error that are stored.
const ERROR_MAX: usize = 500;

/// Handles the events of a topic.
#[async_trait]
pub trait Subscriber: Send + Sync {
    /// The topic. Of several subscribers of a topic, each handles each event, one after another.
    fn topic(&self) -> &'static str;

    /// Handles an event, within a minute. It may come again, also after it was handled. Errors: it, and with it the whole topic,
    /// is tried again later.
    async fn handle(&self, ctx: &Context, message: &Message) -> Result<(), Error>;
}

/// Announces an event by itself, in a transaction of its own. Use cases announce in theirs.
pub async fn announce(
    ctx: &Context,
    by: &Principal,
    topic: &'static str,
    payload: impl Serialize + Clone + Send + 'static,
) -> Result<(), Error> {
    ctx.act(by, move |deed| {
        deed.announce(topic, &payload)?;
        Ok(deed.unrecorded("an event is no change", ()))
    })
    .await
}

/// How many events wait, by topic; for the metrics.
pub async fn count(ctx: &Context) -> Result<Vec<(String, u64)>, Error> {
    ctx.read(|repos| Ok(repos.outbox().count()?)).await
}

/// Has the server that handles events look at once.
pub(crate) fn wake(bus: &doorward_ports::Bus, topic: &str) {
    match Event::new(WAKES_ON, topic) {
        Ok(event) => bus.publish(event),
        Err(error) => tracing::debug!(%error, topic, "nobody is woken up; the event is found at the next look"),
    }
}

/// The job that hands events to subscribers.
pub struct Outbox {
    subscribers: BTreeMap<&'static str, Arc<[Arc<dyn Subscriber>]>>,
}

impl Outbox {
    /// For these subscribers. Events of other topics stay where they are, for servers that know them.
    #[must_use]
    pub fn new(subscribers: Vec<Arc<dyn Subscriber>>) -> Self {
        let mut by_topic: BTreeMap<&'static str, Vec<Arc<dyn Subscriber>>> = BTreeMap::new();
        for subscriber in subscribers {
            by_topic.entry(subscriber.topic()).or_default().push(subscriber);
        }
        Self { subscribers: by_topic.into_iter().map(|(topic, all)| (topic, all.into())).collect() }
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").field("topics", &self.subscribers.keys()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Job for Outbox {
    fn name(&self) -> &'static str {
        "outbox"
    }

    fn schedule(&self) -> Schedule {
        Schedule::every(POLL)
    }

    fn wakes_on(&self) -> Option<&'static str> {
        Some(WAKES_ON)
    }

    /// All topics at once, so that none waits for the subscribers of another.
    async fn run(&self, ctx: &Context, lease: &Lease) -> Result<Next, Error> {
        let mut topics = JoinSet::new();
        for (topic, subscribers) in &self.subscribers {
            let (topic, subscribers) = (*topic, Arc::clone(subscribers));
            let delivery = Delivery { ctx: ctx.clone(), lease: lease.clone(), topic, subscribers };
            topics.spawn(delivery.all());
        }
        let mut next = Next::Scheduled;
        let mut failure = None;
        while let Some(delivered) = topics.join_next().await {
            match delivered {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(pause))) => {
                    next = match next {
                        Next::After(sooner) => Next::After(sooner.min(pause)),
                        Next::Scheduled => Next::After(pause),
                    }
                }
                Ok(Err(error)) => failure = Some(error),
                Err(panicked) => failure = Some(Error::Internal(panicked.into())),
            }
        }
        failure.map_or(Ok(next), Err)
    }
}

/// Hands the events of one topic to its subscribers.
struct Delivery {
    ctx: Context,
    lease: Lease,
    topic: &'static str,
    subscribers: Arc<[Arc<dyn Subscriber>]>,
}

/// What came of some events of a topic.
#[derive(Default)]
struct Batch {
    /// Those that were handled.
    handled: Vec<i64>,
    /// The first that was not, with the pause before the next attempt, and why.
    failed: Option<(i64, Duration, String)>,
    /// The run must not go on.
    interrupted: Option<Interrupted>,
    /// The next event is not to be tried before.
    wait: Option<Duration>,
}

impl Delivery {
    /// Handles all that is there; answers how long the topic has to wait, if it has to.
    async fn all(self) -> Result<Option<Duration>, Error> {
        loop {
            self.lease.check()?;
            let topic = self.topic;
            let messages = self.ctx.read(move |repos| Ok::<_, Error>(repos.outbox().first(topic, BATCH)?)).await?;
            let is_last = messages.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
            let batch = self.handle(messages).await;
            let wait = batch.wait.or(batch.failed.as_ref().map(|(_, pause, _)| *pause));
            let interrupted = batch.interrupted;
            self.settle(batch).await?;
            if let Some(interrupted) = interrupted {
                return Err(interrupted.into());
            }
            if wait.is_some() || is_last {
                return Ok(wait);
            }
        }
    }

    /// Handles events in their order, up to the first that fails or has to wait.
    async fn handle(&self, messages: Vec<Message>) -> Batch {
        let mut batch = Batch::default();
        for message in messages {
            if message.wait > Duration::ZERO {
                batch.wait = Some(message.wait);
                break;
            }
            if let Err(interrupted) = self.lease.check() {
                batch.interrupted = Some(interrupted);
                break;
            }
            if let Err(why) = self.hand_over(&message).await {
                batch.failed = Some(self.failure(&message, &why));
                break;
            }
            batch.handled.push(message.id);
        }
        batch
    }

    /// In a task of its own, so that a subscriber that panics has failed like any other.
    async fn hand_over(&self, message: &Message) -> Result<(), String> {
        let (ctx, subscribers, message) = (self.ctx.clone(), Arc::clone(&self.subscribers), message.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            for subscriber in &*subscribers {
                subscriber.handle(&ctx, &message).await?;
            }
            Ok::<_, Error>(())
        });
        match tokio::time::timeout(PATIENCE, task.join_next()).await {
            Ok(Some(Ok(Ok(())))) => Ok(()),
            Ok(Some(Ok(Err(error)))) => Err(with_causes(&error)),
            Ok(Some(Err(_panic))) => Err("the subscriber panicked".to_owned()),
            Ok(None) | Err(_) => Err("the subscriber took too long".to_owned()),
        }
    }

    fn failure(&self, message: &Message, error: &str) -> (i64, Duration, String) {
        let pause = pause_after(message.attempts.saturating_add(1));
        tracing::warn!(
            topic = self.topic,
            id = message.id,
            error,
            "an event was not handled; its topic waits for {pause}"
        );
        (message.id, pause, error.chars().take(ERROR_MAX).collect())
    }

    /// Writes down what came of a batch, if the run still holds its lease.
    async fn settle(&self, batch: Batch) -> Result<(), Error> {
        if batch.handled.is_empty() && batch.failed.is_none() {
            return Ok(());
        }
        let (lease, why) = (self.lease.clone(), "events were handled");
        let (handled, failed) = (batch.handled, batch.failed);
        self.ctx
            .act(&Principal::system(why), move |deed| {
                if !handled.is_empty() {
                    let permit = System::because(why).permit::<action::Delete, resource::System>();
                    deed.repos.outbox().remove(&permit, &handled)?;
                }
                if let Some((id, pause, error)) = &failed {
                    let permit = System::because(why).permit::<action::Update, resource::System>();
                    deed.repos.outbox().postpone(&permit, *id, *pause, error)?;
                }
                lease.confirm(deed.repos)?;
                Ok(deed.unrecorded("an event is no change", ()))
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::context;
    use doorward_ports::bus::Heard;
    use doorward_ports::mocks::MockRepositories;
    use mockall::Sequence;

    #[tokio::test]
    async fn what_is_announced_is_written_last_in_the_order_of_topics_and_wakes_the_job() {
        let mut repos = MockRepositories::default();
        let mut order = Sequence::new();
        repos.users.expect_touch().times(1).in_sequence(&mut order).returning(|_, _, _| Ok(()));
        for (topic, payload) in [("a", "2"), ("b", "1"), ("b", "3")] {
            let written = repos.outbox.expect_announce().times(1).in_sequence(&mut order);
            written.withf(move |_, t, p, _| (t, p) == (topic, payload)).returning(|_, _, _, _| Ok(1));
        }
        let ctx = context(repos);
        let mut woken = ctx.bus.subscribe(WAKES_ON);
        ctx.act(&Principal::system("a test"), |deed| {
            for (topic, number) in [("b", 1), ("a", 2), ("b", 3)] {
                deed.announce(topic, &number)?;
            }
            let permit = System::because("a test").permit::<action::Update, resource::User>();
            deed.repos.users().touch(&permit, crate::users::testing::ANN, deed.now)?;
            Ok::<_, Error>(deed.unrecorded("a test", ()))
        })
        .await
        .unwrap();
        for topic in ["a", "b"] {
            assert_eq!(woken.next().await, Heard::Event(topic.to_owned()));
        }
    }

    #[tokio::test]
    async fn a_deed_that_fails_announces_nothing_and_wakes_nobody() {
        let ctx = context(MockRepositories::default());
        let mut woken = ctx.bus.subscribe(WAKES_ON);
        let failed = ctx.act(&Principal::system("a test"), |deed| {
            deed.announce("a", &1)?;
            Err::<crate::deed::Done<()>, _>(Error::Internal("no".into()))
        });
        assert!(failed.await.is_err());
        ctx.bus.publish(Event::new(WAKES_ON, "the end").unwrap());
        assert_eq!(woken.next().await, Heard::Event("the end".to_owned()));
    }
}
