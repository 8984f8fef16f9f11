//! Argon2id, a bounded number at once, off the async threads.

use crate::SystemRandom;
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use async_trait::async_trait;
use doorward_domain::Secret;
use doorward_domain::settings::{Defects, Section};
use doorward_domain::users::PasswordHash;
use doorward_ports::crypto::HashingBusy;
use doorward_ports::{PasswordHasher, Random};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use tokio::sync::Semaphore;

/// Memory of one hash in KiB: OWASP's first choice for Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Lanes: one, for the server hashes many passwords rather than one fast.
const LANES: u32 = 1;
/// Bytes of a hash.
const OUTPUT_LEN: usize = 32;
/// Bytes of a salt.
const SALT_LEN: usize = 16;
/// The salt of the hash that is computed for users who do not exist.
const NOBODY: [u8; SALT_LEN] = *b"doorward: nobody";

/// The section `passwords` of the settings: how many passwords are hashed.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct PasswordSettings {
    /// How many at once; 0: one per core.
    pub concurrency: usize,
    /// How many more may wait.
    pub queue: usize,
}

impl Section for PasswordSettings {
    const NAME: &'static str = "passwords";

    fn check(&self, defects: &mut Defects) {
        defects.unless(self.concurrency <= 1024, "concurrency", "must not be more than 1024");
    }
}

/// Hashes passwords with Argon2id (19 MiB, 2 passes, 1 lane). Clones share their limits and gauges.
#[derive(Clone)]
pub struct Argon2Hasher(Arc<Inner>);

struct Inner {
    concurrency: usize,
    queue: usize,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    running: AtomicUsize,
    /// Memory of hashes that ended, for those that follow at once; emptied when none does.
    memory: Mutex<Vec<Vec<Block>>>,
    random: SystemRandom,
}

impl Argon2Hasher {
    /// A hasher with these limits. A password takes 19 MiB and one core for some 20 ms; one too many is [`HashingBusy`].
    #[must_use]
    pub fn new(settings: PasswordSettings) -> Self {
        let concurrency = match settings.concurrency {
            0 => available_parallelism().map_or(1, usize::from),
            some => some.min(Semaphore::MAX_PERMITS),
        };
        Self(Arc::new(Inner {
            concurrency,
            queue: settings.queue,
            slots: Arc::new(Semaphore::new(concurrency)),
            waiting: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            memory: Mutex::default(),
            random: SystemRandom::default(),
        }))
    }

    /// How many passwords are hashed at once, at most.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        self.0.concurrency
    }

    /// How many passwords wait to be hashed, for the metrics.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// How many passwords are being hashed, for the metrics.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::Relaxed)
    }

    /// Runs `work` on a blocking thread once there is a free slot.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Option<T> + Send + 'static,
    ) -> Result<T, HashingBusy> {
        let place = Place::take(&self.0)?;
        let Ok(slot) = Arc::clone(&self.0.slots).acquire_owned().await else { return Err(HashingBusy) };
        drop(place);
        let running = Running::start(Arc::clone(&self.0));
        let hashing = tokio::task::spawn_blocking(move || {
            // The slot is free when the work is done, not when the caller has gone away.
            let _slot = slot;
            work(&running.0)
        });
        // `None` means out of memory, a join error that the server stops: in both cases, another time.
        hashing.await.ok().flatten().ok_or(HashingBusy)
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: Secret<String>) -> Result<PasswordHash, HashingBusy> {
        self.run(move |inner| {
            let mut salt = [0; SALT_LEN];
            inner.random.fill(&mut salt);
            let params = own_params()?;
            let output = inner.compute(&password, &salt, Algorithm::Argon2id, Version::V0x13, params.clone())?;
            let phc = Phc {
                algorithm: Algorithm::Argon2id.ident(),
                version: Some(Version::V0x13.into()),
                params: ParamsString::try_from(&params).ok()?,
                salt: Some(Salt::new(&salt).ok()?),
                hash: Some(output),
            };
            Some(PasswordHash::new(phc.to_string()))
        })
        .await
    }

    async fn verify(&self, password: Secret<String>, hash: Option<PasswordHash>) -> Result<bool, HashingBusy> {
        self.run(move |inner| match hash.as_ref().and_then(parse) {
            Some(known) => {
                let output = inner.compute(&password, &known.salt, known.algorithm, known.version, known.params)?;
                Some(output == known.output)
            }
            // Nobody's hash, or one that cannot be read: the same work, and never right.
            None => inner
                .compute(&password, &NOBODY, Algorithm::Argon2id, Version::V0x13, own_params()?)
                .map(|_output| false),
        })
        .await
    }
}

impl Inner {
    fn compute(
        &self,
        password: &Secret<String>,
        salt: &[u8],
        algorithm: Algorithm,
        version: Version,
        params: Params,
    ) -> Option<Output> {
        let blocks = params.block_count();
        let mut out = [0; OUTPUT_LEN];
        let mut memory = self.take_memory();
        memory.resize(blocks.max(memory.len()), Block::default());
        let done = Argon2::new(algorithm, version, params).hash_password_into_with_memory(
            password.expose().as_bytes(),
            salt,
            &mut out,
            memory.get_mut(..blocks)?,
        );
        self.give_back(memory);
        done.ok()?;
        Output::new(&out).ok()
    }

    fn take_memory(&self) -> Vec<Block> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Keeps the memory for the next hash of a storm, and frees all of it when there is none.
    fn give_back(&self, used: Vec<Block>) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            memory.push(used);
        } else {
            drop(used);
            *memory = Vec::new();
        }
    }
}

/// A place in the queue.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(inner: &'a Inner) -> Result<Self, HashingBusy> {
        // Those that run are counted too: an idle hasher without a queue still takes work.
        let limit = inner.queue.saturating_add(inner.slots.available_permits());
        if inner.waiting.fetch_add(1, Ordering::Relaxed) >= limit {
            inner.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(HashingBusy);
        }
        Ok(Self(&inner.waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts one hash as running for as long as it lives.
struct Running(Arc<Inner>);

impl Running {
    fn start(inner: Arc<Inner>) -> Self {
        inner.running.fetch_add(1, Ordering::Relaxed);
        Self(inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The parts of a stored hash.
struct StoredHash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Salt,
    output: Output,
}

/// Reads a stored hash; `None` when it is none of Argon2's with as many bytes as ours.
fn parse(hash: &PasswordHash) -> Option<StoredHash> {
    let phc = Phc::new(hash.expose()).ok()?;
    let output = phc.hash.filter(|output| output.as_bytes().len() == OUTPUT_LEN)?;
    Some(StoredHash {
        algorithm: Algorithm::new(phc.algorithm.as_str()).ok()?,
        version: Version::try_from(phc.version?).ok()?,
        params: Params::try_from(&phc).ok()?,
        salt: phc.salt?,
        output,
    })
}

fn own_params() -> Option<Params> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_LEN)).ok()
}

impl fmt::Debug for Argon2Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2Hasher").field("queue", &self.0.queue).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_testkit::settings::changed;

    /// One that hashes one password at a time, and has so many wait.
    fn hasher(queue: usize) -> Argon2Hasher {
        Argon2Hasher::new(changed(|passwords: &mut PasswordSettings| {
            (passwords.concurrency, passwords.queue) = (1, queue);
        }))
    }

    #[tokio::test]
    async fn a_password_has_its_own_hash_and_no_other() {
        let hasher = hasher(4);
        let hash = hasher.hash(Secret::from("open sesame")).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
        assert!(hasher.verify(Secret::from("open sesame"), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify(Secret::from("open barley"), Some(hash.clone())).await.unwrap());
        let again = hasher.hash(Secret::from("open sesame")).await.unwrap();
        assert_ne!(again, hash, "the salt is new each time");
    }

    #[tokio::test]
    async fn nobodys_password_is_never_right_and_costs_the_same_work() {
        let hasher = hasher(4);
        assert!(!hasher.verify(Secret::from("x"), None).await.unwrap());
        assert!(!hasher.verify(Secret::from("x"), Some(PasswordHash::new("broken".into()))).await.unwrap());
    }

    #[tokio::test]
    async fn hashes_made_elsewhere_keep_their_parameters() {
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hash = PasswordHash::new(phc.into());
        let hasher = hasher(4);
        assert!(hasher.verify(Secret::from("password"), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify(Secret::from("Password"), Some(hash)).await.unwrap());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn one_too_many_is_sent_away_and_the_rest_is_served() {
        let hasher = hasher(1);
        let jobs: Vec<_> = (0..3)
            .map(|_| {
                let hasher = hasher.clone();
                tokio::spawn(async move { hasher.verify(Secret::from("x"), None).await })
            })
            .collect();
        let mut served = 0;
        for job in jobs {
            served += usize::from(job.await.unwrap().is_ok());
        }
        assert_eq!(served, 2);
        assert_eq!((hasher.waiting(), hasher.running()), (0, 0));
        assert!(hasher.0.memory.lock().unwrap().is_empty(), "nothing is kept when nobody waits");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_caller_who_goes_away_leaves_no_place_taken() {
        let hasher = hasher(1);
        let first = tokio::spawn({
            let hasher = hasher.clone();
            async move { hasher.verify(Secret::from("x"), None).await }
        });
        let second = tokio::spawn({
            let hasher = hasher.clone();
            async move { hasher.verify(Secret::from("x"), None).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(hasher.waiting(), 1);
        second.abort();
        assert!(second.await.unwrap_err().is_cancelled());
        assert_eq!(hasher.waiting(), 0);
        assert!(first.await.unwrap().is_ok());
    }
}
