//! What the browser is to do so that the client gets its answer.

use crate::OAuthError;
use doorward_domain::oauth2::{RedirectUri, ResponseMode};

/// What the browser is to do so that the client gets its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To go to this address.
    Redirect(String),
    /// To post a form (OAuth 2.0 Form Post Response Mode).
    Form {
        /// The redirect URI.
        action: String,
        /// What the form holds.
        members: Vec<(&'static str, String)>,
    },
}

impl Answer {
    pub(super) fn new(mode: ResponseMode, redirect_uri: &RedirectUri, members: &[(&'static str, &str)]) -> Self {
        match mode {
            ResponseMode::Query => Self::Redirect(redirect_uri.with_response(members)),
            ResponseMode::FormPost => Self::Form {
                action: redirect_uri.as_str().to_owned(),
                members: members.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            },
        }
    }
}

/// Why a request is not put before the user, and how that is told.
#[derive(Debug)]
pub enum AuthorizeError {
    /// The client is not known: told as an OAuth2 error body, never by redirect.
    Client(OAuthError),
    /// The redirect URI cannot be trusted: told on an error page, never by redirect.
    RedirectUri(OAuthError),
    /// Everything else is told to the client by way of the browser (RFC 6749 4.1.2.1).
    Redirect {
        /// What the browser is to do, with error, description, state and issuer.
        answer: Answer,
        /// What is told, for the log.
        error: OAuthError,
    },
}

impl From<AuthorizeError> for OAuthError {
    fn from(error: AuthorizeError) -> Self {
        match error {
            AuthorizeError::Client(error)
            | AuthorizeError::RedirectUri(error)
            | AuthorizeError::Redirect { error, .. } => error,
        }
    }
}
