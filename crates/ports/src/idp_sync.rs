//! What syncs with identity providers have done.

use crate::StoreError;
use doorward_domain::idp_sync::SyncRecord;
use doorward_domain::ids::UserId;
use doorward_domain::roles::{Permit, action, resource};

/// Stores the last syncs of each user.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait SyncLogRepository {
    /// The syncs of a user that are kept, the last one first.
    fn list_of_user(&mut self, user: UserId) -> Result<Vec<SyncRecord>, StoreError>;
    /// Adds a sync of its user, and forgets all but the last `keep`. The user is locked.
    fn insert(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        record: &SyncRecord,
        keep: u32,
    ) -> Result<(), StoreError>;
}
