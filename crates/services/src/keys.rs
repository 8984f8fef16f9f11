//! The keys of the server: the ring that every use case works with, and how keys replace each other.
//!
//! Each server keeps all keys in memory ([`Keys`]). It reads them anew when it hears that one was replaced
//! ([`reload_if_changed`]), now and then in any case ([`reload`]), and when it is shown a token of a key that it does not know.
//! A new key is stored some time before it signs, so that the last hardly ever happens. See `docs/adr/0012-keys.md`.

mod import;
mod list;
mod own_tokens;
mod publish;
mod retire;
mod rotate;
mod signing;
mod start;

pub use import::import;
pub use list::{ListedKey, list};
pub(crate) use own_tokens::read_own;
pub use publish::SigningRotation;
pub(crate) use publish::signing_ring;
pub use retire::retire;
pub use rotate::rotate;
pub(crate) use signing::SigningRing;
pub(crate) use start::{Opened, first_keys, read, reseal};

use self::signing::SigningDocument;
use crate::{Context, Error, OAuthError};
use doorward_domain::Instant;
use doorward_domain::keys::{KeyId, KeyPurpose, KeyRing, NoKeyError};
use doorward_domain::oauth2::{OAuthErrorCode, OpaqueToken};
use doorward_ports::changes::{Change, ChangeLog, LogPosition};
use doorward_ports::crypto::SealError;
use doorward_ports::{KeyMint, Sealer};
use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// The keys that the server works with. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    held: RwLock<Held>,
    /// What makes private keys and opens them; none where nothing is signed for others.
    mint: OnceLock<Arc<dyn KeyMint>>,
    /// Where the keys come from; `None` if they are given once and for all.
    source: Option<Source>,
}

struct Held {
    ring: Arc<KeyRing>,
    /// Private keys, as they were read.
    documents: Arc<Vec<SigningDocument>>,
    /// The same, once somebody has asked for them.
    signing: Arc<OnceLock<Arc<SigningRing>>>,
    /// What the ring has not seen was reported after this.
    since: LogPosition,
}

impl Held {
    fn new(opened: Opened, since: LogPosition) -> Self {
        Self {
            ring: Arc::new(opened.ring),
            documents: Arc::new(opened.documents),
            signing: Arc::new(OnceLock::new()),
            since,
        }
    }
}

struct Source {
    sealer: Arc<dyn Sealer>,
    log: ChangeLog,
}

impl Keys {
    /// Keys that are never read anew, for servers that keep theirs elsewhere.
    #[must_use]
    pub fn fixed(ring: KeyRing) -> Self {
        let held = Held::new(Opened { ring, documents: Vec::new() }, ChangeLog::default().now());
        Self(Arc::new(Inner { held: RwLock::new(held), mint: OnceLock::new(), source: None }))
    }

    /// Stored keys, as they were read after `since`.
    pub(crate) fn stored(opened: Opened, since: LogPosition, sealer: Arc<dyn Sealer>, log: ChangeLog) -> Self {
        let held = RwLock::new(Held::new(opened, since));
        Self(Arc::new(Inner { held, mint: OnceLock::new(), source: Some(Source { sealer, log }) }))
    }

    /// Gives it what makes and opens the private keys with which this server signs for others. The first one stays.
    pub fn mint_by(&self, mint: Arc<dyn KeyMint>) {
        // Whoever comes second has the same.
        let _ = self.0.mint.set(mint);
    }

    /// What makes and opens private keys. Errors: [`Error::Precondition`] where nothing is signed for others.
    pub(crate) fn mint(&self) -> Result<Arc<dyn KeyMint>, Error> {
        let none = || Error::Precondition("This server has no keys of its own to sign with.".to_owned());
        self.0.mint.get().map(Arc::clone).ok_or_else(none)
    }

    /// Whether a private key of this purpose was read.
    fn holds_document(&self, purpose: KeyPurpose) -> bool {
        let held = self.0.held.read().unwrap_or_else(PoisonError::into_inner);
        held.documents.iter().any(|document| document.key.purpose == purpose)
    }

    /// The private keys as this server knows them. Errors: [`Error::Internal`] if one cannot be opened.
    pub(crate) fn signing(&self) -> Result<Arc<SigningRing>, Error> {
        let (documents, signing) = {
            let held = self.0.held.read().unwrap_or_else(PoisonError::into_inner);
            (Arc::clone(&held.documents), Arc::clone(&held.signing))
        };
        if let Some(ring) = signing.get() {
            return Ok(Arc::clone(ring));
        }
        let ring = if documents.is_empty() {
            SigningRing::default()
        } else {
            SigningRing::open(&documents, &*self.mint()?).map_err(|error| Error::Internal(error.into()))?
        };
        Ok(Arc::clone(signing.get_or_init(|| Arc::new(ring))))
    }

    /// The keys as this server knows them.
    #[must_use]
    pub fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.0.held.read().unwrap_or_else(PoisonError::into_inner).ring)
    }

    /// Keeps what was read after `since`, unless something newer is kept.
    fn keep(&self, opened: Opened, since: LogPosition) {
        let mut held = self.0.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.since <= since {
            *held = Held::new(opened, since);
        }
    }

    /// Whether a key may have been replaced since the ring was read.
    fn may_have_changed(&self) -> bool {
        let since = self.0.held.read().unwrap_or_else(PoisonError::into_inner).since;
        let unchanged = |log: &ChangeLog| log.is_unchanged(since, &[log.slot(&Change::CryptoKeys)]);
        self.0.source.as_ref().is_some_and(|source| !unchanged(&source.log))
    }

    /// Whether what is stored is sealed.
    pub(crate) fn are_sealed(&self) -> bool {
        self.0.source.as_ref().is_some_and(|source| source.sealer.seals_with().is_some())
    }

    /// What seals and opens the stored keys. Errors: [`Error::Precondition`] if they are not stored.
    pub(crate) fn sealer(&self) -> Result<Arc<dyn Sealer>, Error> {
        let source = self.0.source.as_ref();
        source
            .map(|source| Arc::clone(&source.sealer))
            .ok_or_else(|| Error::Precondition("The keys of this server are not stored.".to_owned()))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// Reads the stored keys anew. What cannot be read or opened leaves the keys as they are.
pub async fn reload(ctx: &Context) -> Result<(), Error> {
    let Some(source) = &ctx.keys.0.source else { return Ok(()) };
    let (since, sealer) = (source.log.now(), Arc::clone(&source.sealer));
    let stored = ctx.read(|repos| Ok::<_, Error>(repos.keys().list()?)).await?;
    ctx.keys.keep(read(&stored, &*sealer).map_err(|error| Error::Internal(error.into()))?, since);
    Ok(())
}

/// Reads the stored keys anew if one may have been replaced since; whether it did.
pub async fn reload_if_changed(ctx: &Context) -> Result<bool, Error> {
    if !ctx.keys.may_have_changed() {
        return Ok(false);
    }
    reload(ctx).await?;
    Ok(true)
}

/// Reads the stored keys anew, for a request of the token endpoint.
pub(crate) async fn reload_for_token(ctx: &Context) -> Result<(), OAuthError> {
    reload(ctx).await.map_err(for_token)
}

/// What a client is told of an error that has nothing to do with what it sent.
pub(crate) fn for_token(error: Error) -> OAuthError {
    if let Error::Unavailable { outage, cause } = error {
        return OAuthError::unavailable(outage, cause);
    }
    let because = format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default());
    OAuthError::new(OAuthErrorCode::ServerError, "the server cannot answer now").because(because)
}

/// The keys, read anew if `presented` names one that is not known here.
pub(crate) async fn ring_for(ctx: &Context, presented: &OpaqueToken, now: Instant) -> Result<Arc<KeyRing>, OAuthError> {
    let ring = ctx.keys.ring();
    if ring.refresh_tokens().knows_key_of(presented, now) {
        return Ok(ring);
    }
    reload_for_token(ctx).await?;
    Ok(ctx.keys.ring())
}

/// A stored key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnusableKey {
    /// It cannot be opened.
    #[error("the key {id} for `{purpose}` cannot be opened: {cause}")]
    Sealed {
        /// What it is for.
        purpose: KeyPurpose,
        /// Which one it is.
        id: KeyId,
        /// Why.
        cause: SealError,
    },
    /// It has another length than keys have.
    #[error("the key {id} for `{purpose}` has {length} bytes instead of 32")]
    Length {
        /// What it is for.
        purpose: KeyPurpose,
        /// Which one it is.
        id: KeyId,
        /// How many bytes it has.
        length: usize,
    },
    /// There is none for a purpose.
    #[error(transparent)]
    Missing(#[from] NoKeyError),
}

#[cfg(test)]
mod tests;
