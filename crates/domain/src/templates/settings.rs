//! What a template prescribes to its workspaces.

use serde::{Deserialize, Serialize};

/// Days of the week, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<String>", try_from = "Vec<String>")]
pub struct Days(u8);

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

impl Days {
    /// Every day.
    pub const ALL: Self = Self(0b111_1111);

    /// Reads names of days, each as often as one likes; an unknown one is returned.
    ///
    /// ```
    /// use doorward_domain::templates::Days;
    /// let weekend = Days::parse(&["sunday", "saturday"]).unwrap();
    /// assert_eq!(weekend.names().collect::<Vec<_>>(), ["saturday", "sunday"]);
    /// assert_eq!(Days::parse(&["funday"]), Err("funday".to_owned()));
    /// ```
    pub fn parse<T: AsRef<str>>(names: &[T]) -> Result<Self, String> {
        let bit = |name: &T| {
            let known = (0..7).zip(DAYS).find(|(_, day)| *day == name.as_ref());
            known.map(|(n, _)| 1_u8 << n).ok_or_else(|| name.as_ref().to_owned())
        };
        names.iter().try_fold(0, |days, name| Ok(days | bit(name)?)).map(Self)
    }

    /// Their names, from Monday on.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        (0..7).zip(DAYS).filter(move |(n, _)| self.0 & (1 << n) != 0).map(|(_, day)| day)
    }
}

impl From<Days> for Vec<String> {
    fn from(days: Days) -> Self {
        days.names().map(str::to_owned).collect()
    }
}

impl TryFrom<Vec<String>> for Days {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        Self::parse(&names).map_err(|unknown| format!("`{unknown}` is not a day of the week"))
    }
}

/// With whom ports of a workspace may be shared at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PortSharing {
    /// With nobody.
    Owner,
    /// With everybody who is signed in.
    Authenticated,
    /// With members of the organization.
    Organization,
    /// With everybody.
    #[default]
    Public,
}

impl PortSharing {
    /// The level on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Authenticated => "authenticated",
            Self::Organization => "organization",
            Self::Public => "public",
        }
    }

    /// Reads a level.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Owner, Self::Authenticated, Self::Organization, Self::Public]
            .into_iter()
            .find(|level| level.as_str() == text)
    }
}

/// What a template prescribes to its workspaces. Nothing here runs workspaces: clients read these and act on them.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the wire")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TemplateSettings {
    /// After how many milliseconds a workspace stops; 0 means never.
    pub default_ttl_ms: i64,
    /// By how many milliseconds activity prolongs that.
    pub activity_bump_ms: i64,
    /// Days on which workspaces must stop.
    pub autostop_days: Days,
    /// Every so many weeks they must.
    pub autostop_weeks: i64,
    /// Days on which workspaces may start by themselves.
    pub autostart_days: Days,
    /// Whether users may let workspaces start by themselves.
    pub allow_user_autostart: bool,
    /// Whether users may choose when workspaces stop.
    pub allow_user_autostop: bool,
    /// Whether users may cancel running builds.
    pub allow_user_cancel_workspace_jobs: bool,
    /// After how many milliseconds a failed workspace is stopped; 0 means never.
    pub failure_ttl_ms: i64,
    /// After how many milliseconds without use a workspace becomes dormant; 0 means never.
    pub time_til_dormant_ms: i64,
    /// After how many milliseconds a dormant workspace is deleted; 0 means never.
    pub time_til_dormant_autodelete_ms: i64,
    /// Whether workspaces must be of the active version.
    pub require_active_version: bool,
    /// With whom ports may be shared at most.
    pub max_port_share_level: PortSharing,
    /// Which form clients show for parameters.
    pub use_classic_parameter_flow: bool,
}

impl Default for TemplateSettings {
    /// The settings of a template for which none are asked.
    fn default() -> Self {
        Self {
            default_ttl_ms: 0,
            activity_bump_ms: 3_600_000,
            autostop_days: Days::default(),
            autostop_weeks: 1,
            autostart_days: Days::ALL,
            allow_user_autostart: true,
            allow_user_autostop: true,
            allow_user_cancel_workspace_jobs: true,
            failure_ttl_ms: 0,
            time_til_dormant_ms: 0,
            time_til_dormant_autodelete_ms: 0,
            require_active_version: false,
            max_port_share_level: PortSharing::default(),
            use_classic_parameter_flow: false,
        }
    }
}

/// A number that is out of range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// The field as it is called on the wire.
    pub field: &'static str,
    /// What is wrong with it.
    pub detail: String,
}

/// Longest duration, in milliseconds: what nanoseconds in 64 bits can hold, as clients count.
const LONGEST_MS: i64 = i64::MAX / 1_000_000;
/// Shortest duration of those that end workspaces: a minute. Anything less is a mistake.
const SHORTEST_MS: i64 = 60_000;
/// Most weeks between forced stops.
const WEEKS_MAX: i64 = 16;

impl TemplateSettings {
    /// Every number that is out of range.
    #[must_use]
    pub fn errors(&self) -> Vec<SettingsError> {
        let mut errors = Vec::new();
        let mut rule = |field, holds: bool, detail: String| {
            if !holds {
                errors.push(SettingsError { field, detail });
            }
        };
        for (field, value) in
            [("default_ttl_ms", self.default_ttl_ms), ("activity_bump_ms", self.activity_bump_ms)]
        {
            rule(field, (0..=LONGEST_MS).contains(&value), format!("Must be from 0 to {LONGEST_MS}."));
        }
        for (field, value) in [
            ("failure_ttl_ms", self.failure_ttl_ms),
            ("time_til_dormant_ms", self.time_til_dormant_ms),
            ("time_til_dormant_autodelete_ms", self.time_til_dormant_autodelete_ms),
        ] {
            let holds = value == 0 || (SHORTEST_MS..=LONGEST_MS).contains(&value);
            rule(field, holds, format!("Must be 0, or from {SHORTEST_MS} (a minute) to {LONGEST_MS}."));
        }
        let weeks = (1..=WEEKS_MAX).contains(&self.autostop_weeks);
        rule("autostop_requirement.weeks", weeks, format!("Must be from 1 to {WEEKS_MAX}."));
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_stored_and_read_back_and_unknown_rows_get_defaults() {
        let settings = TemplateSettings {
            autostop_days: Days::parse(&["friday"]).unwrap(),
            max_port_share_level: PortSharing::Organization,
            ..TemplateSettings::default()
        };
        let text = serde_json::to_string(&settings).unwrap();
        assert!(text.contains(r#""autostop_days":["friday"]"#) && text.contains(r#""organization""#), "{text}");
        assert_eq!(serde_json::from_str::<TemplateSettings>(&text).unwrap(), settings);
        assert_eq!(serde_json::from_str::<TemplateSettings>("{}").unwrap(), TemplateSettings::default());
    }

    #[test]
    fn numbers_are_range_checked() {
        assert!(TemplateSettings::default().errors().is_empty());
        let bad = TemplateSettings {
            default_ttl_ms: -1,
            activity_bump_ms: i64::MAX,
            failure_ttl_ms: 59_999,
            time_til_dormant_ms: -60_000,
            time_til_dormant_autodelete_ms: 60_000,
            autostop_weeks: 17,
            ..TemplateSettings::default()
        };
        let fields: Vec<&str> = bad.errors().iter().map(|error| error.field).collect();
        let expected = [
            "default_ttl_ms",
            "activity_bump_ms",
            "failure_ttl_ms",
            "time_til_dormant_ms",
            "autostop_requirement.weeks",
        ];
        assert_eq!(fields, expected);
    }
}
