//! Sections of the settings as `config/default.toml` has them: the one place where defaults stand.

use doorward_domain::settings::{HasSection, Section};
use serde::de::DeserializeOwned;
use std::sync::LazyLock;

static DEFAULTS: LazyLock<toml::Table> = LazyLock::new(|| {
    let text = include_str!("../../../config/default.toml");
    text.parse().unwrap_or_else(|error| fail(&format!("config/default.toml is no TOML: {error}")))
});

/// The section of this name with its defaults, as `defaults(SessionSettings::NAME)`.
///
/// # Panics
///
/// If there is no such section, or a key of it is missing or of another type.
#[must_use]
pub fn defaults<T: DeserializeOwned>(section: &str) -> T {
    let table = DEFAULTS.get(section).cloned().unwrap_or_else(|| fail(&format!("there is no section `{section}`")));
    table.try_into().unwrap_or_else(|error| fail(&format!("the defaults of the section `{section}`: {error}")))
}

/// All sections with their defaults.
#[derive(Clone, Copy, Debug)]
pub struct Defaults;

impl<T: Section> HasSection<T> for Defaults {
    fn section(&self) -> T {
        defaults(T::NAME)
    }
}

/// The defaults of a section, changed. Tests name only the keys that they are about.
pub fn changed<T: Section>(change: impl FnOnce(&mut T)) -> T {
    let mut section = defaults(T::NAME);
    change(&mut section);
    section
}

#[expect(clippy::panic, reason = "so a test fails")]
fn fail(text: &str) -> ! {
    panic!("{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_read_by_its_name() {
        #[derive(serde::Deserialize)]
        struct Limits {
            login: i64,
        }
        assert!(defaults::<Limits>("rate_limit").login > 0);
    }
}
