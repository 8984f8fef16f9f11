//! Tokens of others that are good for one use, such as a logout token (OpenID Connect Back-Channel Logout 1.0, 2.6).

use crate::{Digest, Instant};

/// What a token is for. One of a kind is not taken for one of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayKind {
    /// A logout token of an identity provider.
    LogoutToken,
    /// What a client proves itself by (RFC 7523 3).
    ClientAssertion,
    /// A signed authorization request of a client (RFC 9101).
    RequestObject,
    /// By what a client proves that it has a key (RFC 9449).
    DpopProof,
    /// What a sign-in goes on with that waits for a second factor.
    SecondStep,
}

impl ReplayKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::LogoutToken => "logout_token",
            Self::ClientAssertion => "client_assertion",
            Self::RequestObject => "request_object",
            Self::DpopProof => "dpop_proof",
            Self::SecondStep => "second_step",
        }
    }
}

/// A use of a token, as it is remembered: by a digest, since ids of tokens are as long as their issuers like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenToken {
    /// The digest of kind, issuer and id.
    pub key: Digest,
    /// Until when a second use would be taken for a first one.
    pub expires_at: Instant,
}

impl SeenToken {
    /// The use of a token with this id (`jti`), of this issuer.
    ///
    /// ```
    /// use doorward_domain::Instant;
    /// use doorward_domain::replays::{ReplayKind, SeenToken};
    ///
    /// let seen = |issuer, id| SeenToken::new(ReplayKind::LogoutToken, issuer, id, Instant::UNIX_EPOCH);
    /// assert_eq!(seen("https://a.example", "1"), seen("https://a.example", "1"));
    /// assert_ne!(seen("https://a.example", "1"), seen("https://a.example1", ""));
    /// ```
    #[must_use]
    pub fn new(kind: ReplayKind, issuer: &str, id: &str, expires_at: Instant) -> Self {
        // INVARIANT: with their lengths before them, no two different lists of parts are the same text.
        let parts = [kind.as_str(), issuer, id].map(|part| format!("{}:{part}", part.len()));
        Self { key: Digest::of(parts.concat()), expires_at }
    }
}
