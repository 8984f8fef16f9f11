//! The section `mfa`.

use doorward_domain::roles::OWNER;
use doorward_domain::settings::{Defects, Section};
use doorward_domain::users::User;
use serde::{Deserialize, Serialize};

/// Who must sign in with a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MfaRequired {
    /// Those who have set one up.
    None,
    /// Owners too.
    Owners,
    /// All who sign in with a password.
    All,
}

/// The section `mfa`: second factors of those who sign in with a password.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct MfaSettings {
    /// Who must have one.
    pub required: MfaRequired,
}

impl MfaSettings {
    /// Whether this user must have a second factor.
    #[must_use]
    pub fn covers(&self, user: &User) -> bool {
        match self.required {
            MfaRequired::None => false,
            MfaRequired::Owners => user.roles.contains(OWNER),
            MfaRequired::All => true,
        }
    }
}

impl Section for MfaSettings {
    const NAME: &'static str = "mfa";

    fn check(&self, _defects: &mut Defects) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{ann, owner_of_site};

    #[test]
    fn the_setting_covers_nobody_or_owners_or_everybody() {
        for (required, owner, member) in
            [(MfaRequired::None, false, false), (MfaRequired::Owners, true, false), (MfaRequired::All, true, true)]
        {
            let settings = MfaSettings { required };
            assert_eq!((settings.covers(&owner_of_site()), settings.covers(&ann())), (owner, member), "{required:?}");
        }
    }
}
