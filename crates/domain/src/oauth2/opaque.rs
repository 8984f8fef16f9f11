//! The wire format of client secrets, authorization codes and refresh tokens: `coder_<prefix>_<secret>`.

use crate::{Digest, Secret, wire};

/// Why a text is not such a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is malformed")]
pub struct OpaqueTokenError;

/// A token as its owner holds it: found by its prefix, proved by its secret.
#[derive(Clone, Debug)]
pub struct OpaqueToken {
    prefix: String,
    secret: Secret<String>,
}

impl OpaqueToken {
    /// Characters of the prefix of tokens made here.
    pub const PREFIX_LEN: usize = 10;
    /// Characters of the secret of tokens made here.
    pub const SECRET_LEN: usize = 40;
    /// Longest part that is looked at.
    const PART_MAX: usize = 128;

    /// Makes a token of random alphanumeric text.
    #[must_use]
    pub const fn new(prefix: String, secret: Secret<String>) -> Self {
        Self { prefix, secret }
    }

    /// Reads a token: exactly three parts, the first is the product's, the others are not empty.
    ///
    /// ```
    /// use doorward_domain::oauth2::OpaqueToken;
    /// let token = OpaqueToken::parse("coder_0123456789_secret").unwrap();
    /// assert_eq!((token.prefix(), token.digest()), ("0123456789", doorward_domain::Digest::of("secret")));
    /// assert!(OpaqueToken::parse("coder_0123456789").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, OpaqueTokenError> {
        let mut parts = text.split('_');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(wire::SECRET_PREFIX), Some(prefix), Some(secret), None) if is_part(prefix) && is_part(secret) => {
                Ok(Self { prefix: prefix.to_owned(), secret: Secret::from(secret) })
            }
            _ => Err(OpaqueTokenError),
        }
    }

    /// Whether a text is meant to be such a token, well formed or not.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.strip_prefix(wire::SECRET_PREFIX).is_some_and(|rest| rest.starts_with('_'))
    }

    /// The part by which it is found, kept in clear.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The part that proves it.
    #[must_use]
    pub const fn secret(&self) -> &Secret<String> {
        &self.secret
    }

    /// The digest of the secret part, which is all that is stored.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.secret.expose())
    }

    /// The whole token, for the one to whom it is issued.
    #[must_use]
    pub fn to_wire(&self) -> Secret<String> {
        Secret::new(format!("{}_{}_{}", wire::SECRET_PREFIX, self.prefix, self.secret.expose()))
    }

    /// The last six characters, by which its owner recognises it in a list.
    #[must_use]
    pub fn display_suffix(&self) -> String {
        let secret = self.secret.expose();
        secret.char_indices().rev().nth(5).map_or(secret.as_str(), |(at, _)| secret.split_at(at).1).to_owned()
    }
}

fn is_part(text: &str) -> bool {
    !text.is_empty() && text.len() <= OpaqueToken::PART_MAX && !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_parts_or_nothing() {
        assert_eq!(OpaqueToken::parse("coder_a_b").unwrap().to_wire().expose(), "coder_a_b");
        for bad in ["", "coder", "coder_a", "coder__b", "coder_a_", "coder_a_b_c", "other_a_b", "Coder_a_b"] {
            assert!(OpaqueToken::parse(bad).is_err(), "{bad}");
        }
        assert!(OpaqueToken::is_meant("coder_") && !OpaqueToken::is_meant("coder-x"));
    }

    #[test]
    fn the_suffix_has_six_characters() {
        assert_eq!(OpaqueToken::parse("coder_a_0123456789").unwrap().display_suffix(), "456789");
        assert_eq!(OpaqueToken::parse("coder_a_012").unwrap().display_suffix(), "012");
    }
}
