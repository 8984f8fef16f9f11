//! The audit log.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::audit::{AuditAction, AuditFilter, AuditRecord, AuditResource};
use doorward_domain::ids::{AuditId, UserId};
use doorward_domain::organizations::Organization;
use doorward_domain::page::Page;
use doorward_domain::roles::{ListFilter, Permit, action, resource};
use doorward_domain::users::User;
use uuid::Uuid;

/// How far past the offset of a page records are counted.
pub const COUNT_MAX: u32 = 100_000;

/// A record with what it names.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// The record.
    pub record: AuditRecord,
    /// Who did it, as of now; deleted users too.
    pub user: Option<User>,
    /// The organization it concerns, as of now, if there still is one; deleted ones too.
    pub organization: Option<Organization>,
}

/// One page of the audit log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditPage {
    /// The entries of the page.
    pub entries: Vec<AuditEntry>,
    /// How many match, behind `after_id` if that is given, before limit and offset, but at most [`COUNT_MAX`] more than the offset.
    pub count: u64,
}

/// How often what occurs among the records that match, of which at most the newest [`COUNT_MAX`] are looked at. Each list begins with
/// what is most frequent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFacets {
    /// How many were looked at.
    pub count: u64,
    /// By what was done.
    pub actions: Vec<(AuditAction, u64)>,
    /// By the kind of the thing touched.
    pub resource_types: Vec<(AuditResource, u64)>,
    /// By who did it, deleted users too, with their names as of now; `None` for nobody. At most [`FACET_USERS_MAX`].
    pub users: Vec<(Option<(UserId, String)>, u64)>,
}

/// So many users are told in [`AuditFacets`].
pub const FACET_USERS_MAX: usize = 50;

/// Writes and reads the audit log.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait AuditRepository {
    /// Adds a record.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::AuditLog>,
        record: &AuditRecord,
    ) -> Result<(), StoreError>;

    /// The records that match and are visible, newest first (time, then id). Behind `after_id` are those that are older than
    /// that record, seen or not. One that has been removed was among the oldest, so nothing follows it.
    fn list(&mut self, filter: &AuditFilter, visible: &ListFilter, page: Page) -> Result<AuditPage, StoreError>;

    /// The same without counting: at most `limit` of the records behind `after`, or the newest.
    fn list_behind(
        &mut self,
        filter: &AuditFilter,
        visible: &ListFilter,
        after: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// What occurs how often among the records that match and are visible.
    fn facets(&mut self, filter: &AuditFilter, visible: &ListFilter) -> Result<AuditFacets, StoreError>;

    /// Which of these things, each a kind and an id, are gone. Kinds of which this is not known are never gone.
    fn list_deleted(&mut self, things: &[(AuditResource, Uuid)]) -> Result<Vec<(AuditResource, Uuid)>, StoreError>;

    /// Removes at most `batch` records that are older than `before`, the oldest first, and says how many they were.
    fn purge(
        &mut self,
        permit: &Permit<action::Delete, resource::System>,
        before: Instant,
        batch: u32,
    ) -> Result<usize, StoreError>;
}
