//! The outbox: events that are written in the transaction that announces them, and handled after its commit.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::roles::{Permit, action, resource};
use time::Duration;

/// An event in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Tells it from all others, for ever: a subscriber that gets it twice knows by this. Within a topic, events that were
    /// committed later have larger ids.
    pub id: i64,
    /// What it is about.
    pub topic: String,
    /// JSON.
    pub payload: String,
    /// When it was announced.
    pub created_at: Instant,
    /// How often it was tried to handle it, in vain.
    pub attempts: u32,
    /// How long it is not to be tried again, by the clock of the database.
    pub wait: Duration,
}

/// Events that nobody has handled yet.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait OutboxRepository {
    /// Writes an event; answers its id. Until the transaction ends, nobody else gets to announce on the topic, so that ids are
    /// in the order of commits. Must therefore be the last thing that the transaction does; of several topics, in their order.
    fn announce(
        &mut self,
        permit: &Permit<action::Create, resource::System>,
        topic: &str,
        payload: &str,
        now: Instant,
    ) -> Result<i64, StoreError>;

    /// The first `limit` events of a topic, in their order.
    fn first(&mut self, topic: &str, limit: u32) -> Result<Vec<Message>, StoreError>;

    /// Removes events that were handled; answers how many were there.
    fn remove(&mut self, permit: &Permit<action::Delete, resource::System>, ids: &[i64]) -> Result<usize, StoreError>;

    /// Counts an attempt that failed, and has the next one wait for `pause`; `false` when there is no such event.
    fn postpone(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        id: i64,
        pause: Duration,
        error: &str,
    ) -> Result<bool, StoreError>;

    /// How many events wait, by topic. Reads all of them.
    fn count(&mut self) -> Result<Vec<(String, u64)>, StoreError>;
}
