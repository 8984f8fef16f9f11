//! The audit log.

use crate::StoreError;
use doorward_domain::audit::AuditRecord;
use doorward_domain::roles::{Permit, action, resource};

/// Writes the audit log.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait AuditRepository {
    /// Adds a record.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::AuditLog>,
        record: &AuditRecord,
    ) -> Result<(), StoreError>;
}
