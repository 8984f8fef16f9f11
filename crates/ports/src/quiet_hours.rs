//! Quiet hours.

use crate::StoreError;
use doorward_domain::ids::UserId;
use doorward_domain::quiet_hours::DailySchedule;
use doorward_domain::roles::{Permit, action, resource};

/// Stores the schedules that users chose for themselves.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait QuietHoursRepository {
    /// The schedule of a user; `None` while the user has not chosen one.
    fn find(&mut self, user: UserId) -> Result<Option<DailySchedule>, StoreError>;
    /// Stores the schedule of a user in the place of the former one; `None` removes it. The user exists.
    #[expect(clippy::needless_lifetimes, reason = "the mock needs a name for it")]
    fn update<'a>(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        schedule: Option<&'a DailySchedule>,
    ) -> Result<(), StoreError>;
}
