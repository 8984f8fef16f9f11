//! Licences.

use super::Conn;
use super::counts;
use crate::rows::{LicenseRow, NewLicenseRow};
use crate::schema::licenses;
use crate::touches::Touches;
use crate::types::{At, Texts};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::licenses::{License, LicenseId, NewLicense};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::users::UserStatus;
use doorward_ports::StoreError;
use doorward_ports::changes::Change;
use doorward_ports::licenses::LicenseRepository;

impl LicenseRepository for UnitOfWork<'_, Conn> {
    fn list(&mut self) -> Result<Vec<License>, StoreError> {
        self.run(|conn| {
            let rows: Vec<LicenseRow> =
                licenses::table.order(licenses::id).select(LicenseRow::as_select()).load(conn)?;
            Ok(rows.into_iter().map(License::from).collect())
        })
    }

    fn list_live(&mut self, now: Instant) -> Result<Vec<License>, StoreError> {
        self.run(|conn| {
            let rows: Vec<LicenseRow> =
                licenses::table.filter(licenses::ends_at.gt(At(now))).select(LicenseRow::as_select()).load(conn)?;
            // An order in the query would make SQLite read all licences by their numbers.
            let mut live: Vec<License> = rows.into_iter().map(License::from).collect();
            live.sort_unstable_by_key(|license| license.id.0);
            Ok(live)
        })
    }

    fn find(&mut self, id: LicenseId) -> Result<Option<License>, StoreError> {
        self.run(|conn| {
            let row: Option<LicenseRow> =
                licenses::table.find(id.0).select(LicenseRow::as_select()).get_result(conn).optional()?;
            Ok(row.map(License::from))
        })
    }

    fn count_active_users(&mut self) -> Result<u64, StoreError> {
        self.run(|conn| {
            let active = Texts(vec![UserStatus::Active.as_str().to_owned()]);
            Ok(u64::try_from(counts::following(conn, None, active)?).unwrap_or(0))
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::License>,
        license: &NewLicense,
    ) -> Result<LicenseId, StoreError> {
        self.write(permit, &permit.kind(), Touches::from(Change::Licenses), |conn| {
            let row = NewLicenseRow::from(license);
            let id = diesel::insert_into(licenses::table).values(row).returning(licenses::id).get_result(conn)?;
            Ok(LicenseId(id))
        })
    }

    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::License>,
        id: LicenseId,
    ) -> Result<bool, StoreError> {
        let about = permit.kind().id(id.to_string());
        self.write(permit, &about, Touches::from(Change::Licenses), |conn| {
            Ok(diesel::delete(licenses::table.find(id.0)).execute(conn)? > 0)
        })
    }
}
