//! Which key signs at a moment, and which ones verify.

use super::{CryptoKey, KeyAlgorithm, KeyId, KeyPurpose};
use crate::oauth2::{DerivationKey, ExchangedTokens, OpaqueToken, Successor};
use crate::{Digest, Instant, Secret};

/// So many refresh tokens are looked at for the live pair. Two keys and eight exchanges need some 50, three keys 200.
const SEARCHED_MAX: usize = 4_096;

/// A purpose has no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no key for the purpose `{0}`")]
pub struct NoKeyError(pub KeyPurpose);

/// All keys of the server, opened.
#[derive(Clone, Debug)]
pub struct KeyRing {
    refresh_tokens: DerivationKeys,
    forms: DerivationKeys,
    workspace_apps: DerivationKeys,
}

impl KeyRing {
    /// A ring of stored keys, with what they are when they are opened. Every purpose must have one.
    pub fn new(keys: &[(CryptoKey, Secret<[u8; 32]>)]) -> Result<Self, NoKeyError> {
        let of = |purpose: KeyPurpose| {
            let ours = keys.iter().filter(|(key, _)| key.purpose == purpose).map(|(key, secret)| RingKey {
                id: key.id,
                key: DerivationKey::named(key.id, secret.expose()),
                unnamed: (key.algorithm == KeyAlgorithm::HmacSha256Unnamed)
                    .then(|| DerivationKey::new(secret.expose())),
                starts_at: key.starts_at,
                ends_at: key.ends_at,
            });
            DerivationKeys::of(ours.collect()).ok_or(NoKeyError(purpose))
        };
        Ok(Self {
            refresh_tokens: of(KeyPurpose::RefreshTokens)?,
            forms: of(KeyPurpose::Forms)?,
            workspace_apps: of(KeyPurpose::WorkspaceApps)?,
        })
    }

    /// A ring of one key for everything, which has always signed.
    #[must_use]
    pub fn single(secret: &[u8; 32]) -> Self {
        let key = RingKey {
            id: KeyId::FIRST,
            key: DerivationKey::named(KeyId::FIRST, secret),
            unnamed: None,
            starts_at: Instant::UNIX_EPOCH,
            ends_at: None,
        };
        let keys = DerivationKeys { first: key, later: Vec::new() };
        Self { refresh_tokens: keys.clone(), forms: keys.clone(), workspace_apps: keys }
    }

    /// The keys of refresh tokens.
    #[must_use]
    pub const fn refresh_tokens(&self) -> &DerivationKeys {
        &self.refresh_tokens
    }

    /// The keys of forms and of the set-up link.
    #[must_use]
    pub const fn forms(&self) -> &DerivationKeys {
        &self.forms
    }

    /// The keys from which those are derived that workspace proxies share with this server.
    #[must_use]
    pub const fn workspace_apps(&self) -> &DerivationKeys {
        &self.workspace_apps
    }
}

/// A key that is shared with another program.
#[derive(Clone, Debug)]
pub struct SharedKey {
    /// Tells it from the others that the program is given; later keys have larger ones. Seconds from the year 2020 to its start.
    pub sequence: i32,
    /// The key itself.
    pub secret: Secret<Vec<u8>>,
    /// From when on it signs.
    pub starts_at: Instant,
    /// Until when it verifies; `None` as long as no other one replaces it.
    pub ends_at: Option<Instant>,
}

/// The keys of one purpose from which something is derived, in the order in which they sign.
///
/// A refresh token is derived from the one before by the key that signs at the time of the exchange, never by an older one
/// than the key of the token before. So the tokens of a grant have keys that only ever get newer, whichever servers exchange
/// them and however late these hear of a rotation; and [`Self::live_after`] finds the live pair by trying those keys.
#[derive(Clone, Debug)]
pub struct DerivationKeys {
    first: RingKey,
    later: Vec<RingKey>,
}

#[derive(Clone, Debug)]
struct RingKey {
    id: KeyId,
    key: DerivationKey,
    /// The same key, for refresh tokens that do not name it.
    unnamed: Option<DerivationKey>,
    starts_at: Instant,
    ends_at: Option<Instant>,
}

impl RingKey {
    /// The key in each form in which there are tokens of it.
    fn forms(&self) -> impl Iterator<Item = &DerivationKey> {
        std::iter::once(&self.key).chain(&self.unnamed)
    }

    fn has_issued(&self, presented: &OpaqueToken) -> bool {
        self.forms().any(|key| key.has_issued(presented))
    }
}

impl RingKey {
    fn shared(&self, purpose: &str, len: usize) -> SharedKey {
        const SINCE: Instant = time::macros::datetime!(2020-01-01 00:00 UTC);
        SharedKey {
            sequence: i32::try_from((self.starts_at - SINCE).whole_seconds()).unwrap_or_default(),
            secret: self.key.bytes(purpose, len),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
        }
    }
}

impl DerivationKeys {
    fn of(mut keys: Vec<RingKey>) -> Option<Self> {
        keys.sort_by_key(|key| (key.starts_at, key.id));
        let mut keys = keys.into_iter();
        Some(Self { first: keys.next()?, later: keys.collect() })
    }

    /// The ids of the keys, oldest first.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.all().map(|key| key.id)
    }

    /// The first refresh token of a grant, see [`DerivationKey::first`].
    #[must_use]
    pub fn first(&self, prefix: String, random: &Secret<String>, now: Instant) -> OpaqueToken {
        self.signing(now).key.first(prefix, random)
    }

    /// The pair that follows `presented` if it is exchanged now.
    #[must_use]
    pub fn successor(&self, presented: &OpaqueToken, now: Instant) -> Successor {
        let signing = self.signing(now);
        // A server whose clock is behind may be shown a token of a key that does not sign here yet.
        let ahead = self.all().filter(|key| key.starts_at > signing.starts_at);
        ahead.into_iter().find(|key| key.has_issued(presented)).unwrap_or(signing).key.successor(presented)
    }

    /// The pair whose refresh token has the digest `live`, if it comes after `presented` within so many exchanges as are
    /// remembered, whatever keys signed meanwhile. `None` also if one of them is not in this ring.
    #[must_use]
    pub fn live_after(&self, presented: &OpaqueToken, live: &Digest, now: Instant) -> Option<Successor> {
        let verifying: Vec<&RingKey> = self.verifying(now).collect();
        let issuer = verifying.iter().position(|key| key.has_issued(presented)).unwrap_or(0);
        let mut left = SEARCHED_MAX;
        let mut generation = vec![(issuer, presented.clone())];
        for _ in 0..ExchangedTokens::MAX {
            let mut next = Vec::new();
            for (oldest, token) in &generation {
                for (rank, key) in verifying.iter().enumerate().skip(*oldest) {
                    for key in key.forms() {
                        left = left.checked_sub(1)?;
                        let refresh = key.next_refresh(token);
                        if refresh.digest() == *live {
                            return Some(key.successor(token));
                        }
                        next.push((rank, refresh));
                    }
                }
            }
            generation = next;
        }
        None
    }

    /// Whether this server issued `presented` at some time, with a key that still verifies.
    #[must_use]
    pub fn has_issued(&self, presented: &OpaqueToken, now: Instant) -> bool {
        self.verifying(now).any(|key| key.has_issued(presented))
    }

    /// Whether nothing is to be gained by reading the stored keys again: `presented` was issued with a key of this ring, or
    /// names one, or none at all.
    #[must_use]
    pub fn knows_key_of(&self, presented: &OpaqueToken, now: Instant) -> bool {
        DerivationKey::named_by(presented).is_none_or(|id| self.ids().any(|known| known == id))
            || self.has_issued(presented, now)
    }

    /// Text that only this server can make, see [`DerivationKey::text`].
    #[must_use]
    pub fn text(&self, purpose: &str, parts: &[&[u8]], now: Instant) -> Secret<String> {
        self.signing(now).key.text(purpose, parts)
    }

    /// Whether `presented` is such a text, made with any key that verifies; in constant time for each.
    #[must_use]
    pub fn is_text(&self, purpose: &str, parts: &[&[u8]], presented: &str, now: Instant) -> bool {
        self.verifying(now).any(|key| key.key.is_text(purpose, parts, presented))
    }

    /// Keys of `len` bytes for another program, one derived of each key that verifies, oldest first. They have nothing to do with those
    /// for another `purpose`, and tell nothing of what they are derived from.
    #[must_use]
    pub fn shared(&self, purpose: &str, len: usize, now: Instant) -> Vec<SharedKey> {
        self.verifying(now).map(|key| key.shared(purpose, len)).collect()
    }

    /// Of the keys of [`Self::shared`] the one that signs now.
    #[must_use]
    pub fn shared_that_signs(&self, purpose: &str, len: usize, now: Instant) -> SharedKey {
        self.signing(now).shared(purpose, len)
    }

    /// The id of the key that signs now.
    #[must_use]
    pub fn signing_id(&self, now: Instant) -> KeyId {
        self.signing(now).id
    }

    /// The text of the key of this id, whether or not it signs now; `None` if it is not in the ring.
    #[must_use]
    pub fn text_of(&self, id: KeyId, purpose: &str, parts: &[&[u8]]) -> Option<Secret<String>> {
        self.all().find(|key| key.id == id).map(|key| key.key.text(purpose, parts))
    }

    fn all(&self) -> impl Iterator<Item = &RingKey> {
        std::iter::once(&self.first).chain(&self.later)
    }

    /// The newest key that has begun; the oldest one if none has.
    fn signing(&self, now: Instant) -> &RingKey {
        self.later.iter().rfind(|key| key.starts_at <= now).unwrap_or(&self.first)
    }

    /// The keys whose work is accepted. Those that have not begun are among them: another clock may be ahead.
    fn verifying(&self, now: Instant) -> impl Iterator<Item = &RingKey> {
        self.all().filter(move |key| key.ends_at.is_none_or(|ends_at| now < ends_at))
    }
}

#[cfg(test)]
mod tests;
