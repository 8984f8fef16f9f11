//! Quiet hours.

use super::Conn;
use crate::error::RowError;
use crate::schema::quiet_hours;
use crate::touches::Touches;
use crate::types::Id;
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::ids::UserId;
use doorward_domain::quiet_hours::{DailySchedule, ScheduleError};
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::quiet_hours::QuietHoursRepository;

impl QuietHoursRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, user: UserId) -> Result<Option<DailySchedule>, StoreError> {
        self.run(|conn| {
            let stored: Option<String> =
                quiet_hours::table.find(Id(user)).select(quiet_hours::schedule).get_result(conn).optional()?;
            let read = |text: String| {
                text.parse()
                    .map_err(|error: ScheduleError| RowError::new("quiet_hours", "schedule", user).because(error))
            };
            Ok(stored.map(read).transpose()?)
        })
    }

    fn update(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        schedule: Option<&DailySchedule>,
    ) -> Result<(), StoreError> {
        let why = "no permission depends on a schedule";
        self.write(permit, &permit.kind().id(user.0).owner(user.0), Touches::nobody(why), |conn| {
            match schedule.map(ToString::to_string) {
                None => diesel::delete(quiet_hours::table.find(Id(user))).execute(conn)?,
                Some(text) => diesel::insert_into(quiet_hours::table)
                    .values((quiet_hours::user_id.eq(Id(user)), quiet_hours::schedule.eq(&text)))
                    .on_conflict(quiet_hours::user_id)
                    .do_update()
                    .set(quiet_hours::schedule.eq(&text))
                    .execute(conn)?,
            };
            Ok(())
        })
    }
}
