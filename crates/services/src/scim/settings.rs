//! The section `scim` of the settings.

use doorward_domain::Secret;
use doorward_domain::scim::Capabilities;
use doorward_domain::settings::{Defects, Section};
use serde::{Deserialize, Serialize};

/// Least length of a key, in bytes.
const KEY_MIN: usize = 16;
/// Most operations of a bulk request that can be set.
const OPERATIONS_MAX: u32 = 10_000;
/// Largest bulk request that can be set: 16 MiB.
pub const BULK_BYTES_MAX: u32 = 16 << 20;

/// The section `scim`: directories that provision users.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ScimSettings {
    /// What a directory presents; empty: there is no SCIM.
    pub key: Secret<String>,
    /// What is answered to who makes a user that is there.
    pub post_existing: PostExisting,
    /// Whether a directory may change names of users.
    pub user_name_changes: bool,
    /// Whether organizations may have directories of their own.
    pub organization_directories: bool,
    /// Most resources in one list.
    pub results_max: u32,
    /// A list that no index can find looks at as many resources, and is refused if there are more.
    pub scan_max: u32,
    /// Most operations of one bulk request.
    pub bulk_operations_max: u32,
    /// Largest body of a bulk request, in bytes.
    pub bulk_bytes_max: u32,
}

/// What is answered to who makes a user that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PostExisting {
    /// 409 `uniqueness` (RFC 7644 3.3).
    Conflict,
    /// 200 with the user that is there, as Coder does.
    Return,
}

impl ScimSettings {
    /// What the server supports.
    #[must_use]
    pub const fn capabilities(&self) -> Capabilities {
        Capabilities {
            documentation_url: None,
            bulk_operations_max: Some(self.bulk_operations_max),
            bulk_bytes_max: self.bulk_bytes_max,
            results_max: self.results_max,
            user_name_changes: self.user_name_changes,
        }
    }
}

impl Section for ScimSettings {
    const NAME: &'static str = "scim";

    fn check(&self, defects: &mut Defects) {
        let key = self.key.expose();
        let is_key = key.len() >= KEY_MIN && key.bytes().all(|byte| byte.is_ascii_graphic());
        let rule = "must have at least 16 characters, printable ones of ASCII without blanks, or be empty";
        defects.unless(key.is_empty() || is_key, "key", rule);
        for (name, number) in [
            ("results_max", self.results_max),
            ("scan_max", self.scan_max),
            ("bulk_operations_max", self.bulk_operations_max),
            ("bulk_bytes_max", self.bulk_bytes_max),
        ] {
            defects.unless(number > 0, name, "must not be 0");
        }
        defects.unless(self.bulk_operations_max <= OPERATIONS_MAX, "bulk_operations_max", "must be at most 10000");
        defects.unless(self.bulk_bytes_max <= BULK_BYTES_MAX, "bulk_bytes_max", "must be at most 16777216");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_testkit::settings::defaults;

    #[test]
    fn numbers_have_bounds() {
        let usual: ScimSettings = defaults(ScimSettings::NAME);
        assert!(usual.defects().is_empty());
        for (settings, key) in [
            (ScimSettings { results_max: 0, ..usual.clone() }, "scim.results_max"),
            (ScimSettings { scan_max: 0, ..usual.clone() }, "scim.scan_max"),
            (ScimSettings { bulk_operations_max: 10_001, ..usual.clone() }, "scim.bulk_operations_max"),
            (ScimSettings { bulk_bytes_max: BULK_BYTES_MAX + 1, ..usual.clone() }, "scim.bulk_bytes_max"),
        ] {
            let told = settings.defects();
            assert!(told.len() == 1 && told[0].contains(key), "{told:?}");
        }
    }

    #[test]
    fn a_key_is_long_and_printable_or_there_is_none() {
        let defects = |key: &str| ScimSettings { key: Secret::from(key), ..defaults(ScimSettings::NAME) }.defects();
        assert!(defects("").is_empty() && defects("0123456789abcdef").is_empty());
        for key in ["short", "0123456789 abcdef", "0123456789abcde\u{e9}"] {
            let told = defects(key);
            assert!(told.len() == 1 && told[0].contains("`scim.key`") && !told[0].contains(key), "{told:?}");
        }
    }
}
