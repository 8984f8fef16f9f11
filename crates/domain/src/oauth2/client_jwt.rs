//! What clients sign: tokens of theirs, taken apart and checked for all that they have in common.

use crate::Instant;
use crate::identity_providers::KeySet;
use crate::jws::{
    Claims, ClaimsError, Compact, CompactDefect, HeaderDefect, SignatureAlgorithm, TokenHeader, WrongTypeError,
};
use time::Duration;

/// Longest `jti`, in bytes.
const ID_MAX: usize = 256;
/// How far the clocks of clients may be behind this one.
const BEHIND: Duration = Duration::seconds(30);
/// How far they may be ahead.
const AHEAD: Duration = Duration::MINUTE;

/// Why what a client signed is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientJwtDefect {
    /// It is longer than any.
    #[error("the token is too long")]
    TooLong,
    /// It is not written as a signed token is.
    #[error(transparent)]
    Compact(#[from] CompactDefect),
    /// Its header is not accepted.
    #[error(transparent)]
    Header(#[from] HeaderDefect),
    /// Its payload cannot be read.
    #[error("the payload of the token cannot be read: {0}")]
    Claims(#[from] ClaimsError),
    /// A claim has another type.
    #[error(transparent)]
    Type(#[from] WrongTypeError),
    /// The client is registered with another algorithm.
    #[error("the token is signed by another algorithm than the client is registered with")]
    Algorithm,
    /// A claim is missing.
    #[error("the token has no `{0}`")]
    Missing(&'static str),
    /// `iss` or `sub` is not what it must be.
    #[error("`{0}` of the token is not what it must be")]
    Party(&'static str),
    /// It is for somebody else, or for several.
    #[error("the token is not for this server")]
    Audience,
    /// It has ended.
    #[error("the token has expired")]
    Expired,
    /// It would be good for too long.
    #[error("the token is good for too long")]
    TooLongLived,
    /// It was made long ago.
    #[error("the token was issued too long ago")]
    TooOld,
    /// It is from the future.
    #[error("the token is not valid yet; the clock of the client may be wrong")]
    NotYet,
    /// Its id is empty or too long.
    #[error("`jti` of the token must have 1 to {ID_MAX} bytes")]
    Id,
}

/// A token that was taken apart. Nothing of it is believed before [`ClientJwt::is_signed_by`].
#[derive(Clone, Debug)]
pub(super) struct ClientJwt<'t> {
    compact: Compact<'t>,
    header: TokenHeader,
    pub(super) claims: Claims,
}

/// What is known of a token by its times and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneUse {
    /// Its id.
    pub id: String,
    /// Until when its id must be remembered: after that it is over by itself.
    pub remember_until: Instant,
}

impl<'t> ClientJwt<'t> {
    /// Takes a token of at most so many bytes apart, whose header says that it is of one of these kinds, or says none.
    pub(super) fn parse(text: &'t str, longest: usize, kinds: &[&str]) -> Result<Self, ClientJwtDefect> {
        if text.len() > longest {
            return Err(ClientJwtDefect::TooLong);
        }
        let compact = Compact::parse(text)?;
        let header = TokenHeader::parse(&compact.header, SignatureAlgorithm::ALL)?;
        if header.kind.as_ref().is_some_and(|kind| !kinds.contains(&kind.as_str())) {
            return Err(HeaderDefect::Kind.into());
        }
        let claims = Claims::parse(&compact.payload)?;
        Ok(Self { compact, header, claims })
    }

    /// Whether one of these keys has signed it.
    #[must_use]
    pub(super) fn is_signed_by(&self, keys: &KeySet) -> bool {
        let mut candidates = keys.candidates(&self.header, &self.claims).into_iter();
        candidates.any(|key| self.compact.is_signed_by(&key.material, self.header.algorithm))
    }

    /// Checks that it is signed by the algorithm of this name, if there is one.
    pub(super) fn check_algorithm(&self, registered: Option<&str>) -> Result<(), ClientJwtDefect> {
        match registered {
            Some(name) if super::client_algorithm(name) != Some(self.header.algorithm) => {
                Err(ClientJwtDefect::Algorithm)
            }
            _ => Ok(()),
        }
    }

    /// A claim that is a text, and must be there.
    pub(super) fn text(&self, name: &'static str) -> Result<&str, ClientJwtDefect> {
        self.claims.text(name)?.ok_or(ClientJwtDefect::Missing(name))
    }

    /// When it ends. It must not have ended, not be good for longer than `longest`, and neither be old nor of the future.
    pub(super) fn check_times(&self, longest: Duration, now: Instant) -> Result<Instant, ClientJwtDefect> {
        let expires_at = self.claims.instant("exp")?.ok_or(ClientJwtDefect::Missing("exp"))?;
        if now - expires_at >= BEHIND {
            return Err(ClientJwtDefect::Expired);
        }
        if expires_at - now > longest {
            return Err(ClientJwtDefect::TooLongLived);
        }
        if let Some(issued_at) = self.claims.instant("iat")? {
            if issued_at - now > AHEAD {
                return Err(ClientJwtDefect::NotYet);
            }
            if now - issued_at > longest + AHEAD {
                return Err(ClientJwtDefect::TooOld);
            }
        }
        if self.claims.instant("nbf")?.is_some_and(|not_before| not_before - now > AHEAD) {
            return Err(ClientJwtDefect::NotYet);
        }
        Ok(expires_at)
    }

    /// Its id, if it has one, with how long it must be remembered.
    pub(super) fn one_use(&self, expires_at: Instant) -> Result<Option<OneUse>, ClientJwtDefect> {
        let Some(id) = self.claims.text("jti")? else { return Ok(None) };
        if id.is_empty() || id.len() > ID_MAX {
            return Err(ClientJwtDefect::Id);
        }
        Ok(Some(OneUse { id: id.to_owned(), remember_until: expires_at.saturating_add(BEHIND) }))
    }
}

/// Whether the text is the issuer; a slash at its end does not matter.
pub(super) fn is_issuer(text: &str, issuer: &str) -> bool {
    text.strip_suffix('/').unwrap_or(text) == issuer
}
