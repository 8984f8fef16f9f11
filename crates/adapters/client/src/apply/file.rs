//! What a file says: how organizations, groups, roles, apps and sync settings shall be.

use crate::failure::usage;
use crate::permissions;
use crate::words::shown;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 8 * 1024 * 1024;

/// How all of it shall be. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Wanted {
    pub(crate) organizations: Vec<Organization>,
    pub(crate) apps: Option<Vec<App>>,
    pub(crate) sync: SiteSync,
}

/// An organization.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Organization {
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) icon: Option<String>,
    /// Built-in roles that every member has.
    pub(crate) member_roles: Option<BTreeSet<String>>,
    pub(crate) roles: Option<Vec<Role>>,
    pub(crate) groups: Option<Vec<Group>>,
    /// Who belongs to it, by user name, with the roles there.
    pub(crate) members: Option<BTreeMap<String, BTreeSet<String>>>,
    pub(crate) sync: OrganizationSync,
}

/// A custom role.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    pub(crate) permissions: Option<BTreeSet<String>>,
    /// What it grants on what a member owns in the organization.
    pub(crate) own: Option<BTreeSet<String>>,
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) quota: Option<i64>,
    /// User names.
    pub(crate) members: Option<BTreeSet<String>>,
}

/// An app. The names are those of the API.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct App {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service_account: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) redirect_uris: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) redirect_match: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scopes: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allowed_resources: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resources: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) require_pkce: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device_flow: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trusted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) claims_in_id_token: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end_with_session: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) post_logout_redirect_uris: Option<BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backchannel_logout_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) homepage_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) terms_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) icon: Option<String>,
}

/// What follows identity providers on the whole site.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SiteSync {
    pub(crate) organizations: Option<MemberSync>,
}

/// What follows identity providers in an organization.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OrganizationSync {
    pub(crate) groups: Option<GroupSync>,
    pub(crate) roles: Option<RoleSync>,
}

/// How members of organizations follow a claim.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MemberSync {
    pub(crate) field: Option<String>,
    /// Names of organizations by the value of the claim.
    pub(crate) mapping: Option<BTreeMap<String, BTreeSet<String>>>,
    pub(crate) assign_default: Option<bool>,
}

/// How groups follow a claim.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GroupSync {
    pub(crate) field: Option<String>,
    /// Names of groups by the value of the claim.
    pub(crate) mapping: Option<BTreeMap<String, BTreeSet<String>>>,
    pub(crate) regex_filter: Option<String>,
    pub(crate) auto_create_missing_groups: Option<bool>,
}

/// How roles follow a claim.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RoleSync {
    pub(crate) field: Option<String>,
    /// Names of roles by the value of the claim.
    pub(crate) mapping: Option<BTreeMap<String, BTreeSet<String>>>,
}

/// Reads a file: TOML if its name ends so, else YAML, of which JSON is a part.
pub(crate) fn read(path: &Path) -> anyhow::Result<Wanted> {
    let from_stdin = path.as_os_str() == "-";
    let mut text = String::new();
    let read = if from_stdin {
        std::io::stdin().lock().take(LARGEST + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text))
    };
    let name = if from_stdin { "standard input".to_owned() } else { path.display().to_string() };
    read.with_context(|| format!("cannot read {name}"))?;
    if text.len() as u64 > LARGEST {
        return Err(usage(format!("{name} has more than {} MiB", LARGEST / 1024 / 1024)));
    }
    let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let wanted = parse(&text, is_toml).map_err(|error| usage(format!("{name}: {error}")))?;
    wanted.checked().map_err(|defects| usage(format!("{name} cannot be applied:\n  {}", defects.join("\n  "))))
}

fn parse(text: &str, is_toml: bool) -> Result<Wanted, String> {
    if is_toml {
        return toml::from_str(text).map_err(|error| error.to_string());
    }
    // Nothing but blanks and comments is a file that asks for nothing.
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Wanted::default());
    }
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}

impl Wanted {
    /// The same with user names in lower case, by which they are compared; or what is wrong with it by itself.
    pub(crate) fn checked(mut self) -> Result<Self, Vec<String>> {
        let mut defects = Vec::new();
        once(&mut defects, "organization", self.organizations.iter().map(|organization| organization.name.as_str()));
        for organization in &mut self.organizations {
            organization.check(&mut defects);
        }
        let apps = self.apps.as_deref().unwrap_or_default();
        once(&mut defects, "app", apps.iter().map(|app| app.name.as_str()));
        if defects.is_empty() { Ok(self) } else { Err(defects) }
    }
}

impl Organization {
    fn check(&mut self, defects: &mut Vec<String>) {
        let place = shown(&self.name).into_owned();
        let roles = self.roles.as_deref().unwrap_or_default();
        once(defects, &format!("role of {place}"), roles.iter().map(|role| role.name.as_str()));
        for role in roles {
            let written = role.permissions.iter().chain(&role.own).flatten();
            let bad = written.filter_map(|written| permissions::parse(written).err());
            defects.extend(bad.map(|error| format!("role {} of {place}: {error}", shown(&role.name))));
        }
        let groups = self.groups.as_deref().unwrap_or_default();
        once(defects, &format!("group of {place}"), groups.iter().map(|group| group.name.as_str()));
        if let Some(members) = &mut self.members {
            let number = members.len();
            *members = std::mem::take(members).into_iter().map(|(name, roles)| (name.to_lowercase(), roles)).collect();
            if members.len() != number || members.contains_key("") {
                defects.push(format!("members of {place}: a name is empty, or stands there twice"));
            }
        }
        for group in self.groups.iter_mut().flatten() {
            if let Some(members) = &mut group.members {
                *members = members.iter().map(|name| name.to_lowercase()).collect();
            }
        }
    }
}

/// Each name is there, and once.
fn once<'a>(defects: &mut Vec<String>, what: &str, names: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    for name in names {
        if name.is_empty() {
            defects.push(format!("one {what} has no name"));
        } else if !seen.insert(name) {
            defects.push(format!("{what} {} stands there twice", shown(name)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "
organizations:
  - name: acme
    display_name: Acme
    roles:
      - {name: deployer, permissions: ['template:read', '!workspace:delete']}
    members:
      Ann: [deployer]
      bob: []
    groups:
      - name: eng
        quota: 4
        members: [ann, BOB]
    sync:
      groups: {field: groups, mapping: {engineers: [eng]}}
apps:
  - name: grafana
    redirect_uris: [https://grafana.example.com/cb]
";

    const TOML: &str = r#"
[[organizations]]
name = "acme"
display_name = "Acme"
members = { ann = ["deployer"], bob = [] }
[[organizations.roles]]
name = "deployer"
permissions = ["template:read", "!workspace:delete"]
[[organizations.groups]]
name = "eng"
quota = 4
members = ["ann", "bob"]
[organizations.sync.groups]
field = "groups"
mapping = { engineers = ["eng"] }
[[apps]]
name = "grafana"
redirect_uris = ["https://grafana.example.com/cb"]
"#;

    fn read(text: &str, is_toml: bool) -> Result<Wanted, String> {
        parse(text, is_toml)?.checked().map_err(|defects| defects.join("; "))
    }

    #[test]
    fn yaml_and_toml_say_the_same() {
        let wanted = read(YAML, false).unwrap();
        assert_eq!(wanted, read(TOML, true).unwrap());
        assert_eq!(wanted.organizations[0].groups.as_ref().unwrap()[0].members.as_ref().unwrap().len(), 2);
        assert_eq!(read("{\"organizations\": []}", false).unwrap(), Wanted::default());
        assert_eq!(read("# nothing\n\n", false).unwrap(), Wanted::default());
    }

    #[test]
    fn what_is_wrong_is_told_by_name() {
        for (text, why) in [
            ("companies: []", "companies"),
            ("organizations: [{name: acme, groups: [{name: a, colour: red}]}]", "colour"),
            ("organizations: [{display_name: x}]", "has no name"),
            ("organizations: [{name: a}, {name: a}]", "organization a stands there twice"),
            ("organizations: [{name: a, groups: [{name: g}, {name: g}]}]", "group of a g stands there twice"),
            ("organizations: [{name: a, roles: [{name: r, permissions: [read]}]}]", "`read` is no permission"),
            ("organizations: [{name: a, members: {Ann: [], ann: []}}]", "twice"),
            ("apps: [{name: x}, {name: x}]", "app x stands there twice"),
            ("organizations: 7", "sequence"),
        ] {
            let error = read(text, false).unwrap_err();
            assert!(error.to_lowercase().contains(why) || error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_file_that_grows_when_it_is_read_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let inner = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&["a", &level.to_string(), ": &a", &level.to_string(), " [", &inner, "]\n"].concat());
        }
        assert!(read(&text, false).is_err());
    }
}
