//! What is kept of a sync.

use crate::Instant;
use crate::ids::{SyncId, UserId};
use crate::text_enum::text_enum;

text_enum! {
    /// How a sync ended.
    SyncOutcome {
        /// Something was gained or lost.
        Changed = "changed",
        /// Everything stayed as it was.
        Unchanged = "unchanged",
        /// Nobody was signed in, for a claim that cannot be read.
        Refused = "refused",
    }
}

/// One sync of a user with the claims of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRecord {
    /// Its id.
    pub id: SyncId,
    /// The user.
    pub user_id: UserId,
    /// When it was.
    pub time: Instant,
    /// The provider, by the name that it has in the settings.
    pub provider: String,
    /// How it ended.
    pub outcome: SyncOutcome,
    /// What was gained, lost and ignored, or why nobody was signed in, as a JSON document.
    pub document: String,
}
