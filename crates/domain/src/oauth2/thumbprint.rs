//! What a key is known by, to which tokens are bound (RFC 9449 6.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;

/// The thumbprint of a key (`jkt`; RFC 7638), by which tokens are bound to it.
///
/// ```
/// use doorward_domain::oauth2::KeyThumbprint;
/// assert!("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse::<KeyThumbprint>().is_ok());
/// assert!("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4".parse::<KeyThumbprint>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyThumbprint(pub(super) String);

/// It is no thumbprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a thumbprint has 43 characters of base64url")]
pub struct ThumbprintError;

impl KeyThumbprint {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for KeyThumbprint {
    type Err = ThumbprintError;

    fn from_str(text: &str) -> Result<Self, ThumbprintError> {
        match URL_SAFE_NO_PAD.decode(text) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self(text.to_owned())),
            _ => Err(ThumbprintError),
        }
    }
}

impl fmt::Display for KeyThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
