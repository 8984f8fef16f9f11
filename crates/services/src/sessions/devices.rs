//! Devices from which users sign in.

use crate::deed::Deed;
use crate::notifications::accounts::new_sign_in;
use doorward_domain::roles::System;
use doorward_domain::sessions::{Acquaintance, ApiKey, Device};
use doorward_domain::users::User;
use doorward_ports::StoreError;

/// Remembers the device from which a user has signed in. Of one that was not seen before the user is told, unless it is the
/// first. Nothing is remembered where the user could not be told.
pub(crate) fn signed_in(deed: &mut Deed<'_>, user: &User) -> Result<(), StoreError> {
    if !deed.reaches_people() || user.is_service_account() {
        return Ok(());
    }
    let device = Device::of(&deed.by.origin.user_agent, &deed.by.origin.ip);
    let permit = System::because("the user has signed in").permit();
    let known = deed.repos.throttles().remember_device(&permit, user.id, &device.digest(), deed.now)?;
    if known == Acquaintance::New {
        new_sign_in(deed, user, &device);
    }
    Ok(())
}

/// Writes in what kind of program a session begins, for those who look at sessions.
pub(crate) fn began(deed: &mut Deed<'_>, session: &ApiKey) -> Result<(), StoreError> {
    let origin = &deed.by.origin;
    if origin.user_agent.is_empty() {
        return Ok(());
    }
    let device = Device::of(&origin.user_agent, &origin.ip);
    let permit = System::because("the session has begun").permit();
    deed.repos.sessions().describe(&permit, session, device.name())
}
