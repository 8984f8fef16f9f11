//! Licences.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::licenses::{License, LicenseId, NewLicense};
use doorward_domain::roles::{Permit, action, resource};

/// Stores licences, and counts what they are about.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait LicenseRepository {
    /// All of them, by id.
    fn list(&mut self) -> Result<Vec<License>, StoreError>;

    /// Those that have not ended at `now`, by id.
    fn list_live(&mut self, now: Instant) -> Result<Vec<License>, StoreError>;

    /// The licence with this id.
    fn find(&mut self, id: LicenseId) -> Result<Option<License>, StoreError>;

    /// How many users are active: neither deleted, nor suspended or dormant, nor part of the server.
    fn count_active_users(&mut self) -> Result<u64, StoreError>;

    /// Stores a licence, under the next id. May answer `Conflict::License`.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::License>,
        license: &NewLicense,
    ) -> Result<LicenseId, StoreError>;

    /// Removes a licence. `false` when there is none with this id.
    fn delete(&mut self, permit: &Permit<action::Delete, resource::License>, id: LicenseId)
    -> Result<bool, StoreError>;
}
