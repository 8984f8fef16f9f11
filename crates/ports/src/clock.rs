//! Time.

use doorward_domain::Instant;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, UTC, truncated to microseconds: what every database of ours can hold.
    fn now(&self) -> Instant;
}
