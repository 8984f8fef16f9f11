//! Mocks of every port, and a store that runs closures on mock repositories.
//!
//! ```
//! use doorward_domain::{ids::UserId, users::User};
//! use doorward_ports::{StoreError, mocks::MockRepositories};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let mut repos = MockRepositories::default();
//! repos.users.expect_find_by_username().withf(|name| name == "ann").returning(|_| Ok(None));
//! let store = repos.into_store();
//!
//! // Your use case gets the store and never notices:
//! let found = store.read(|repos| repos.users().find_by_username("ann")).await;
//! assert!(matches!(found, Ok::<Option<User>, StoreError>(None)));
//! # }
//! ```

mod mail;
pub mod people;

pub use crate::crypto::MockPasswordHasher;
pub use crate::fetch::MockFetch;
pub use crate::repositories::MockRepositories;
pub use crate::repositories::mocks::*;
pub use mail::{KeepingMailer, Trouble};

use crate::crypto::SealError;
use crate::{Clock, Commit, PasswordHasher, Random, Sealer, Store, StoreBackend, StoreError, Work, WorkMode};
use async_trait::async_trait;
use doorward_domain::users::PasswordHash;
use doorward_domain::{Instant, Secret};
use std::sync::{Arc, Mutex, PoisonError};
use time::Duration;

impl MockRepositories {
    /// A store whose closures run on these mocks, one at a time. A mock that is called without an expectation panics,
    /// as mockall does, and so does a second repository call in `at_once`. Nothing is rolled back, for nothing is
    /// written: that a use case meant to keep what it did is seen in [`calls`](Self::calls).
    #[must_use]
    pub fn into_store(self) -> Store {
        Store::new(MockStore(Mutex::new(self)))
    }
}

/// A store that runs each closure on its mock repositories.
#[derive(Debug)]
pub struct MockStore(Mutex<MockRepositories>);

#[async_trait]
impl StoreBackend for MockStore {
    async fn run(&self, mode: WorkMode, work: Work) -> Result<(), StoreError> {
        let mut repos = self.0.lock().map_err(|poisoned| StoreError::other(poisoned.to_string()))?;
        let commit = work(&mut Closure { repos: &mut repos, mode, is_used: false });
        repos.calls.note(mode, commit);
        Ok(())
    }
}

/// The mocks, for one closure.
pub(crate) struct Closure<'a> {
    repos: &'a mut MockRepositories,
    mode: WorkMode,
    is_used: bool,
}

impl Closure<'_> {
    /// The mocks, for one repository call.
    pub(crate) fn call(&mut self) -> &mut MockRepositories {
        assert!(
            !self.is_used || self.mode != WorkMode::AtOnce,
            "a second repository call in `at_once`, which opens no transaction: use `write`"
        );
        self.is_used = true;
        self.repos
    }
}

/// The calls of a store, in their order: how each used the database, and whether its closure meant to keep what it did
/// (`Ok`) or not (`Err`). A clone sees the same calls.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Mutex<Vec<(WorkMode, Commit)>>>);

impl Calls {
    fn note(&self, mode: WorkMode, commit: Commit) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((mode, commit));
    }

    /// All calls so far.
    #[must_use]
    pub fn all(&self) -> Vec<(WorkMode, Commit)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// For refusals that must leave a trace.
    ///
    /// # Panics
    ///
    /// If the last transaction that could write was rolled back, or there was none.
    #[track_caller]
    pub fn assert_committed(&self) {
        let calls = self.all();
        let last = calls.iter().rev().find(|(mode, _)| matches!(mode, WorkMode::Write | WorkMode::Serializable));
        assert!(
            matches!(last, Some((_, Commit::Yes))),
            "the last transaction was rolled back, and what it wrote with it: {calls:?}"
        );
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct FixedClock(Mutex<Instant>);

impl FixedClock {
    /// Starts at this instant.
    #[must_use]
    pub const fn at(now: Instant) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that look random and are the same in every run (xorshift). For tests only.
#[derive(Debug)]
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// Starts with this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new(seed ^ 0x9E37_79B9_7F4A_7C15))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            *byte = state.to_be_bytes()[3];
        }
    }
}

/// Stores secrets as they are. For tests only.
#[derive(Debug, Default)]
pub struct PlainSealer;

impl Sealer for PlainSealer {
    fn seal(&self, _place: &str, secret: &Secret<Vec<u8>>) -> Result<Vec<u8>, SealError> {
        Ok([&[0], secret.expose().as_slice()].concat())
    }
    fn open(&self, _place: &str, stored: &[u8]) -> Result<Secret<Vec<u8>>, SealError> {
        stored.strip_prefix(&[0]).map(|plain| Secret::new(plain.to_vec())).ok_or(SealError::UnknownForm)
    }
    fn seals_with(&self) -> Option<String> {
        None
    }
    fn sealed_with(&self, _stored: &[u8]) -> Option<String> {
        None
    }
}

/// A password hasher without the cost: the hash is the password itself, marked. For tests only.
#[derive(Debug, Default)]
pub struct PlainHasher;

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: Secret<String>) -> Result<PasswordHash, crate::crypto::HashingBusy> {
        Ok(PasswordHash::new(format!("plain:{}", password.expose())))
    }
    async fn verify(
        &self,
        password: Secret<String>,
        hash: Option<PasswordHash>,
    ) -> Result<bool, crate::crypto::HashingBusy> {
        Ok(hash.is_some_and(|hash| hash.expose() == format!("plain:{}", password.expose())))
    }
}
