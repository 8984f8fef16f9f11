//! Settings of the authorization server that owners may look at and change while it runs.

use crate::Principal;
use crate::error::Error;
use crate::sessions::in_person::InPerson;
use doorward_domain::roles::{Action, Object, resource};

/// Settings of the authorization server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProviderSettings {
    /// Whether clients may register themselves (RFC 7591). Not offered yet, so always off.
    pub dynamic_registration: bool,
}

/// Shows the settings, to those who may change them.
///
/// Needs `deployment_config:update`. Errors: `Forbidden`.
pub fn settings(actor: &Principal) -> Result<ProviderSettings, Error> {
    actor.subject.check(Action::Update, &Object::of::<resource::DeploymentConfig>())?;
    Ok(ProviderSettings::default())
}

/// Whether the caller may change the settings: owners may, in person.
///
/// Needs `deployment_config:update`. Errors: `Forbidden`, `Refused` (asked by an app).
pub fn may_update(actor: &Principal) -> Result<(), Error> {
    actor.subject.check(Action::Update, &Object::of::<resource::DeploymentConfig>())?;
    actor.in_person(InPerson::ManageApps)
}

/// Changes the settings; `None` keeps what is there. What is not offered cannot be switched on, and nothing else can change.
///
/// Needs `deployment_config:update`. Errors: `Forbidden`, `Refused` (asked by an app), `Conflict`
/// (`dynamic_registration` is to be switched on).
pub fn update_settings(actor: &Principal, dynamic_registration: Option<bool>) -> Result<ProviderSettings, Error> {
    may_update(actor)?;
    let settings = settings(actor)?;
    match dynamic_registration {
        Some(wanted) if wanted != settings.dynamic_registration => Err(Error::Conflict {
            message: "This server does not offer dynamic client registration yet. Owners register clients.".to_owned(),
            fields: vec![],
        }),
        Some(_) | None => Ok(settings),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{actor, owner};

    #[test]
    fn owners_see_that_registration_is_off_and_cannot_switch_it_on() {
        let owner = owner().build();
        assert_eq!(settings(&owner).unwrap(), ProviderSettings { dynamic_registration: false });
        for unchanged in [None, Some(false)] {
            assert_eq!(update_settings(&owner, unchanged).unwrap(), ProviderSettings::default());
        }
        assert!(matches!(update_settings(&owner, Some(true)), Err(Error::Conflict { .. })));
    }

    #[test]
    fn others_are_refused_whatever_they_ask() {
        let member = actor().build();
        assert!(matches!(settings(&member), Err(Error::Forbidden(_))));
        assert!(matches!(update_settings(&member, None), Err(Error::Forbidden(_))));
    }
}
