//! What a job makes, as daemons describe it. Nothing here connects to any of it: it is kept so that it can be shown.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Most resources of one transition of a job.
pub const RESOURCES_MAX: usize = 1000;
/// Most agents of one resource.
pub const AGENTS_MAX: usize = 100;
/// Most apps, and most scripts, of one agent.
pub const APPS_MAX: usize = 200;
/// Most further facts of one resource or agent.
pub const METADATA_MAX: usize = 200;

/// Something that is made: a machine, a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// Its name in the source.
    pub name: String,
    /// Its type in the source.
    pub kind: String,
    /// What runs in it.
    pub agents: Vec<Agent>,
    /// Further facts.
    pub metadata: Vec<ResourceMetadata>,
    /// Whether people need not see it.
    pub hide: bool,
    /// URL or path of a picture, or empty.
    pub icon: String,
    /// The kind of machine, or empty.
    pub instance_type: String,
    /// Credits per day that it costs.
    pub daily_cost: i32,
    /// Where in the source it stands.
    pub module_path: String,
}

/// A fact about a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceMetadata {
    /// Its name.
    pub key: String,
    /// What it is; empty for one that is sensitive, once it is stored.
    pub value: String,
    /// Whether nobody is to see it.
    pub sensitive: bool,
    /// Whether there is none.
    pub is_null: bool,
}

/// How an agent proves who it is. Its secret is not kept: agents do not connect to this server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentAuth {
    /// Not at all.
    #[default]
    None,
    /// By a token.
    Token,
    /// By the identity of its machine, of this id.
    Instance(String),
}

/// A program in a resource, by which people would get at it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Agent {
    /// Its id, given by this server; nil until then.
    pub id: Uuid,
    /// Its name, unique in its resource without regard to letter case.
    pub name: String,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// What it runs on.
    pub operating_system: String,
    /// What it runs on.
    pub architecture: String,
    /// Where it begins.
    pub directory: String,
    /// What it offers.
    pub apps: Vec<App>,
    /// How it proves who it is.
    pub auth: AgentAuth,
    /// How long it may take to connect, in seconds.
    pub connection_timeout_seconds: i32,
    /// Where people find help.
    pub troubleshooting_url: String,
    /// The file of its greeting.
    pub motd_file: String,
    /// What it tells about itself.
    pub metadata: Vec<AgentMetadata>,
    /// Which apps of its own it shows.
    pub display_apps: DisplayApps,
    /// What it runs.
    pub scripts: Vec<Script>,
    /// Its place among others.
    pub order: i64,
    /// What it watches.
    pub monitoring: Option<Monitoring>,
    /// `all` or `no_user_data`.
    pub api_key_scope: String,
}

/// Something that an agent tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentMetadata {
    /// Its name.
    pub key: String,
    /// What people see.
    pub display_name: String,
    /// What finds it out.
    pub script: String,
    /// How often, in seconds.
    pub interval: i64,
    /// How long that may take, in seconds.
    pub timeout: i64,
    /// Its place among others.
    pub order: i64,
}

/// Which apps of its own an agent shows.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the protocol")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DisplayApps {
    /// The editor.
    pub vscode: bool,
    /// The editor of tomorrow.
    pub vscode_insiders: bool,
    /// The terminal.
    pub web_terminal: bool,
    /// The help for SSH.
    pub ssh_helper: bool,
    /// The help for ports.
    pub port_forwarding_helper: bool,
}

/// What an agent runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Script {
    /// What people see.
    pub display_name: String,
    /// URL or path of a picture, or empty.
    pub icon: String,
    /// What it is.
    pub script: String,
    /// When it runs.
    pub cron: String,
    /// Whether people wait for it.
    pub start_blocks_login: bool,
    /// Whether it runs at the start.
    pub run_on_start: bool,
    /// Whether it runs at the end.
    pub run_on_stop: bool,
    /// How long it may take.
    pub timeout_seconds: i32,
    /// Where its log is.
    pub log_path: String,
}

/// What an agent watches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Monitoring {
    /// From which share of the memory on it warns, in percent.
    pub memory: Option<i32>,
    /// The same of volumes.
    pub volumes: Vec<VolumeMonitoring>,
}

/// A volume that is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeMonitoring {
    /// Where it is.
    pub path: String,
    /// Whether it is watched.
    pub enabled: bool,
    /// From which share on, in percent.
    pub threshold: i32,
}

/// With whom an app is shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharingLevel {
    /// With nobody.
    #[default]
    Owner,
    /// With all who are signed in.
    Authenticated,
    /// With everybody.
    Public,
}

impl SharingLevel {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Authenticated => "authenticated",
            Self::Public => "public",
        }
    }
}

/// Where an app opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenIn {
    /// In a window without decoration.
    #[default]
    SlimWindow,
    /// In a tab.
    Tab,
}

impl OpenIn {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SlimWindow => "slim-window",
            Self::Tab => "tab",
        }
    }
}

/// What an agent offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct App {
    /// Its id; given by this server when it is nil.
    pub id: Uuid,
    /// Its name in addresses, unique in its resource.
    pub slug: String,
    /// What people see.
    pub display_name: String,
    /// What it runs.
    pub command: String,
    /// Where it is.
    pub url: String,
    /// URL or path of a picture, or empty.
    pub icon: String,
    /// Whether it has a host of its own.
    pub subdomain: bool,
    /// How it is seen whether it is well.
    pub healthcheck: Option<Healthcheck>,
    /// With whom it is shared.
    pub sharing_level: SharingLevel,
    /// Whether it is elsewhere.
    pub external: bool,
    /// Its place among others.
    pub order: i64,
    /// Whether people need not see it.
    pub hidden: bool,
    /// Where it opens.
    pub open_in: OpenIn,
    /// What it is shown with.
    pub group: String,
    /// What is shown beside it.
    pub tooltip: String,
}

/// How it is seen whether an app is well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Healthcheck {
    /// What is asked.
    pub url: String,
    /// How often, in seconds.
    pub interval: i32,
    /// After how many failures it is not well.
    pub threshold: i32,
}

/// What is wrong with resources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceDefect {
    /// There are more of something than are taken.
    #[error("there are more than {max} {of}")]
    TooMany {
        /// Of what.
        of: &'static str,
        /// How many are taken.
        max: usize,
    },
    /// An agent has no name.
    #[error("an agent of the resource `{0}` has no name")]
    NoAgentName(String),
    /// An agent has a name with underscores.
    #[error("the name `{0}` of an agent has underscores, which stand in no host name: use hyphens")]
    Underscore(String),
    /// An agent has a name that is none.
    #[error("the name `{0}` of an agent is not letters and digits in groups joined by single hyphens")]
    AgentName(String),
    /// Two agents of a resource have one name.
    #[error("two agents of a resource have the name `{0}`")]
    SameAgent(String),
    /// An app has a slug that is none.
    #[error("the slug `{0}` of an app is not small letters and digits in groups joined by single hyphens")]
    Slug(String),
    /// Two apps of a resource have one slug.
    #[error("two apps of a resource have the slug `{0}`")]
    SameSlug(String),
    /// A cost is negative.
    #[error("the resource `{0}` costs less than nothing")]
    Cost(String),
    /// There is a character that no database can store.
    #[error("there is a NUL character in it")]
    Nul,
}

/// What is wrong with the resources of one transition, if anything is (`provisioner-wire.md` 6).
pub fn check_resources(resources: &[Resource]) -> Result<(), ResourceDefect> {
    let few =
        |count: usize, max: usize, of| if count > max { Err(ResourceDefect::TooMany { of, max }) } else { Ok(()) };
    few(resources.len(), RESOURCES_MAX, "resources")?;
    for resource in resources {
        few(resource.agents.len(), AGENTS_MAX, "agents of a resource")?;
        few(resource.metadata.len(), METADATA_MAX, "facts about a resource")?;
        if resource.daily_cost < 0 {
            return Err(ResourceDefect::Cost(resource.name.clone()));
        }
        let (mut names, mut slugs) = (BTreeSet::new(), BTreeSet::new());
        for agent in &resource.agents {
            few(agent.apps.len(), APPS_MAX, "apps of an agent")?;
            few(agent.scripts.len(), APPS_MAX, "scripts of an agent")?;
            few(agent.metadata.len(), METADATA_MAX, "facts about an agent")?;
            if agent.name.is_empty() {
                return Err(ResourceDefect::NoAgentName(resource.name.clone()));
            }
            let name = agent.name.to_ascii_lowercase();
            if name.contains('_') {
                return Err(ResourceDefect::Underscore(agent.name.clone()));
            }
            if !is_slug(&name) {
                return Err(ResourceDefect::AgentName(agent.name.clone()));
            }
            if !names.insert(name) {
                return Err(ResourceDefect::SameAgent(agent.name.clone()));
            }
            for app in &agent.apps {
                if !is_slug(&app.slug) {
                    return Err(ResourceDefect::Slug(app.slug.clone()));
                }
                if !slugs.insert(app.slug.as_str()) {
                    return Err(ResourceDefect::SameSlug(app.slug.clone()));
                }
            }
        }
        if has_nul(resource) {
            return Err(ResourceDefect::Nul);
        }
    }
    Ok(())
}

/// What resources cost together, per day.
#[must_use]
pub fn total_cost(resources: &[Resource]) -> i64 {
    resources.iter().map(|resource| i64::from(resource.daily_cost)).sum()
}

/// Small letters and digits in groups joined by single hyphens.
fn is_slug(text: &str) -> bool {
    text.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

/// Whether there is a NUL character in any text of it: no database of ours can store one.
pub fn has_nul(value: &impl Serialize) -> bool {
    fn holds(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::String(text) => text.contains('\0'),
            serde_json::Value::Array(items) => items.iter().any(holds),
            serde_json::Value::Object(members) => {
                members.iter().any(|(name, value)| name.contains('\0') || holds(value))
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => false,
        }
    }
    // What cannot be written as JSON cannot be stored either.
    serde_json::to_value(value).map_or(true, |value| holds(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(agents: &[(&str, &[&str])]) -> Vec<Resource> {
        let app = |slug: &&str| App { slug: (*slug).to_owned(), ..App::default() };
        let agent = |(name, slugs): &(&str, &[&str])| Agent {
            name: (*name).to_owned(),
            apps: slugs.iter().map(app).collect(),
            ..Agent::default()
        };
        vec![Resource { name: "box".to_owned(), agents: agents.iter().map(agent).collect(), ..Resource::default() }]
    }

    #[test]
    fn names_of_agents_and_slugs_of_apps_are_looked_at() {
        assert_eq!(check_resources(&with(&[("Main-2", &["code", "a-1"]), ("dev", &[])])), Ok(()));
        for (agents, defect) in [
            (with(&[("", &[])]), ResourceDefect::NoAgentName("box".to_owned())),
            (with(&[("a_b", &[])]), ResourceDefect::Underscore("a_b".to_owned())),
            (with(&[("a--b", &[])]), ResourceDefect::AgentName("a--b".to_owned())),
            (with(&[("a", &[]), ("A", &[])]), ResourceDefect::SameAgent("A".to_owned())),
            (with(&[("a", &["Code"])]), ResourceDefect::Slug("Code".to_owned())),
            (with(&[("a", &["x"]), ("b", &["x"])]), ResourceDefect::SameSlug("x".to_owned())),
        ] {
            assert_eq!(check_resources(&agents), Err(defect));
        }
        // In another resource both are free again.
        assert_eq!(check_resources(&[with(&[("a", &["x"])]), with(&[("a", &["x"])])].concat()), Ok(()));
    }

    #[test]
    fn resources_are_bounded_and_can_be_stored() {
        let many = vec![Resource::default(); RESOURCES_MAX + 1];
        assert!(matches!(check_resources(&many), Err(ResourceDefect::TooMany { of: "resources", .. })));
        assert_eq!(check_resources(&many[1..]), Ok(()));
        let nul = Resource { icon: "\0".to_owned(), ..Resource::default() };
        assert_eq!(check_resources(&[nul]), Err(ResourceDefect::Nul));
        let negative = Resource { daily_cost: -1, ..Resource::default() };
        assert!(matches!(check_resources(&[negative]), Err(ResourceDefect::Cost(_))));
        let dear = vec![Resource { daily_cost: i32::MAX, ..Resource::default() }; 3];
        assert_eq!(total_cost(&dear), 3 * i64::from(i32::MAX));
    }
}
