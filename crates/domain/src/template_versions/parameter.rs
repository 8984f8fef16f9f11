//! What a version asks for.

use crate::provisioner_jobs::has_nul;
use crate::text_enum::text_enum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most parameters of a version.
pub const PARAMETERS_MAX: usize = 500;
/// Most options of a parameter.
pub const OPTIONS_MAX: usize = 1000;
/// Most presets of a version.
pub const PRESETS_MAX: usize = 200;
/// Most variables of a version.
pub const VARIABLES_MAX: usize = 500;

/// A variable of the source, which whoever makes the version gives a value.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its type in the source.
    pub kind: String,
    /// Its value.
    pub value: String,
    /// What it is without one.
    pub default_value: String,
    /// Whether it must have one.
    pub required: bool,
    /// Whether nobody is to see it.
    pub sensitive: bool,
}

/// Without values, which may be secrets.
impl std::fmt::Debug for Variable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Variable").field("name", &self.name).field("required", &self.required).finish_non_exhaustive()
    }
}

/// An account elsewhere that builds need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalAuth {
    /// The provider.
    pub id: String,
    /// Whether they do without.
    pub optional: bool,
}

text_enum! {
    /// How a parameter is asked for.
    #[derive(Default)]
    FormType {
        /// As its type wants.
        #[default]
        Default = "",
        /// Not at all, for something is wrong.
        Error = "error",
        /// By buttons of which one is chosen.
        Radio = "radio",
        /// By a list of which one is chosen.
        Dropdown = "dropdown",
        /// By a line.
        Input = "input",
        /// By several lines.
        Textarea = "textarea",
        /// By a slider.
        Slider = "slider",
        /// By a box.
        Checkbox = "checkbox",
        /// By a switch.
        Switch = "switch",
        /// By words.
        TagSelect = "tag-select",
        /// By a list of which several are chosen.
        MultiSelect = "multi-select",
    }
}

impl Serialize for FormType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FormType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ParameterOption {
    /// What people see.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it stands for.
    pub value: String,
    /// URL or path of a picture, or empty.
    pub icon: String,
}

/// Something that builds can be given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RichParameter {
    /// Its name.
    pub name: String,
    /// What people see, may be empty.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// `string`, `number`, `bool` or `list(string)`.
    pub kind: String,
    /// Whether a later build may be given another value.
    pub mutable: bool,
    /// What it is without a value.
    pub default_value: String,
    /// URL or path of a picture, or empty.
    pub icon: String,
    /// Its choices; empty: any value.
    pub options: Vec<ParameterOption>,
    /// What a value must match, or empty.
    pub validation_regex: String,
    /// What is said of one that does not.
    pub validation_error: String,
    /// The least value.
    pub validation_min: Option<i32>,
    /// The greatest value.
    pub validation_max: Option<i32>,
    /// `increasing` or `decreasing`, or empty: how values may follow each other.
    pub validation_monotonic: String,
    /// Whether it must be given.
    pub required: bool,
    /// Its place among others.
    pub order: i32,
    /// Whether it is for one build only.
    pub ephemeral: bool,
    /// How it is asked for.
    pub form_type: FormType,
}

/// Values that go together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preset {
    /// Its id, given by this server; nil until then.
    pub id: uuid::Uuid,
    /// Its name.
    pub name: String,
    /// Its values.
    pub parameters: Vec<PresetParameter>,
    /// Whether it is the usual one.
    pub default: bool,
    /// What it is for.
    pub description: String,
    /// URL or path of a picture, or empty.
    pub icon: String,
    /// How many workspaces are wanted in advance. They are not built.
    pub prebuilds: Option<i32>,
}

/// A value of a preset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PresetParameter {
    /// The parameter.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What is wrong with what a version asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterDefect {
    /// There are more of something than are taken.
    #[error("there are more than {max} {of}")]
    TooMany {
        /// Of what.
        of: &'static str,
        /// How many are taken.
        max: usize,
    },
    /// Something has no name.
    #[error("a {0} has no name")]
    NoName(&'static str),
    /// Two of them have one name.
    #[error("two {of} have the name `{name}`")]
    SameName {
        /// Which two.
        of: &'static str,
        /// The name.
        name: String,
    },
    /// There is a character that no database can store.
    #[error("there is a NUL character in it")]
    Nul,
}

/// What is wrong with parameters and presets, if anything is.
pub fn check_parameters(parameters: &[RichParameter], presets: &[Preset]) -> Result<(), ParameterDefect> {
    let few =
        |count: usize, max: usize, of| if count > max { Err(ParameterDefect::TooMany { of, max }) } else { Ok(()) };
    few(parameters.len(), PARAMETERS_MAX, "parameters")?;
    few(presets.len(), PRESETS_MAX, "presets")?;
    for parameter in parameters {
        few(parameter.options.len(), OPTIONS_MAX, "options of a parameter")?;
    }
    for preset in presets {
        few(preset.parameters.len(), PARAMETERS_MAX, "values of a preset")?;
    }
    named("parameter", "parameters", parameters.iter().map(|parameter| parameter.name.as_str()))?;
    named("preset", "presets", presets.iter().map(|preset| preset.name.as_str()))?;
    if has_nul(&parameters) || has_nul(&presets) { Err(ParameterDefect::Nul) } else { Ok(()) }
}

fn named<'a>(one: &'static str, of: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), ParameterDefect> {
    let mut known = BTreeSet::new();
    for name in names {
        if name.is_empty() {
            return Err(ParameterDefect::NoName(one));
        }
        if !known.insert(name) {
            return Err(ParameterDefect::SameName { of, name: name.to_owned() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str) -> RichParameter {
        RichParameter { name: name.to_owned(), ..RichParameter::default() }
    }

    #[test]
    fn what_a_version_asks_for_has_names_of_its_own_and_is_bounded() {
        assert_eq!(check_parameters(&[parameter("a"), parameter("b")], &[]), Ok(()));
        let same = check_parameters(&[parameter("a"), parameter("a")], &[]);
        assert_eq!(same, Err(ParameterDefect::SameName { of: "parameters", name: "a".to_owned() }));
        assert_eq!(check_parameters(&[], &[Preset::default()]), Err(ParameterDefect::NoName("preset")));
        let many: Vec<_> = (0..=PARAMETERS_MAX).map(|n| parameter(&n.to_string())).collect();
        assert!(matches!(check_parameters(&many, &[]), Err(ParameterDefect::TooMany { of: "parameters", .. })));
        assert_eq!(check_parameters(&[parameter("a\0")], &[]), Err(ParameterDefect::Nul));
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let full = RichParameter { form_type: FormType::MultiSelect, validation_min: Some(-1), ..parameter("a") };
        let text = serde_json::to_string(&full).unwrap();
        assert_eq!(serde_json::from_str::<RichParameter>(&text).unwrap(), full);
        assert_eq!(serde_json::from_str::<RichParameter>("{}").unwrap(), RichParameter::default());
        let variable = Variable { name: "token".to_owned(), value: "hunter2".to_owned(), ..Variable::default() };
        assert!(!format!("{variable:?}").contains("hunter2"));
    }
}
