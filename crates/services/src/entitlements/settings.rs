//! The section `licensing` of the settings.

use doorward_domain::licenses::{TrustedKeyError, TrustedKeys};
use doorward_domain::settings::{Defects, Section};
use serde::{Deserialize, Serialize};

/// The section `licensing`: whether licences say what may be used, and who signs them.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LicensingSettings {
    /// Whether licences matter.
    pub mode: LicensingMode,
    /// The public keys of those whose licences are believed.
    pub keys: Vec<TrustedKeySetting>,
}

/// Whether licences matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LicensingMode {
    /// Everything may be used.
    Unlimited,
    /// What no licence gives may not be used.
    Enforced,
}

/// A public key whose licences are believed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKeySetting {
    /// How licences name it.
    pub id: String,
    /// The 32 bytes of an Ed25519 key in base64.
    pub public_key: String,
}

impl LicensingSettings {
    /// The keys. Errors: what is wrong with one of them.
    pub fn trusted(&self) -> Result<TrustedKeys, TrustedKeyError> {
        self.keys.iter().try_fold(TrustedKeys::default(), |keys, key| keys.with(&key.id, &key.public_key))
    }
}

impl Section for LicensingSettings {
    const NAME: &'static str = "licensing";

    fn check(&self, defects: &mut Defects) {
        if let Err(error) = self.trusted() {
            defects.note(format!("the setting `licensing.keys`: {error}"));
        }
        let is_possible = self.mode == LicensingMode::Unlimited || !self.keys.is_empty();
        defects.unless(
            is_possible,
            "keys",
            "must name a key, or no licence could be added while `licensing.mode` is \"enforced\"",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(mode: &str, keys: &Value) -> LicensingSettings {
        serde_json::from_value(json!({ "mode": mode, "keys": keys })).unwrap()
    }

    #[test]
    fn nothing_is_limited_unless_it_is_said() {
        let settings: LicensingSettings = doorward_testkit::settings::defaults(LicensingSettings::NAME);
        assert_eq!((settings.mode, settings.keys.len()), (LicensingMode::Unlimited, 0));
        assert!(settings.defects().is_empty());
    }

    #[test]
    fn keys_that_are_none_are_told() {
        let key = json!({ "id": "a", "public_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" });
        assert!(read("enforced", &json!([key])).defects().is_empty());
        for (mode, keys, told) in [
            ("enforced", json!([]), "must name a key"),
            ("unlimited", json!([{ "id": "a", "public_key": "short" }]), "`a` is not 32 bytes"),
            ("enforced", json!([key, key]), "two keys"),
            ("enforced", json!([{ "id": "", "public_key": "x" }]), "printable"),
        ] {
            let defects = read(mode, &keys).defects().join("; ");
            assert!(defects.contains(told), "{defects}");
        }
    }
}
