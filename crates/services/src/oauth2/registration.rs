//! Dynamic client registration (RFC 7591) and its management (RFC 7592).
//!
//! Who registers a public client that another registration has made within a day gets that one: the same software that registers
//! again and again, or on a thousand machines, is one client. Each registration has a token of its own for it, and what such a client
//! is known by is changed by none of them.

mod document;
mod logos;
mod manage;
mod reaping;
mod register;
mod settings;
pub mod tokens;

#[cfg(test)]
mod tests;

pub use document::{ClientMetadata, RelyingParty, SentMetadata};
pub use manage::{Managed, delete, find, update};
pub use reaping::{RegistrationReaper, reap};
pub use register::{Registered, register};
pub use settings::{RegistrationMode, RegistrationSettings};

use crate::{Context, Error, OAuthError, Principal};
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::MetadataError;
use doorward_ports::StoreError;
use std::collections::BTreeSet;
use time::Duration;

/// Why a client is not registered, shown, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Clients do not register themselves here.
    #[error("dynamic client registration is switched off on this server")]
    Off,
    /// The metadata breaks a rule.
    #[error("{0}")]
    Metadata(String),
    /// What names the client is no id.
    #[error("client_id must be a UUID")]
    NotAnId,
    /// No token, or not the right one.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// The token is good, and does not permit this.
    #[error("{0}")]
    NotPermitted(&'static str),
    /// So many register that no more are taken now.
    #[error("too many clients have registered, try again later")]
    TooMany {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Something else stands in the way.
    #[error(transparent)]
    Failed(#[from] OAuthError),
}

impl From<StoreError> for RegistrationError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<MetadataError> for RegistrationError {
    fn from(error: MetadataError) -> Self {
        Self::Metadata(error.to_string())
    }
}

/// Those of these apps that registered themselves.
///
/// Needs `oauth2_app:read`. Errors: `Forbidden`.
pub async fn among(ctx: &Context, actor: &Principal, apps: Vec<AppId>) -> Result<BTreeSet<AppId>, Error> {
    super::app_access::may_read_each(actor, &apps)?;
    ctx.look(actor, move |look| Ok(look.repos.registrations().among(&apps)?)).await
}

/// Those of these apps that registered themselves and that an administrator answers for.
///
/// Needs `oauth2_app:read`. Errors: `Forbidden`.
pub async fn adopted_among(ctx: &Context, actor: &Principal, apps: Vec<AppId>) -> Result<BTreeSet<AppId>, Error> {
    super::app_access::may_read_each(actor, &apps)?;
    ctx.look(actor, move |look| Ok(look.repos.registrations().adopted_among(&apps)?)).await
}
