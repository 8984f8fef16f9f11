//! Password hashing, and the sealing of secrets at rest.

use async_trait::async_trait;
use doorward_domain::Secret;
use doorward_domain::jws::{PublicKeyMaterial, SignatureAlgorithm};
use doorward_domain::users::PasswordHash;
use std::sync::Arc;

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

/// Why a stored secret cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The seal key is not at hand.
    #[error("it is sealed with the seal key {0}, which is not given (secrets.seal_keys)")]
    UnknownKey(String),
    /// The seal is broken: the bytes were changed, or taken from another place.
    #[error("its seal is broken: it was changed, or belongs elsewhere")]
    Broken,
    /// The first byte says nothing that is known.
    #[error("it is stored in a form that this version does not know")]
    UnknownForm,
}

/// Seals secrets for storage, with keys that are not in the database, and opens them.
///
/// The first byte of the stored form says what follows: 0 the secret as it is, for deployments without seal keys. All other
/// forms name the seal key, so that several can be in use.
pub trait Sealer: Send + Sync {
    /// The form in which a secret is stored at `place`. What is sealed opens at no other place.
    fn seal(&self, place: &str, secret: &Secret<Vec<u8>>) -> Result<Vec<u8>, SealError>;

    /// The secret that is stored at `place` in this form.
    fn open(&self, place: &str, stored: &[u8]) -> Result<Secret<Vec<u8>>, SealError>;

    /// The name of the seal key that seals now; `None` if there is none, so that secrets are stored as they are.
    fn seals_with(&self) -> Option<String>;

    /// The name of the seal key with which this was sealed; `None` if it is stored as it is.
    fn sealed_with(&self, stored: &[u8]) -> Option<String>;
}

/// A private key does not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the private key does not sign")]
pub struct SigningError;

/// Signs with a private key of this server whose public part others know, such as an identity provider.
pub trait Signer: Send + Sync {
    /// The signature of a message, in the form of RFC 7518.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError>;
}

/// A private key, opened, with its public part.
#[derive(Clone)]
pub struct SigningPair {
    /// The private part.
    pub signer: Arc<dyn Signer>,
    /// The public part.
    pub public: PublicKeyMaterial,
}

/// Nothing of the private part.
impl std::fmt::Debug for SigningPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningPair").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Makes the private keys with which this server signs what others verify, and opens them.
#[async_trait]
pub trait KeyMint: Send + Sync {
    /// A new private key of the algorithm, in PKCS #8. Takes up to a second of a processor, off the async threads.
    async fn generate(&self, algorithm: SignatureAlgorithm) -> Result<Secret<Vec<u8>>, SigningError>;

    /// Opens a private key of the algorithm.
    fn open(&self, algorithm: SignatureAlgorithm, document: &Secret<Vec<u8>>) -> Result<SigningPair, SigningError>;
}
