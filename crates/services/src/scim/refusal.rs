//! Why a directory is refused.

use crate::error::Error;
use doorward_domain::scim::{BulkError, ErrorMessage, ResourceType, ScimError, ScimType, USER};
use doorward_ports::StoreError;

/// Why a request of a directory was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It breaks a rule of RFC 7644 3.12.
    #[error(transparent)]
    Request(#[from] ScimError),
    /// There is no such resource.
    #[error("there is no {0} with this id")]
    NotFound(&'static str),
    /// The resource has another version than the one that was named (RFC 7644 3.14).
    #[error("the resource has changed: read it again, and try again with its new version")]
    Stale,
    /// The state does not allow it, for a reason that has no word in the RFC.
    #[error("{0}")]
    Conflict(String),
    /// A bulk request is refused as a whole.
    #[error(transparent)]
    Bulk(BulkError),
    /// Anything else.
    #[error(transparent)]
    Other(Error),
}

impl Refusal {
    pub(super) const fn not_found(kind: &ResourceType) -> Self {
        Self::NotFound(kind.name)
    }

    /// The answer; `None` for what is no matter of SCIM.
    #[must_use]
    pub fn message(&self) -> Option<ErrorMessage> {
        Some(match self {
            Self::Request(error) => error.into(),
            Self::NotFound(_) => ErrorMessage::new(404, None, self.to_string()),
            Self::Stale => ErrorMessage::new(412, None, self.to_string()),
            Self::Conflict(told) => ErrorMessage::new(409, None, told.as_str()),
            Self::Bulk(error) => error.into(),
            Self::Other(_) => return None,
        })
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        if matches!(error, Error::UserNotFound) {
            return Self::not_found(&USER);
        }
        let Error::Conflict { message, fields } = error else { return Self::Other(error) };
        if fields.is_empty() {
            return Self::Conflict(message);
        }
        Self::Request(ScimError::new(ScimType::Uniqueness, message))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Error::from(error).into()
    }
}

impl From<doorward_domain::roles::Denied> for Refusal {
    fn from(denied: doorward_domain::roles::Denied) -> Self {
        Self::Other(denied.into())
    }
}
