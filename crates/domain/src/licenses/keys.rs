//! Who may sign licences.

use crate::jws::PublicKeyMaterial;
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::digest::{SHA256, digest};
use std::collections::BTreeMap;

const LOOSE: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
/// Bytes of a key.
const KEY_LEN: usize = 32;
/// The longest id of a key, in bytes.
const ID_MAX: usize = 128;

/// Why something is no trusted key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustedKeyError {
    /// Its id is empty, too long, or not plain.
    #[error("the id of a key is 1 to {ID_MAX} printable characters of ASCII, without blanks")]
    Id,
    /// It is no key.
    #[error("the key `{0}` is not 32 bytes in base64, as `doorward license keygen` prints them")]
    Key(String),
    /// There are two of this id.
    #[error("two keys have the id `{0}`")]
    Twice(String),
}

/// The public keys of those whose licences are believed, by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedKeys(BTreeMap<String, PublicKeyMaterial>);

impl TrustedKeys {
    /// The same with one more: an id, and the 32 bytes of an Ed25519 key in base64 of any kind.
    ///
    /// ```
    /// use doorward_domain::licenses::TrustedKeys;
    /// let key = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    /// let keys = TrustedKeys::default().with("2026-03", key)?;
    /// assert!(keys.find("2026-03").is_some() && keys.find("2026-04").is_none());
    /// assert!(keys.with("2026-03", key).is_err());
    /// # Ok::<(), doorward_domain::licenses::TrustedKeyError>(())
    /// ```
    pub fn with(mut self, id: &str, key: &str) -> Result<Self, TrustedKeyError> {
        if id.is_empty() || id.len() > ID_MAX || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TrustedKeyError::Id);
        }
        let decode = |alphabet| GeneralPurpose::new(alphabet, LOOSE).decode(key.trim()).ok();
        let bytes = [&STANDARD, &URL_SAFE].into_iter().find_map(decode).filter(|bytes| bytes.len() == KEY_LEN);
        let x = bytes.ok_or_else(|| TrustedKeyError::Key(id.to_owned()))?;
        if self.0.insert(id.to_owned(), PublicKeyMaterial::Ed25519 { x }).is_some() {
            return Err(TrustedKeyError::Twice(id.to_owned()));
        }
        Ok(self)
    }

    /// The key of this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&PublicKeyMaterial> {
        self.0.get(id)
    }
}

/// The id of a public key for which nobody chose one: the beginning of its digest.
#[must_use]
pub fn key_id(public_key: &[u8]) -> String {
    let bytes = digest(&SHA256, public_key).as_ref().first_chunk().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_any_base64_and_others_are_refused_by_id() {
        let with = |id: &str, key: &str| TrustedKeys::default().with(id, key);
        for key in [
            "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
            " 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo\n",
        ] {
            assert!(with("a", key).is_ok(), "{key}");
        }
        for key in ["", "AAAA", "not base64!", &"A".repeat(100)] {
            assert_eq!(with("a", key), Err(TrustedKeyError::Key("a".to_owned())), "{key}");
        }
        for id in ["", "a b", "\u{e9}", &"x".repeat(129)] {
            assert_eq!(with(id, "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="), Err(TrustedKeyError::Id), "{id}");
        }
        assert_eq!(key_id(b"abc"), "ba7816bf8f01cfea");
    }
}
