//! The description of a template, as it is written.

use super::text::{Text, optional_scalar, scalar};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the file says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Template {
    /// Tags that daemons must have to build workspaces: each a text, or the value of a parameter.
    pub(super) tags: BTreeMap<String, Text>,
    #[serde(rename = "variable")]
    pub(super) variables: Vec<Variable>,
    #[serde(rename = "parameter")]
    pub(super) parameters: Vec<Parameter>,
    #[serde(rename = "preset")]
    pub(super) presets: Vec<Preset>,
    #[serde(rename = "external_auth")]
    pub(super) external_auth: Vec<ExternalAuth>,
    #[serde(rename = "resource")]
    pub(super) resources: Vec<Resource>,
    /// What happens when a version is imported.
    pub(super) import: Steps,
    pub(super) start: Stages,
    pub(super) stop: Stages,
    pub(super) delete: Stages,
}

/// What a build does to its workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transition {
    Start,
    Stop,
    Delete,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Stages {
    pub(super) plan: Steps,
    pub(super) apply: Steps,
}

/// What happens in a stage, in this order: lines of the log, a pause, the failure.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Steps {
    pub(super) log: Vec<Text>,
    /// Such as `2s`; empty: none.
    pub(super) delay: Text,
    /// Why it fails; empty: it does not.
    pub(super) fail: Text,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default = "string", rename = "type")]
    pub(super) kind: String,
    /// Without it a value is required.
    #[serde(default, deserialize_with = "optional_scalar")]
    pub(super) default: Option<String>,
    #[serde(default)]
    pub(super) sensitive: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameter {
    pub(super) name: String,
    #[serde(default)]
    pub(super) display_name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) icon: String,
    #[serde(default = "string", rename = "type")]
    pub(super) kind: String,
    /// Without it a value is required.
    #[serde(default, deserialize_with = "optional_scalar")]
    pub(super) default: Option<String>,
    #[serde(default)]
    pub(super) mutable: bool,
    #[serde(default)]
    pub(super) ephemeral: bool,
    #[serde(default)]
    pub(super) order: i32,
    #[serde(default, rename = "option")]
    pub(super) options: Vec<ParameterOption>,
    #[serde(default)]
    pub(super) validation: Validation,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParameterOption {
    pub(super) name: String,
    #[serde(deserialize_with = "scalar")]
    pub(super) value: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) icon: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Validation {
    pub(super) regex: String,
    pub(super) error: String,
    pub(super) min: Option<i32>,
    pub(super) max: Option<i32>,
    /// `increasing` or `decreasing`.
    pub(super) monotonic: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Preset {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) icon: String,
    #[serde(default)]
    pub(super) default: bool,
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, Scalar>,
}

/// A text, or a number or a switch that stands for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scalar(pub(super) String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        scalar(deserializer).map(Self)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExternalAuth {
    pub(super) id: String,
    #[serde(default)]
    pub(super) optional: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resource {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// After which transitions it is there.
    #[serde(default = "while_it_runs")]
    pub(super) on: Vec<Transition>,
    #[serde(default)]
    pub(super) daily_cost: Text,
    #[serde(default)]
    pub(super) icon: String,
    #[serde(default)]
    pub(super) hide: bool,
    #[serde(default)]
    pub(super) instance_type: String,
    #[serde(default)]
    pub(super) metadata: Vec<Metadata>,
    #[serde(default, rename = "agent")]
    pub(super) agents: Vec<Agent>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: Text,
    #[serde(default)]
    pub(super) sensitive: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Agent {
    pub(super) name: String,
    #[serde(default = "linux")]
    pub(super) os: String,
    #[serde(default = "amd64")]
    pub(super) arch: String,
    #[serde(default)]
    pub(super) directory: Text,
    #[serde(default)]
    pub(super) env: BTreeMap<String, Text>,
    #[serde(default)]
    pub(super) order: i64,
    #[serde(default, rename = "app")]
    pub(super) apps: Vec<App>,
    #[serde(default, rename = "script")]
    pub(super) scripts: Vec<Script>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Share {
    #[default]
    Owner,
    Authenticated,
    Public,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct App {
    pub(super) slug: String,
    #[serde(default)]
    pub(super) display_name: String,
    #[serde(default)]
    pub(super) icon: String,
    #[serde(default)]
    pub(super) url: Text,
    #[serde(default)]
    pub(super) command: Text,
    #[serde(default)]
    pub(super) subdomain: bool,
    #[serde(default)]
    pub(super) external: bool,
    #[serde(default)]
    pub(super) hidden: bool,
    #[serde(default)]
    pub(super) share: Share,
    #[serde(default)]
    pub(super) order: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    pub(super) name: String,
    #[serde(default)]
    pub(super) icon: String,
    #[serde(default, rename = "script")]
    pub(super) text: Text,
    #[serde(default)]
    pub(super) cron: String,
    #[serde(default)]
    pub(super) on_start: bool,
    #[serde(default)]
    pub(super) on_stop: bool,
    #[serde(default)]
    pub(super) blocks_login: bool,
}

fn string() -> String {
    "string".to_owned()
}

fn linux() -> String {
    "linux".to_owned()
}

fn amd64() -> String {
    "amd64".to_owned()
}

fn while_it_runs() -> Vec<Transition> {
    vec![Transition::Start]
}

impl Template {
    pub(crate) const fn import(&self) -> &Steps {
        &self.import
    }

    pub(super) const fn stages(&self, transition: Transition) -> &Stages {
        match transition {
            Transition::Start => &self.start,
            Transition::Stop => &self.stop,
            Transition::Delete => &self.delete,
        }
    }
}
