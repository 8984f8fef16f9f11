//! Tokens of others that are good for one use.

use crate::StoreError;
use doorward_domain::replays::SeenToken;
use doorward_domain::roles::{Permit, action, resource};

/// Remembers uses, for all replicas.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ReplayRepository {
    /// Remembers a use. `false` if it was remembered already: this is a second one, also when both come at the same moment.
    fn insert(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        seen: &SeenToken,
    ) -> Result<bool, StoreError>;
}
