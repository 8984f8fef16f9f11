//! Settings that people change while the server runs, read and written in the transaction of the use case.
//!
//! They are read from the database where they are needed and remembered nowhere, so a change counts at once on all servers.

use crate::error::Error;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{PlacePermit, action};
use doorward_domain::runtime_settings::RuntimeSetting;
use doorward_ports::runtime_settings::{SettingChange, read};
use doorward_ports::{Repositories, StoreError};

/// The stored value; `None` while nobody has stored one.
pub(crate) fn find<S: RuntimeSetting>(
    repos: &mut dyn Repositories,
    organization: Option<OrganizationId>,
) -> Result<Option<S>, StoreError> {
    let document = repos.runtime_settings().find(S::NAME, organization)?;
    read(document.as_deref())
}

/// The same, for changing it: nobody else changes settings until the transaction ends.
pub(crate) fn find_for_update<S: RuntimeSetting>(
    repos: &mut dyn Repositories,
    organization: Option<OrganizationId>,
) -> Result<Option<S>, StoreError> {
    let document = repos.runtime_settings().find_for_update(S::NAME, organization)?;
    read(document.as_deref())
}

/// Stores a value, for the place that the permit is about.
pub(crate) fn store<S: RuntimeSetting>(
    repos: &mut dyn Repositories,
    permit: &PlacePermit<action::Update, S::Resource>,
    value: &S,
) -> Result<(), Error> {
    Ok(repos.runtime_settings().update(&SettingChange::new(permit, value)?)?)
}
