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

    /// All other days.
    #[must_use]
    pub const fn others(self) -> Self {
        Self(Self::ALL.0 & !self.0)
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

/// Who answers questions of browsers about cross-origin requests to the apps of a workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CorsBehavior {
    /// The proxy in front of them.
    #[default]
    Simple,
    /// The apps themselves.
    Passthru,
}

impl CorsBehavior {
    /// The behaviour on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Passthru => "passthru",
        }
    }

    /// Reads a behaviour.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Simple, Self::Passthru].into_iter().find(|behavior| behavior.as_str() == text)
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
    /// Who answers for cross-origin requests to apps.
    pub cors_behavior: CorsBehavior,
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
            cors_behavior: CorsBehavior::default(),
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

/// What is asked of the settings of a template; `None` keeps what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// New [`TemplateSettings::default_ttl_ms`].
    pub default_ttl_ms: Option<i64>,
    /// New [`TemplateSettings::activity_bump_ms`].
    pub activity_bump_ms: Option<i64>,
    /// New [`TemplateSettings::autostop_days`], by name, and [`TemplateSettings::autostop_weeks`], where 0 means 1.
    pub autostop: Option<(Vec<String>, i64)>,
    /// New [`TemplateSettings::autostart_days`], by name.
    pub autostart_days: Option<Vec<String>>,
    /// New [`TemplateSettings::allow_user_autostart`].
    pub allow_user_autostart: Option<bool>,
    /// New [`TemplateSettings::allow_user_autostop`].
    pub allow_user_autostop: Option<bool>,
    /// New [`TemplateSettings::allow_user_cancel_workspace_jobs`].
    pub allow_user_cancel_workspace_jobs: Option<bool>,
    /// New [`TemplateSettings::failure_ttl_ms`].
    pub failure_ttl_ms: Option<i64>,
    /// New [`TemplateSettings::time_til_dormant_ms`].
    pub time_til_dormant_ms: Option<i64>,
    /// New [`TemplateSettings::time_til_dormant_autodelete_ms`].
    pub time_til_dormant_autodelete_ms: Option<i64>,
    /// New [`TemplateSettings::require_active_version`].
    pub require_active_version: Option<bool>,
    /// New [`TemplateSettings::max_port_share_level`], as on the wire.
    pub max_port_share_level: Option<String>,
    /// New [`TemplateSettings::use_classic_parameter_flow`].
    pub use_classic_parameter_flow: Option<bool>,
    /// New [`TemplateSettings::cors_behavior`], as on the wire.
    pub cors_behavior: Option<String>,
}

impl SettingsChange {
    /// The settings after the change, or everything that is wrong with it.
    pub fn apply(&self, old: &TemplateSettings) -> Result<TemplateSettings, Vec<SettingsError>> {
        let mut errors = Vec::new();
        let mut days = |field, names: &[String], old| match Days::parse(names) {
            Ok(days) => days,
            Err(unknown) => {
                errors.push(SettingsError { field, detail: format!("`{unknown}` is not a day of the week.") });
                old
            }
        };
        let (autostop_days, autostop_weeks) = match &self.autostop {
            None => (old.autostop_days, old.autostop_weeks),
            Some((names, weeks)) => {
                let weeks = if *weeks == 0 { 1 } else { *weeks };
                (days("autostop_requirement.days_of_week", names, old.autostop_days), weeks)
            }
        };
        let autostart_days = match &self.autostart_days {
            None => old.autostart_days,
            Some(names) => days("autostart_requirement.days_of_week", names, old.autostart_days),
        };
        let max_port_share_level = match self.max_port_share_level.as_deref() {
            None => old.max_port_share_level,
            Some(level) => PortSharing::parse(level).unwrap_or_else(|| {
                let detail = format!("`{level}` is none of owner, authenticated, organization, public.");
                errors.push(SettingsError { field: "max_port_share_level", detail });
                old.max_port_share_level
            }),
        };
        let cors_behavior = match self.cors_behavior.as_deref() {
            None => old.cors_behavior,
            Some(behavior) => CorsBehavior::parse(behavior).unwrap_or_else(|| {
                let detail = format!("`{behavior}` is none of simple, passthru.");
                errors.push(SettingsError { field: "cors_behavior", detail });
                old.cors_behavior
            }),
        };
        let new = TemplateSettings {
            default_ttl_ms: self.default_ttl_ms.unwrap_or(old.default_ttl_ms),
            activity_bump_ms: self.activity_bump_ms.unwrap_or(old.activity_bump_ms),
            autostop_days,
            autostop_weeks,
            autostart_days,
            allow_user_autostart: self.allow_user_autostart.unwrap_or(old.allow_user_autostart),
            allow_user_autostop: self.allow_user_autostop.unwrap_or(old.allow_user_autostop),
            allow_user_cancel_workspace_jobs: self
                .allow_user_cancel_workspace_jobs
                .unwrap_or(old.allow_user_cancel_workspace_jobs),
            failure_ttl_ms: self.failure_ttl_ms.unwrap_or(old.failure_ttl_ms),
            time_til_dormant_ms: self.time_til_dormant_ms.unwrap_or(old.time_til_dormant_ms),
            time_til_dormant_autodelete_ms: self
                .time_til_dormant_autodelete_ms
                .unwrap_or(old.time_til_dormant_autodelete_ms),
            require_active_version: self.require_active_version.unwrap_or(old.require_active_version),
            max_port_share_level,
            use_classic_parameter_flow: self.use_classic_parameter_flow.unwrap_or(old.use_classic_parameter_flow),
            cors_behavior,
        };
        errors.extend(new.out_of_range());
        if errors.is_empty() { Ok(new) } else { Err(errors) }
    }
}

impl TemplateSettings {
    /// Every number that is out of range.
    fn out_of_range(&self) -> Vec<SettingsError> {
        let mut errors = Vec::new();
        let mut rule = |field, holds: bool, detail: String| {
            if !holds {
                errors.push(SettingsError { field, detail });
            }
        };
        for (field, value) in [("default_ttl_ms", self.default_ttl_ms), ("activity_bump_ms", self.activity_bump_ms)] {
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
            cors_behavior: CorsBehavior::Passthru,
            ..TemplateSettings::default()
        };
        let text = serde_json::to_string(&settings).unwrap();
        assert!(text.contains(r#""autostop_days":["friday"]"#) && text.contains(r#""organization""#), "{text}");
        assert_eq!(serde_json::from_str::<TemplateSettings>(&text).unwrap(), settings);
        assert_eq!(serde_json::from_str::<TemplateSettings>("{}").unwrap(), TemplateSettings::default());
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name_and_tells_all_that_is_wrong() {
        let old = TemplateSettings { allow_user_autostop: false, ..TemplateSettings::default() };
        assert_eq!(SettingsChange::default().apply(&old), Ok(old.clone()));
        let change = SettingsChange {
            autostop: Some((vec!["sunday".to_owned()], 0)),
            failure_ttl_ms: Some(60_000),
            max_port_share_level: Some("owner".to_owned()),
            cors_behavior: Some("passthru".to_owned()),
            ..SettingsChange::default()
        };
        let new = change.apply(&old).unwrap();
        assert_eq!((new.autostop_days.names().collect::<Vec<_>>(), new.autostop_weeks), (vec!["sunday"], 1));
        assert_eq!((new.failure_ttl_ms, new.max_port_share_level), (60_000, PortSharing::Owner));
        assert!(!new.allow_user_autostop && new.cors_behavior == CorsBehavior::Passthru);
        assert_eq!(SettingsChange::default().apply(&new), Ok(new.clone()), "it stays");

        let bad = SettingsChange {
            default_ttl_ms: Some(-1),
            activity_bump_ms: Some(i64::MAX),
            autostop: Some((vec!["funday".to_owned()], 17)),
            autostart_days: Some(vec!["Monday".to_owned()]),
            failure_ttl_ms: Some(59_999),
            time_til_dormant_ms: Some(-60_000),
            time_til_dormant_autodelete_ms: Some(60_000),
            max_port_share_level: Some("all".to_owned()),
            cors_behavior: Some("Simple".to_owned()),
            ..SettingsChange::default()
        };
        let fields: Vec<&str> = bad.apply(&old).unwrap_err().iter().map(|error| error.field).collect();
        let expected = [
            "autostop_requirement.days_of_week",
            "autostart_requirement.days_of_week",
            "max_port_share_level",
            "cors_behavior",
            "default_ttl_ms",
            "activity_bump_ms",
            "failure_ttl_ms",
            "time_til_dormant_ms",
            "autostop_requirement.weeks",
        ];
        assert_eq!(fields, expected);
    }
}
