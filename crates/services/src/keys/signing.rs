//! The private keys with which this server signs for others: which one signs, and which ones are published.

use super::Keys;
use crate::Error;
use doorward_domain::jws::{PublicKeyMaterial, SignatureAlgorithm};
use doorward_domain::keys::{CryptoKey, KeyAlgorithm, KeyPurpose};
use doorward_domain::{Instant, Secret};
use doorward_ports::crypto::SigningError;
use doorward_ports::{KeyMint, Signer};
use std::sync::Arc;

/// A stored private key, whose seal is open.
#[derive(Debug)]
pub(crate) struct SigningDocument {
    pub(super) key: CryptoKey,
    pub(super) document: Secret<Vec<u8>>,
}

/// All private keys, opened.
#[derive(Default)]
pub(crate) struct SigningRing(Vec<RingKey>);

/// A private key, opened.
pub(crate) struct RingKey {
    purpose: KeyPurpose,
    /// By what its signatures are verified.
    pub(crate) public: PublicKeyMaterial,
    /// What it is called: its thumbprint.
    pub(crate) id: String,
    pub(crate) algorithm: SignatureAlgorithm,
    pub(crate) signer: Arc<dyn Signer>,
    starts_at: Instant,
    ends_at: Option<Instant>,
}

/// The purpose whose keys sign by this algorithm; `None` if none does.
pub(crate) const fn purpose_of(algorithm: SignatureAlgorithm) -> Option<KeyPurpose> {
    match algorithm {
        SignatureAlgorithm::Rs256 => Some(KeyPurpose::SignRs256),
        SignatureAlgorithm::Es256 => Some(KeyPurpose::SignEs256),
        SignatureAlgorithm::EdDsa => Some(KeyPurpose::SignEdDsa),
        SignatureAlgorithm::Ps256 | SignatureAlgorithm::Es384 => None,
    }
}

/// The algorithm by which keys of this purpose sign for others; `None` if they do not.
pub(crate) const fn algorithm_of(purpose: KeyPurpose) -> Option<SignatureAlgorithm> {
    match purpose.algorithm() {
        KeyAlgorithm::Rs256 => Some(SignatureAlgorithm::Rs256),
        KeyAlgorithm::Es256 => Some(SignatureAlgorithm::Es256),
        KeyAlgorithm::EdDsa => Some(SignatureAlgorithm::EdDsa),
        KeyAlgorithm::HmacSha256 | KeyAlgorithm::HmacSha256Unnamed => None,
    }
}

/// A new private key of this purpose.
pub(super) async fn generate(keys: &Keys, purpose: KeyPurpose) -> Result<Secret<Vec<u8>>, Error> {
    let algorithm = algorithm_of(purpose).ok_or_else(|| Error::Internal(SigningError.into()))?;
    keys.mint()?.generate(algorithm).await.map_err(|error| Error::Internal(error.into()))
}

impl SigningRing {
    pub(super) fn open(documents: &[SigningDocument], mint: &dyn KeyMint) -> Result<Self, SigningError> {
        let open = |SigningDocument { key, document }: &SigningDocument| {
            let algorithm = algorithm_of(key.purpose).ok_or(SigningError)?;
            let pair = mint.open(algorithm, document)?;
            Ok(RingKey {
                purpose: key.purpose,
                id: pair.public.thumbprint(),
                public: pair.public,
                algorithm,
                signer: pair.signer,
                starts_at: key.starts_at,
                ends_at: key.ends_at,
            })
        };
        let mut keys = documents.iter().map(open).collect::<Result<Vec<_>, SigningError>>()?;
        // Newest first: so they sign, and so they are published.
        keys.sort_by(|one, other| (other.starts_at, &other.id).cmp(&(one.starts_at, &one.id)));
        Ok(Self(keys))
    }

    /// Whether there is a key for this.
    pub(crate) fn has(&self, purpose: KeyPurpose) -> bool {
        self.0.iter().any(|key| key.purpose == purpose)
    }

    /// The key that signs by this algorithm now: the newest one that has begun, or the oldest one, if this clock is behind.
    pub(crate) fn signing(&self, algorithm: SignatureAlgorithm, now: Instant) -> Option<&RingKey> {
        let purpose = purpose_of(algorithm)?;
        let mut ours = self.0.iter().filter(|key| key.purpose == purpose);
        ours.clone().find(|key| key.starts_at <= now).or_else(|| ours.next_back())
    }

    /// The keys that are published now: for each algorithm the one that signs first, then those that will sign and those that have signed.
    pub(crate) fn published(&self, now: Instant) -> Vec<&RingKey> {
        let is_live = |key: &&RingKey| key.ends_at.is_none_or(|ends_at| now < ends_at);
        let signs = |key: &RingKey| self.signing(key.algorithm, now).is_some_and(|signing| signing.id == key.id);
        let mut keys: Vec<&RingKey> = self.0.iter().filter(is_live).collect();
        keys.sort_by_key(|key| (!signs(key), key.purpose));
        keys
    }

    /// The key of this id, also one that is not published any more.
    pub(crate) fn find(&self, id: &str) -> Option<&RingKey> {
        self.0.iter().find(|key| key.id == id)
    }
}

/// The public parts only.
impl std::fmt::Debug for SigningRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}
