//! What syncs with identity providers have done.

use super::Conn;
use crate::error::RowError;
use crate::schema::sync_log;
use crate::touches::Touches;
use crate::types::{At, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::idp_sync::SyncRecord;
use doorward_domain::ids::{SyncId, UserId};
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::idp_sync::SyncLogRepository;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = sync_log)]
struct SyncRow {
    id: Id<SyncId>,
    user_id: Id<UserId>,
    time: At,
    provider: String,
    outcome: String,
    document: String,
}

impl From<&SyncRecord> for SyncRow {
    fn from(record: &SyncRecord) -> Self {
        Self {
            id: Id(record.id),
            user_id: Id(record.user_id),
            time: At(record.time),
            provider: record.provider.clone(),
            outcome: record.outcome.as_str().to_owned(),
            document: record.document.clone(),
        }
    }
}

impl TryFrom<SyncRow> for SyncRecord {
    type Error = RowError;

    fn try_from(row: SyncRow) -> Result<Self, RowError> {
        let bad = |cause| RowError::new("sync_log", "outcome", row.id.0).because(cause);
        Ok(Self {
            outcome: row.outcome.parse().map_err(bad)?,
            id: row.id.0,
            user_id: row.user_id.0,
            time: row.time.0,
            provider: row.provider,
            document: row.document,
        })
    }
}

impl SyncLogRepository for UnitOfWork<'_, Conn> {
    fn list_of_user(&mut self, user: UserId) -> Result<Vec<SyncRecord>, StoreError> {
        self.run(|conn| {
            let rows: Vec<SyncRow> = sync_log::table
                .filter(sync_log::user_id.eq(Id(user)))
                .order((sync_log::time.desc(), sync_log::id.desc()))
                .select(SyncRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(SyncRecord::try_from).collect::<Result<_, RowError>>()?)
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        record: &SyncRecord,
        keep: u32,
    ) -> Result<(), StoreError> {
        let (user, about) = (record.user_id, permit.kind().id(record.user_id.0).owner(record.user_id.0));
        self.write_all(permit, &about, Touches::nobody("no permission depends on what was done"), |conn| {
            diesel::insert_into(sync_log::table).values(SyncRow::from(record)).execute(conn)?;
            let before = sync_log::table
                .filter(sync_log::user_id.eq(Id(user)))
                .order((sync_log::time.desc(), sync_log::id.desc()))
                // SQLite takes no offset without a limit.
                .limit(i64::MAX)
                .offset(i64::from(keep))
                .select(sync_log::id)
                .load::<Id<SyncId>>(conn)?;
            if !before.is_empty() {
                diesel::delete(sync_log::table.filter(sync_log::id.eq_any(before))).execute(conn)?;
            }
            Ok(())
        })
    }
}
