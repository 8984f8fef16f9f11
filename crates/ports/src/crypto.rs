//! Password hashing.

use async_trait::async_trait;
use doorward_domain::Secret;
use doorward_domain::users::PasswordHash;

/// The hashing queue is full; the caller should answer "try again later".
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("too many passwords are being hashed")]
pub struct HashingBusy;

/// Hashes passwords, off the async threads and a bounded number at once, so that a storm of sign-ins cannot exhaust
/// the memory.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a password.
    async fn hash(&self, password: Secret<String>) -> Result<PasswordHash, HashingBusy>;

    /// Whether the password has this hash. `None` is the hash of nobody: it costs the same time and is never right, so
    /// that unknown users cannot be told from wrong passwords.
    async fn verify(&self, password: Secret<String>, hash: Option<PasswordHash>) -> Result<bool, HashingBusy>;
}
