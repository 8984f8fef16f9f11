//! Sealing of secrets at rest with AES-256-GCM (NIST SP 800-38D).

use crate::SystemRandom;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use doorward_domain::Secret;
use doorward_ports::crypto::SealError;
use doorward_ports::{Random as _, Sealer};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest;
use std::fmt;

/// The form of a secret that is stored as it is.
const PLAIN: u8 = 0;
/// The form of what is sealed with AES-256-GCM: the id of the seal key, a random nonce, the sealed bytes.
const SEALED: u8 = 1;
/// Bytes of the id of a seal key.
const ID_LEN: usize = 8;
/// Bytes of a seal key.
const KEY_LEN: usize = 32;
/// Base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A text is no seal key. It says which one, and nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("seal key {number} is not 32 bytes in base64, such as `openssl rand -base64 32` prints")]
pub struct SealKeyError {
    /// Its place among those given, from 1.
    pub number: usize,
}

/// Seals with the first of its keys, and opens with all of them. Without a key secrets are stored as they are; what is
/// sealed cannot be opened then.
#[derive(Default)]
pub struct SealKeys {
    keys: Vec<SealKey>,
    random: SystemRandom,
}

struct SealKey {
    id: [u8; ID_LEN],
    key: LessSafeKey,
}

impl SealKeys {
    /// Reads keys of 32 bytes each in base64.
    pub fn parse(texts: &[Secret<String>]) -> Result<Self, SealKeyError> {
        let keys =
            texts.iter().enumerate().map(|(at, text)| SealKey::parse(text).ok_or(SealKeyError { number: at + 1 }));
        Ok(Self { keys: keys.collect::<Result<_, _>>()?, random: SystemRandom::default() })
    }
}

impl SealKey {
    fn parse(text: &Secret<String>) -> Option<Self> {
        let bytes = BASE64.decode(text.expose().trim()).ok().filter(|bytes| bytes.len() == KEY_LEN)?;
        let digest = digest::digest(&digest::SHA256, &[b"doorward seal key".as_slice(), &bytes].concat());
        let id = digest.as_ref().first_chunk::<ID_LEN>()?;
        Some(Self { id: *id, key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).ok()?) })
    }
}

/// What the seal vouches for beside the secret: form, seal key and place.
fn associated(id: [u8; ID_LEN], place: &str) -> Aad<Vec<u8>> {
    Aad::from([&[SEALED], id.as_slice(), place.as_bytes()].concat())
}

fn name(id: [u8; ID_LEN]) -> String {
    format!("{:016x}", u64::from_be_bytes(id))
}

/// The parts of what is sealed: seal key, nonce, sealed bytes.
fn parts(stored: &[u8]) -> Option<([u8; ID_LEN], [u8; NONCE_LEN], &[u8])> {
    let (id, rest) = stored.strip_prefix(&[SEALED])?.split_first_chunk::<ID_LEN>()?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
    Some((*id, *nonce, sealed))
}

impl Sealer for SealKeys {
    fn seal(&self, place: &str, secret: &Secret<Vec<u8>>) -> Result<Vec<u8>, SealError> {
        let Some(SealKey { id, key }) = self.keys.first() else {
            return Ok([&[PLAIN], secret.expose().as_slice()].concat());
        };
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce);
        let mut sealed = secret.expose().clone();
        // It fails for gigabytes only.
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), associated(*id, place), &mut sealed)
            .map_err(|_unspecified| SealError::UnknownForm)?;
        Ok([&[SEALED], id.as_slice(), &nonce, &sealed].concat())
    }

    fn open(&self, place: &str, stored: &[u8]) -> Result<Secret<Vec<u8>>, SealError> {
        if let Some(plain) = stored.strip_prefix(&[PLAIN]) {
            return Ok(Secret::new(plain.to_vec()));
        }
        let (id, nonce, sealed) = parts(stored).ok_or(SealError::UnknownForm)?;
        let key = self.keys.iter().find(|key| key.id == id).ok_or_else(|| SealError::UnknownKey(name(id)))?;
        let mut bytes = sealed.to_vec();
        let opened = key.key.open_in_place(Nonce::assume_unique_for_key(nonce), associated(id, place), &mut bytes);
        opened.map(|secret| Secret::new(secret.to_vec())).map_err(|_unspecified| SealError::Broken)
    }

    fn seals_with(&self) -> Option<String> {
        self.keys.first().map(|key| name(key.id))
    }

    fn sealed_with(&self, stored: &[u8]) -> Option<String> {
        parts(stored).map(|(id, ..)| name(id))
    }
}

impl fmt::Debug for SealKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKeys").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const TWO: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";

    fn keys(texts: &[&str]) -> SealKeys {
        SealKeys::parse(&texts.iter().map(|text| Secret::from(*text)).collect::<Vec<_>>()).unwrap()
    }

    fn secret() -> Secret<Vec<u8>> {
        Secret::new(b"a secret of the server".to_vec())
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_with_its_key_and_nowhere_else() {
        let (one, two, both) = (keys(&[ONE]), keys(&[TWO]), keys(&[TWO, ONE]));
        let sealed = one.seal("here", &secret()).unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_ne!(sealed, one.seal("here", &secret()).unwrap(), "the nonce is new each time");
        for keys in [&one, &both] {
            assert_eq!(keys.open("here", &sealed).unwrap().expose(), secret().expose());
        }
        assert_eq!(one.open("there", &sealed).unwrap_err(), SealError::Broken);
        let named = one.seals_with().unwrap();
        assert_eq!(two.open("here", &sealed).unwrap_err(), SealError::UnknownKey(named.clone()));
        assert_eq!(SealKeys::default().open("here", &sealed).unwrap_err(), SealError::UnknownKey(named.clone()));
        assert_eq!((both.sealed_with(&sealed), both.seals_with()), (Some(named), two.seals_with()));
    }

    #[test]
    fn every_damaged_byte_is_noticed() {
        let keys = keys(&[ONE]);
        let sealed = keys.seal("here", &secret()).unwrap();
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 0x80;
            assert!(keys.open("here", &damaged).is_err(), "{at}");
        }
        for length in 0..sealed.len() {
            assert!(keys.open("here", &sealed[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn without_a_key_secrets_are_stored_as_they_are_and_read_with_any() {
        let stored = SealKeys::default().seal("here", &secret()).unwrap();
        assert_eq!((stored[0], &stored[1..]), (0, secret().expose().as_slice()));
        assert_eq!(keys(&[ONE]).open("here", &stored).unwrap().expose(), secret().expose());
        assert_eq!((SealKeys::default().seals_with(), SealKeys::default().sealed_with(&stored)), (None, None));
    }

    #[test]
    fn a_text_that_is_no_key_is_named_by_its_place_alone() {
        for bad in ["", "x", "AQEB", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"] {
            let error = SealKeys::parse(&[Secret::from(ONE), Secret::from(bad)]).unwrap_err();
            assert_eq!(error, SealKeyError { number: 2 });
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", keys(&[ONE, TWO])), "SealKeys { keys: 2, .. }");
    }
}
