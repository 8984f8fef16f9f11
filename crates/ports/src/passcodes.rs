//! One-time passcodes.

use crate::StoreError;
use doorward_domain::ids::UserId;
use doorward_domain::passcodes::Passcode;
use doorward_domain::roles::{Permit, action, resource};

/// Stores of each user the last passcode.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait PasscodeRepository {
    /// The passcode of a user.
    fn find(&mut self, user: UserId) -> Result<Option<Passcode>, StoreError>;
    /// Stores a passcode in the place of the former one.
    fn upsert(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        passcode: &Passcode,
    ) -> Result<(), StoreError>;
    /// Removes exactly this passcode; `false` when it was used or replaced meanwhile.
    fn consume(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        passcode: &Passcode,
    ) -> Result<bool, StoreError>;
}
