//! One-time passcodes.

use super::Conn;
use super::expiring::Expiring;
use crate::rows::PasscodeRow;
use crate::schema::one_time_passcodes;
use crate::touches::Touches;
use crate::types::{Hash, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::ids::UserId;
use doorward_domain::passcodes::Passcode;
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::passcodes::PasscodeRepository;

const NOBODY: &str = "no key depends on a passcode";

/// Passcodes expire.
pub(super) const EXPIRING: Expiring = Expiring::at("one_time_passcodes", "user_id", "expires_at");

impl PasscodeRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, user: UserId) -> Result<Option<Passcode>, StoreError> {
        self.run(|conn| {
            let passcode = one_time_passcodes::table.find(Id(user)).select(PasscodeRow::as_select());
            Ok(passcode.get_result(conn).optional()?.map(Passcode::from))
        })
    }

    fn upsert(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        passcode: &Passcode,
    ) -> Result<(), StoreError> {
        let user = passcode.user_id.0;
        self.write(permit, &permit.kind().id(user).owner(user), Touches::nobody(NOBODY), |conn| {
            diesel::insert_into(one_time_passcodes::table)
                .values(PasscodeRow::from(passcode))
                .on_conflict(one_time_passcodes::user_id)
                .do_update()
                .set(PasscodeRow::from(passcode))
                .execute(conn)?;
            Ok(())
        })
    }

    fn consume(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        passcode: &Passcode,
    ) -> Result<bool, StoreError> {
        let user = passcode.user_id.0;
        self.write(permit, &permit.kind().id(user).owner(user), Touches::nobody(NOBODY), |conn| {
            let same = one_time_passcodes::table
                .find(Id(passcode.user_id))
                .filter(one_time_passcodes::digest.eq(Hash(passcode.digest)));
            Ok(diesel::delete(same).execute(conn)? > 0)
        })
    }
}
