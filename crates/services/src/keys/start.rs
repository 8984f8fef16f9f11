//! The keys at the start of a server.

use super::UnusableKey;
use super::signing::SigningDocument;
use crate::Error;
use doorward_domain::keys::{CryptoKey, KeyId, KeyPurpose, KeyRing};
use doorward_domain::roles::System;
use doorward_domain::{Instant, Secret};
use doorward_ports::crypto::SealError;
use doorward_ports::{Random, Sealer, Store};

/// Bytes of a key.
pub(super) const KEY_LEN: usize = 32;

/// A new key, with these times.
pub(super) fn new_key(
    purpose: KeyPurpose,
    id: KeyId,
    starts_at: Instant,
    random: &dyn Random,
    sealer: &dyn Sealer,
) -> Result<CryptoKey, SealError> {
    let mut secret = vec![0; KEY_LEN];
    random.fill(&mut secret);
    sealed_key(purpose, id, starts_at, &Secret::new(secret), sealer)
}

/// A new key that is this secret.
pub(super) fn sealed_key(
    purpose: KeyPurpose,
    id: KeyId,
    starts_at: Instant,
    secret: &Secret<Vec<u8>>,
    sealer: &dyn Sealer,
) -> Result<CryptoKey, SealError> {
    let algorithm = purpose.algorithm();
    let key = CryptoKey { purpose, id, algorithm, stored: Secret::new(Vec::new()), starts_at, ends_at: None };
    let stored = sealer.seal(&key.place(), secret)?;
    Ok(CryptoKey { stored: Secret::new(stored), ..key })
}

/// Makes the first key of every purpose that has none, but for those that are published: they are made when one is needed.
pub(crate) fn first_keys(
    stored: &[CryptoKey],
    now: Instant,
    random: &dyn Random,
    sealer: &dyn Sealer,
) -> Result<Vec<CryptoKey>, Error> {
    let has = |purpose: KeyPurpose| stored.iter().any(|key| key.purpose == purpose);
    let missing = KeyPurpose::ALL.iter().filter(|purpose| !purpose.is_published() && !has(**purpose));
    missing
        .map(|purpose| new_key(*purpose, KeyId::FIRST, now, random, sealer))
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Internal(error.into()))
}

/// Stored keys, opened.
pub(crate) struct Opened {
    /// What things are derived from.
    pub(super) ring: KeyRing,
    /// Private keys.
    pub(super) documents: Vec<SigningDocument>,
}

/// Opens stored keys.
pub(crate) fn read(stored: &[CryptoKey], sealer: &dyn Sealer) -> Result<Opened, UnusableKey> {
    let unseal = |key: &CryptoKey| {
        let (purpose, id) = (key.purpose, key.id);
        let secret = sealer.open(&key.place(), key.stored.expose());
        secret.map_err(|cause| UnusableKey::Sealed { purpose, id, cause })
    };
    let open = |key: &CryptoKey| -> Result<_, UnusableKey> {
        let (purpose, id) = (key.purpose, key.id);
        let secret = unseal(key)?;
        let bytes = <[u8; KEY_LEN]>::try_from(secret.expose().as_slice());
        let bytes = bytes.map_err(|_odd| UnusableKey::Length { purpose, id, length: secret.expose().len() })?;
        Ok((key.clone(), Secret::new(bytes)))
    };
    let (published, derived): (Vec<_>, Vec<_>) = stored.iter().partition(|key| key.purpose.is_published());
    let opened = derived.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let document = |key: &CryptoKey| Ok(SigningDocument { key: key.clone(), document: unseal(key)? });
    let documents = published.into_iter().map(document).collect::<Result<Vec<_>, UnusableKey>>()?;
    Ok(Opened { ring: KeyRing::new(&opened)?, documents })
}

/// Seals stored keys anew that are not sealed with the seal key that seals now.
pub(crate) async fn reseal(store: &Store, stored: &[CryptoKey], sealer: &dyn Sealer) -> Result<(), Error> {
    let Some(wanted) = sealer.seals_with() else { return Ok(()) };
    let others = stored.iter().filter(|key| sealer.sealed_with(key.stored.expose()).as_ref() != Some(&wanted));
    for key in others {
        let opened = sealer.open(&key.place(), key.stored.expose());
        let form = opened.and_then(|secret| sealer.seal(&key.place(), &secret));
        let (form, key) = (form.map_err(|error| Error::Internal(error.into()))?, key.clone());
        store
            .write(move |repos| {
                let permit = System::because("keys are sealed with the key of the settings").permit();
                // Of two servers that do it at once, one has; the other's form would open as well.
                repos.keys().reseal(&permit, &key, &form).map(drop)
            })
            .await
            .map_err(|error: doorward_ports::StoreError| Error::from(error))?;
    }
    Ok(())
}
