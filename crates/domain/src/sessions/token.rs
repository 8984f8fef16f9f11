//! The wire format of a key: `<id>-<secret>`.

use crate::{Digest, Secret};
use std::fmt;

/// Public part of a key: 10 alphanumeric characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiKeyId(String);

impl ApiKeyId {
    /// Number of characters.
    pub const LEN: usize = 10;

    /// Takes the id from storage or from random text.
    pub fn new(text: impl Into<String>) -> Result<Self, TokenFormatError> {
        let text = text.into();
        if text.len() == Self::LEN && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(text))
        } else {
            Err(TokenFormatError::IdLength(text.len()))
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeyId({})", self.0)
    }
}

/// Why a text is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFormatError {
    /// There is not exactly one hyphen.
    #[error("incorrect amount of API key parts, expected 2 got {0}")]
    Parts(usize),
    /// The id has not 10 alphanumeric characters.
    #[error("invalid API key id, expected length 10 got {0}")]
    IdLength(usize),
    /// The secret has not 22 alphanumeric characters.
    #[error("invalid API key secret, expected length 22 got {0}")]
    SecretLength(usize),
}

/// A whole token, as its owner holds it.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// The public part, by which the key is found.
    pub id: ApiKeyId,
    secret: Secret<String>,
}

impl ApiToken {
    /// Number of characters of the secret part.
    pub const SECRET_LEN: usize = 22;

    /// Makes a token of its parts, which must be random alphanumeric text of the right lengths.
    pub fn new(id: ApiKeyId, secret: Secret<String>) -> Result<Self, TokenFormatError> {
        let text = secret.expose();
        if text.len() != Self::SECRET_LEN || !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(TokenFormatError::SecretLength(text.len()));
        }
        Ok(Self { id, secret })
    }

    /// Reads a token from a request.
    pub fn parse(text: &str) -> Result<Self, TokenFormatError> {
        let mut parts = text.split('-');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(id), Some(secret), None) => Self::new(ApiKeyId::new(id)?, Secret::from(secret)),
            _ => Err(TokenFormatError::Parts(text.split('-').count())),
        }
    }

    /// The digest of the secret part, which is all that is stored.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.secret.expose())
    }

    /// The whole token, for the one to whom it is issued.
    #[must_use]
    pub fn to_wire(&self) -> Secret<String> {
        Secret::new(format!("{}-{}", self.id.0, self.secret.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let text = "0123456789-abcdefghijABCDEFGHIJ01";
        assert_eq!(ApiToken::parse(text).unwrap().to_wire().expose(), text);
    }

    #[test]
    fn each_defect_has_its_name() {
        assert_eq!(ApiToken::parse("").unwrap_err(), TokenFormatError::Parts(1));
        assert_eq!(ApiToken::parse("a-b-c").unwrap_err(), TokenFormatError::Parts(3));
        assert_eq!(ApiToken::parse("a-b").unwrap_err(), TokenFormatError::IdLength(1));
        assert_eq!(ApiToken::parse("0123456789-b").unwrap_err(), TokenFormatError::SecretLength(1));
        assert_eq!(ApiToken::parse("012345678é-b").unwrap_err(), TokenFormatError::IdLength(11));
    }
}
