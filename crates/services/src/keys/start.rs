//! The keys at the start of a server.

use super::UnusableKey;
use crate::Error;
use doorward_domain::keys::{CryptoKey, KeyAlgorithm, KeyId, KeyPurpose, KeyRing};
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
    let algorithm = KeyAlgorithm::HmacSha256;
    let key = CryptoKey { purpose, id, algorithm, stored: Secret::new(Vec::new()), starts_at, ends_at: None };
    let stored = sealer.seal(&key.place(), &Secret::new(secret))?;
    Ok(CryptoKey { stored: Secret::new(stored), ..key })
}

/// Makes the first key of every purpose that has none.
pub(crate) fn first_keys(
    stored: &[CryptoKey],
    now: Instant,
    random: &dyn Random,
    sealer: &dyn Sealer,
) -> Result<Vec<CryptoKey>, Error> {
    let missing = KeyPurpose::ALL.iter().filter(|purpose| !stored.iter().any(|key| key.purpose == **purpose));
    missing
        .map(|purpose| new_key(*purpose, KeyId::FIRST, now, random, sealer))
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Internal(error.into()))
}

/// Opens stored keys.
pub(crate) fn read(stored: &[CryptoKey], sealer: &dyn Sealer) -> Result<KeyRing, UnusableKey> {
    let open = |key: &CryptoKey| -> Result<_, UnusableKey> {
        let (purpose, id) = (key.purpose, key.id);
        let secret = sealer.open(&key.place(), key.stored.expose());
        let secret = secret.map_err(|cause| UnusableKey::Sealed { purpose, id, cause })?;
        let bytes = <[u8; KEY_LEN]>::try_from(secret.expose().as_slice());
        let bytes = bytes.map_err(|_odd| UnusableKey::Length { purpose, id, length: secret.expose().len() })?;
        Ok((key.clone(), Secret::new(bytes)))
    };
    let opened = stored.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    Ok(KeyRing::new(&opened)?)
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
