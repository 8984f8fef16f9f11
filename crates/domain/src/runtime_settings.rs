//! Settings that people change while the server runs: one row of the database each, for the deployment or for one organization.

use crate::roles::ResourceMarker;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A setting that is kept in the database, as a JSON document.
///
/// A new field needs a default for what was stored before it (`#[serde(default)]`).
pub trait RuntimeSetting: Serialize + DeserializeOwned + Send + 'static {
    /// The name under which it is stored; no two settings have the same one.
    const NAME: &'static str;
    /// Changing it needs `update` on this resource: in the organization, or site-wide for what is of the deployment.
    type Resource: ResourceMarker;

    /// The document that is stored.
    fn to_document(&self) -> Result<String, DocumentError> {
        Ok(serde_json::to_string(self)?)
    }

    /// Reads a document that was stored.
    fn from_document(document: &str) -> Result<Self, DocumentError> {
        Ok(serde_json::from_str(document)?)
    }
}

/// A setting that is no document, or a document that is no setting.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DocumentError(#[from] serde_json::Error);
