//! What the browser is to do so that the client gets its answer.

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
