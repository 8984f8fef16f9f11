//! Where requests come from.

use std::sync::{Arc, LazyLock};
use uuid::Uuid;

/// Where a request comes from, for audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Address of the client.
    pub ip: String,
    /// What the client calls itself.
    pub user_agent: String,
    /// Id of the request.
    pub request_id: Option<Uuid>,
}

impl Origin {
    /// That of which nothing is known.
    #[must_use]
    pub fn unknown() -> Arc<Self> {
        static UNKNOWN: LazyLock<Arc<Origin>> = LazyLock::new(Arc::default);
        Arc::clone(&UNKNOWN)
    }
}
