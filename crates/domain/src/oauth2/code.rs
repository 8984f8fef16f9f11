//! Authorization codes and what must be true when one is redeemed.

use super::{App, Authorization, CodeChallenge, CodeVerifier, KeyThumbprint, OAuthErrorCode, Resource};
use crate::ids::{AppId, CodeId, GrantId, UserId};
use crate::{Digest, Instant};
use time::Duration;

/// How long a code may be redeemed.
pub const CODE_LIFETIME: Duration = Duration::minutes(10);

/// An authorization code, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// Its id.
    pub id: CodeId,
    /// The part by which it is found.
    pub prefix: String,
    /// Digest of the part that proves it.
    pub digest: Digest,
    /// The app it was given to.
    pub app_id: AppId,
    /// The user who consented.
    pub user_id: UserId,
    /// The redirect URI as it was sent; `None` when it was not.
    pub redirect_uri: Option<String>,
    /// The only registered redirect URI, to which the code went, when none was sent.
    pub implied_redirect_uri: Option<String>,
    /// PKCE challenge.
    pub challenge: Option<CodeChallenge>,
    /// The key that whoever redeems it must prove (`dpop_jkt`; RFC 9449 10).
    pub jkt: Option<KeyThumbprint>,
    /// What the user consented to.
    pub authorization: Authorization,
    /// When the user consented.
    pub created_at: Instant,
    /// When it stops being good.
    pub expires_at: Instant,
    /// When it was redeemed, and for which grant. The row is kept until the code expires, to notice a replay.
    pub redeemed: Option<(Instant, GrantId)>,
}

/// What a client sends to redeem a code.
#[derive(Clone, Debug, Default)]
pub struct Redemption<'a> {
    /// `redirect_uri`.
    pub redirect_uri: Option<&'a str>,
    /// `code_verifier`.
    pub verifier: Option<&'a str>,
    /// The key that the client has proved to have.
    pub jkt: Option<&'a KeyThumbprint>,
    /// `resource`.
    pub resource: Option<&'a Resource>,
    /// Whether a bound resource must be repeated.
    pub require_resource: bool,
}

/// Why a code is not redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// It belongs to another app.
    #[error("the code was issued to another client")]
    OtherClient,
    /// It is too old.
    #[error("the code has expired")]
    Expired,
    /// It was redeemed before.
    #[error("the code was redeemed before")]
    Redeemed,
    /// The redirect URI is not the one of the authorization request (RFC 6749 4.1.3).
    #[error("redirect_uri is not the one of the authorization request")]
    RedirectUri,
    /// The redirect URI to which the code went was taken from the app meanwhile.
    #[error("the redirect URI to which the code went is not registered any more")]
    RedirectUriGone,
    /// The app must use PKCE by now, and the code is bound to no challenge.
    #[error("this app must use PKCE now, and the code was asked for without code_challenge")]
    ChallengeMissing,
    /// A challenge was sent, but no verifier.
    #[error("code_verifier is missing")]
    VerifierMissing,
    /// The verifier does not meet the challenge, or there is no challenge to meet (RFC 9700 4.8.2).
    #[error("code_verifier is wrong")]
    VerifierWrong,
    /// The code is bound to a key that was not proved (RFC 9449 10).
    #[error("the code is bound to another key")]
    OtherKey,
    /// The resource is not the bound one.
    #[error("resource is not the one of the authorization request")]
    Resource,
}

impl CodeError {
    /// The code the client is told.
    ///
    /// ```
    /// use doorward_domain::oauth2::{CodeError, OAuthErrorCode};
    /// assert_eq!(CodeError::VerifierWrong.oauth_code(), OAuthErrorCode::InvalidGrant);
    /// assert_eq!(CodeError::Resource.oauth_code().as_str(), "invalid_target");
    /// ```
    #[must_use]
    pub const fn oauth_code(self) -> OAuthErrorCode {
        match self {
            Self::Resource => OAuthErrorCode::InvalidTarget,
            Self::OtherClient
            | Self::Expired
            | Self::Redeemed
            | Self::RedirectUri
            | Self::RedirectUriGone
            | Self::ChallengeMissing
            | Self::VerifierMissing
            | Self::VerifierWrong
            | Self::OtherKey => OAuthErrorCode::InvalidGrant,
        }
    }
}

impl AuthorizationCode {
    /// Checks everything but the client's authentication, the user, and whether the app may still have scopes and resource,
    /// in the order of `oauth2.md` 11. The app is the one of this moment: what was taken from it meanwhile is gone.
    ///
    /// A failed check does not use the code up. Whether it was redeemed before is part of the check; to note that it is
    /// now, and that only one of two at once succeeds, is for the storage. `examples/embed_pkce.rs` shows every outcome.
    pub fn check(&self, app: &App, request: &Redemption<'_>, now: Instant) -> Result<(), CodeError> {
        if self.app_id != app.id {
            return Err(CodeError::OtherClient);
        }
        if self.redeemed.is_some() {
            return Err(CodeError::Redeemed);
        }
        if self.expires_at <= now {
            return Err(CodeError::Expired);
        }
        let redirect_ok = match (&self.redirect_uri, request.redirect_uri) {
            (Some(sent), Some(again)) => sent == again,
            (Some(_), None) => false,
            (None, Some(given)) => app.redirect_uri(Some(given)).is_ok(),
            (None, None) => true,
        };
        if !redirect_ok {
            return Err(CodeError::RedirectUri);
        }
        let went_to = self.redirect_uri.as_deref().or(self.implied_redirect_uri.as_deref());
        if went_to.is_some_and(|uri| app.redirect_uri(Some(uri)).is_err()) {
            return Err(CodeError::RedirectUriGone);
        }
        match (&self.challenge, request.verifier) {
            (None, None) if app.needs_pkce() => return Err(CodeError::ChallengeMissing),
            (None, None) => {}
            (Some(_), None) => return Err(CodeError::VerifierMissing),
            (Some(challenge), Some(text))
                if CodeVerifier::parse(text).is_ok_and(|verifier| challenge.is_met_by(&verifier)) => {}
            (_, Some(_)) => return Err(CodeError::VerifierWrong),
        }
        if self.jkt.is_some() && self.jkt.as_ref() != request.jkt {
            return Err(CodeError::OtherKey);
        }
        match (&self.authorization.resource, request.resource) {
            (Some(bound), Some(asked)) if bound.is_same_as(asked) => Ok(()),
            (Some(_), None) if !request.require_resource => Ok(()),
            (None, None) => Ok(()),
            _ => Err(CodeError::Resource),
        }
    }
}
