//! The section `provisioners` of the settings.

use doorward_domain::Secret;
use doorward_domain::settings::{Defects, Section};
use serde::{Deserialize, Serialize};

/// Least length of the shared key, in bytes.
const PSK_MIN: usize = 16;

/// The section `provisioners`: provisioner daemons.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ProvisionerSettings {
    /// A key that all daemons may share; empty: there is none.
    pub psk: Secret<String>,
    /// Most daemons that may be connected to this server at once.
    pub connections_max: usize,
}

impl Section for ProvisionerSettings {
    const NAME: &'static str = "provisioners";

    fn check(&self, defects: &mut Defects) {
        let psk = self.psk.expose();
        let is_key = psk.len() >= PSK_MIN && psk.bytes().all(|byte| byte.is_ascii_graphic());
        let rule = "must have at least 16 characters, printable ones of ASCII without blanks, or be empty";
        defects.unless(psk.is_empty() || is_key, "psk", rule);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_testkit::settings::defaults;

    #[test]
    fn a_shared_key_is_long_and_is_not_told() {
        let usual: ProvisionerSettings = defaults(ProvisionerSettings::NAME);
        assert!(usual.defects().is_empty());
        for (key, is_good) in [("0123456789abcdef", true), ("0123456789abcde", false), ("0123456789 abcdef", false)] {
            let settings = ProvisionerSettings { psk: Secret::new(key.to_owned()), ..usual.clone() };
            let told = settings.defects();
            assert_eq!(told.is_empty(), is_good, "{key}");
            assert!(told.iter().all(|defect| defect.contains("provisioners.psk") && !defect.contains(key)), "{told:?}");
        }
    }
}
