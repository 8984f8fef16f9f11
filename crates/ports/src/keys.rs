//! The keys of the server.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::keys::{CryptoKey, KeyId, KeyPurpose, KeyRotation};
use doorward_domain::roles::{Permit, action, resource};

/// The stored keys. What they hold is sealed and opened elsewhere, see [`Sealer`](crate::Sealer).
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait KeyRepository {
    /// All keys of all purposes, oldest first.
    fn list(&mut self) -> Result<Vec<CryptoKey>, StoreError>;

    /// Stores the first key of a purpose, unless there is one of its id. Of several servers that start at once, one does.
    fn insert_first(
        &mut self,
        permit: &Permit<action::Create, resource::CryptoKey>,
        key: &CryptoKey,
    ) -> Result<(), StoreError>;

    /// Stores `key`, the new one of `rotation`, and sets the end of the old one. `false`, and nothing changed, if there is a
    /// key of its id already: another rotation was first.
    fn rotate(
        &mut self,
        permit: &Permit<action::Create, resource::CryptoKey>,
        rotation: &KeyRotation,
        key: &CryptoKey,
    ) -> Result<bool, StoreError>;

    /// Replaces the stored form of `key`; `false` if it is not the one that `key` has any more.
    fn reseal(
        &mut self,
        permit: &Permit<action::Update, resource::CryptoKey>,
        key: &CryptoKey,
        stored: &[u8],
    ) -> Result<bool, StoreError>;

    /// Removes a key at once; `false` when there is none.
    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::CryptoKey>,
        purpose: KeyPurpose,
        id: KeyId,
    ) -> Result<bool, StoreError>;

    /// Removes the keys that do not verify any more at `now`; how many.
    fn purge(
        &mut self,
        permit: &Permit<action::Delete, resource::CryptoKey>,
        now: Instant,
    ) -> Result<usize, StoreError>;
}
