//! Randomness.

use doorward_domain::oauth2::alphanumeric_from;
use doorward_domain::{Instant, Secret};
use uuid::Uuid;

/// A cryptographic random generator.
pub trait Random: Send + Sync {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Random + '_ {
    /// A new id, ordered by time (`UUIDv7`, RFC 9562).
    pub fn id<T: From<Uuid>>(&self, now: Instant) -> T {
        let mut bytes = [0; 10];
        self.fill(&mut bytes);
        let millis = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().into()
    }

    /// Random text of `0-9A-Za-z`.
    pub fn alphanumeric(&self, len: usize) -> Secret<String> {
        // About one byte in 32 is unusable; the loop runs again once in a very long while.
        let mut bytes = vec![0; len + len / 4 + 16];
        loop {
            self.fill(&mut bytes);
            if let Some(text) = alphanumeric_from(&bytes, len) {
                return Secret::new(text);
            }
        }
    }
}
