//! The error codes of OAuth 2 and its extensions.

/// An `error` code as clients read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OAuthErrorCode {
    /// RFC 6749 4.1.2.1 and 5.2.
    InvalidRequest,
    /// RFC 6749 5.2: client authentication failed.
    InvalidClient,
    /// RFC 6749 5.2: code or refresh token is not, or no longer, good.
    InvalidGrant,
    /// RFC 6749 5.2: the client may not use this grant type.
    UnauthorizedClient,
    /// RFC 6749 5.2.
    UnsupportedGrantType,
    /// RFC 6749 4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749 4.1.2.1 and 5.2.
    InvalidScope,
    /// RFC 8707 2.
    InvalidTarget,
    /// RFC 6749 4.1.2.1: the resource owner refused.
    AccessDenied,
    /// RFC 6749 4.1.2.1.
    ServerError,
    /// RFC 6750 3.1: the access token is not good.
    InvalidToken,
    /// RFC 6750 3.1: the access token's scope is too small.
    InsufficientScope,
    /// RFC 6749 4.1.2.1: overloaded, try again.
    TemporarilyUnavailable,
    /// RFC 7591 3.2.2: a member of the metadata breaks a rule.
    InvalidClientMetadata,
    /// What names a client is no id of one.
    InvalidClientId,
    /// RFC 8628 3.5: nobody has decided yet.
    AuthorizationPending,
    /// RFC 8628 3.5: the device asks too often.
    SlowDown,
    /// RFC 8628 3.5: the device code is too old.
    ExpiredToken,
    /// OpenID Connect Core 3.1.2.6: `request` is not supported.
    RequestNotSupported,
    /// OpenID Connect Core 3.1.2.6: `request_uri` is not supported.
    RequestUriNotSupported,
    /// OpenID Connect Core 3.1.2.6: what `request_uri` names is not there, or not any more.
    InvalidRequestUri,
    /// OpenID Connect Core 3.1.2.6: the request object is not good.
    InvalidRequestObject,
    /// OpenID Connect Core 3.1.2.6: `registration` is not supported.
    RegistrationNotSupported,
    /// OpenID Connect Core 3.1.2.6: the user must sign in, and may not be asked to.
    LoginRequired,
    /// OpenID Connect Core 3.1.2.6: the user must allow it, and may not be asked to.
    ConsentRequired,
    /// RFC 9449 5: the proof of possession is missing or not good.
    InvalidDpopProof,
    /// RFC 9449 8: the proof of possession needs a nonce of this server.
    UseDpopNonce,
    /// OpenID Connect Unmet Authentication Requirements: the user cannot sign in as is essential.
    UnmetAuthenticationRequirements,
}

impl OAuthErrorCode {
    /// The code as it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidClientId => "invalid_client_id",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
        }
    }
}
