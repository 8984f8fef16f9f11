//! `cargo xtask roles`: turns the role data of the domain crate into tables, so that no permission is typed twice.
//!
//! The tables are committed, so that whoever embeds the crate needs neither a build script nor a JSON parser.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::workspace::Workspace;
use anyhow::{Context as _, bail};
use clap::Args;
use serde::Deserialize;

type Resources = BTreeMap<String, Vec<String>>;

/// Permissions of one resource; each action stands for its own permission.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(default)]
    negate: bool,
    resource: String,
    actions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleData {
    name: String,
    display_name: String,
    kind: String,
    site: Vec<Group>,
    org: Vec<Group>,
    user: Vec<Group>,
    #[serde(default, rename = "note")]
    _note: String,
}

#[derive(Deserialize)]
struct ExtraData {
    actions: Vec<String>,
    scopes: BTreeMap<String, ScopeData>,
    assign: BTreeMap<String, Vec<String>>,
    reserved_role_names: Vec<String>,
    system_subjects: Vec<SystemData>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeData {
    assignable_to_tokens: bool,
    site: Vec<Group>,
    org: BTreeMap<String, Vec<Group>>,
    user: Vec<Group>,
    allow_list: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemData {
    subject: String,
    id: String,
    role: String,
    scope: String,
    site: Vec<Group>,
    user: Vec<Group>,
    #[serde(default)]
    org_membership: String,
}

/// `scopes.json`: composites, and the words of a consent page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WordData {
    composites: Vec<CompositeData>,
    built_in: BTreeMap<String, NamedText>,
    topics: Vec<TopicData>,
    resources: BTreeMap<String, String>,
    actions: BTreeMap<String, String>,
    pairs: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompositeData {
    name: String,
    /// The resource type under whose topic it is shown.
    topic: String,
    description: String,
    site: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedText {
    name: String,
    topic: String,
    description: String,
}

/// A heading of a consent page, and what stands below it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicData {
    title: String,
    resources: Vec<String>,
}

/// Write the tables of roles and scopes anew from their data
///
/// After a change of crates/domain/data/*.json. The tables are in crates/domain/data/generated.
#[derive(Args, Debug)]
pub(crate) struct Roles {
    /// Write nothing; fail when the tables are not those of the data
    #[arg(long)]
    pub(crate) check: bool,
}

impl Roles {
    pub(crate) fn run(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let data = workspace.root().join("crates/domain/data");
        for (file, text) in generate(&data)? {
            let path = data.join("generated").join(file);
            if !self.check {
                fs::write(&path, text).with_context(|| path.display().to_string())?;
            } else if fs::read_to_string(&path).ok().as_deref() != Some(&*text) {
                bail!("{} is not what comes of its data: run `cargo xtask roles`", path.display());
            }
        }
        Ok(())
    }
}

/// The files with their texts.
fn generate(data: &Path) -> anyhow::Result<[(&'static str, String); 3]> {
    let resources: Resources = read(data, "rbac-resources.json")?;
    let roles: Vec<RoleData> = read(data, "rbac-roles.json")?;
    let extra: ExtraData = read(data, "rbac-extra.json")?;
    let words: WordData = read(data, "scopes.json")?;
    let tables = Tables { resources: &resources, actions: &extra.actions };
    Ok([
        ("names.rs", names(&tables, &words)?),
        ("tables.rs", role_tables(&tables, &roles, &extra)?),
        ("scopes.rs", scope_tables(&tables, &extra, &words)?),
    ])
}

fn read<T: for<'de> Deserialize<'de>>(data: &Path, file: &str) -> anyhow::Result<T> {
    let path = data.join(file);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

fn pascal(name: &str) -> String {
    name.split(['_', '-', ' '])
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
        })
        .collect()
}

/// Index spaces of the masks: rows are resource types, bits are actions.
struct Tables<'a> {
    resources: &'a Resources,
    actions: &'a [String],
}

impl Tables<'_> {
    fn bit(&self, action: &str) -> anyhow::Result<u16> {
        let index = self.actions.iter().position(|known| known == action);
        let index = index.with_context(|| format!("unknown action `{action}`"))?;
        1_u16.checked_shl(u32::try_from(index)?).context("more than 16 actions")
    }

    fn bits(&self, actions: &[String]) -> anyhow::Result<u16> {
        let mut bits = 0;
        for action in actions {
            bits |= if action == "*" { u16::MAX } else { self.bit(action)? };
        }
        Ok(bits)
    }

    /// A `PermissionSet::fixed(..)` expression.
    fn grants(&self, groups: &[Group]) -> anyhow::Result<String> {
        let mut permissions = String::new();
        let mut rows: Vec<(u16, u16)> = vec![(0, 0); self.resources.len()];
        for group in groups {
            if group.resource != "*" && !self.resources.contains_key(&group.resource) {
                bail!("unknown resource `{}`", group.resource);
            }
            let bits = self.bits(&group.actions)?;
            for (row, name) in rows.iter_mut().zip(self.resources.keys()) {
                if group.resource == "*" || group.resource == *name {
                    let half = if group.negate { &mut row.1 } else { &mut row.0 };
                    *half |= bits;
                }
            }
            for action in &group.actions {
                let resource = pattern("ResourceType", &group.resource);
                let action = pattern("Action", action);
                write!(
                    permissions,
                    "Permission {{ negate: {}, resource: {resource}, action: {action} }}, ",
                    group.negate
                )?;
            }
        }
        let mut masks = String::new();
        for (allow, deny) in rows {
            write!(masks, "Mask {{ allow: {allow:#06x}, deny: {deny:#06x} }}, ")?;
        }
        Ok(format!("PermissionSet::fixed(Masks::fixed([{masks}]), &[{permissions}])"))
    }
}

fn pattern(kind: &str, name: &str) -> String {
    if name == "*" { "Pattern::Any".to_owned() } else { format!("Pattern::Is({kind}::{})", pascal(name)) }
}

fn strings(values: &[String]) -> String {
    format!("&{values:?}")
}

fn names(tables: &Tables<'_>, words: &WordData) -> anyhow::Result<String> {
    let mut code = String::new();
    let resources: Vec<&str> = tables.resources.keys().map(String::as_str).collect();
    let actions: Vec<&str> = tables.actions.iter().map(String::as_str).collect();
    names_enum(&mut code, "ResourceType", "What a permission is about.", &resources, |name| {
        words.resources.get(name).map_or_else(String::new, |noun| format!(": {noun}"))
    })?;
    names_enum(&mut code, "Action", "What a permission allows to do.", &actions, |_| String::new())?;

    writeln!(code, "impl ResourceType {{\n    /// The actions that are defined for this type, in alphabetical order.")?;
    writeln!(code, "    #[expect(clippy::match_same_arms, reason = \"one arm per type, as in the data\")]")?;
    writeln!(code, "    #[must_use]\n    pub const fn actions(self) -> &'static [Action] {{\n        match self {{")?;
    for (name, defined) in tables.resources {
        let list: Vec<String> = defined.iter().map(|action| format!("Action::{}", pascal(action))).collect();
        writeln!(code, "            Self::{} => &[{}],", pascal(name), list.join(", "))?;
    }
    writeln!(code, "        }}\n    }}\n}}")?;

    markers(&mut code, "resource", "ResourceMarker", "TYPE", "ResourceType", &resources)?;
    markers(&mut code, "action", "ActionMarker", "ACTION", "Action", &actions)?;
    Ok(code)
}

fn names_enum(
    code: &mut String,
    kind: &str,
    doc: &str,
    names: &[&str],
    noun: impl Fn(&str) -> String,
) -> anyhow::Result<()> {
    writeln!(code, "/// {doc}\n#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]\n#[repr(u8)]")?;
    writeln!(code, "pub enum {kind} {{")?;
    for name in names {
        writeln!(code, "    /// `{name}`{}.\n    {},", noun(name), pascal(name))?;
    }
    let count = names.len();
    writeln!(code, "}}\n\nimpl {kind} {{\n    /// How many there are.\n    pub const COUNT: usize = {count};")?;
    let all: Vec<String> = names.iter().map(|name| format!("Self::{}", pascal(name))).collect();
    writeln!(code, "\n    /// All of them, in alphabetical order.")?;
    writeln!(code, "    pub const ALL: [Self; {count}] = [{}];", all.join(", "))?;
    writeln!(
        code,
        "\n    /// The name on the wire.\n    #[must_use]\n    pub const fn as_str(self) -> &'static str {{"
    )?;
    writeln!(code, "        match self {{")?;
    for name in names {
        writeln!(code, "            Self::{} => \"{name}\",", pascal(name))?;
    }
    writeln!(code, "        }}\n    }}\n\n    /// Finds it by its name on the wire.\n    #[must_use]")?;
    writeln!(code, "    pub fn parse(name: &str) -> Option<Self> {{\n        Some(match name {{")?;
    for name in names {
        writeln!(code, "            \"{name}\" => Self::{},", pascal(name))?;
    }
    writeln!(code, "            _ => return None,\n        }})\n    }}\n}}\n")?;
    Ok(())
}

fn markers(
    code: &mut String,
    module: &str,
    marker: &str,
    constant: &str,
    kind: &str,
    names: &[&str],
) -> anyhow::Result<()> {
    writeln!(code, "/// Every [`{kind}`] as a type of its own, for [`Permit`](super::Permit).\npub mod {module} {{")?;
    writeln!(code, "    use super::{{{kind}, {marker}, sealed}};")?;
    for name in names {
        let pascal = pascal(name);
        writeln!(
            code,
            "\n    /// `{name}`.\n    #[derive(Debug, Clone, Copy, PartialEq, Eq)]\n    pub struct {pascal};"
        )?;
        writeln!(code, "    impl sealed::Sealed for {pascal} {{}}")?;
        writeln!(code, "    impl {marker} for {pascal} {{")?;
        writeln!(code, "        const {constant}: {kind} = {kind}::{pascal};\n    }}")?;
    }
    writeln!(code, "}}\n")?;
    Ok(())
}

fn role_tables(tables: &Tables<'_>, roles: &[RoleData], extra: &ExtraData) -> anyhow::Result<String> {
    let mut code = String::new();
    let none = Vec::new();
    writeln!(code, "pub(super) static BUILT_IN: [BuiltIn; {}] = [", roles.len())?;
    for role in roles {
        let kind = pascal(&role.kind);
        let assigns = extra.assign.get(&role.name).unwrap_or(&none);
        writeln!(
            code,
            "    BuiltIn {{\n        name: {:?},\n        display_name: {:?},",
            role.name, role.display_name
        )?;
        writeln!(code, "        kind: Kind::{kind},\n        assigns: {},", strings(assigns))?;
        writeln!(code, "        site: {},", tables.grants(&role.site)?)?;
        writeln!(code, "        organization: {},", tables.grants(&role.org)?)?;
        writeln!(code, "        user: {},\n    }},", tables.grants(&role.user)?)?;
    }
    writeln!(code, "];\n")?;
    writeln!(code, "pub(super) static RESERVED: &[&str] = {};\n", strings(&extra.reserved_role_names))?;

    writeln!(code, "pub(super) static SYSTEM: [SystemTable; {}] = [", extra.system_subjects.len())?;
    for subject in &extra.system_subjects {
        if subject.scope != "all" {
            bail!("internal subject `{}` has a scope that is not supported", subject.subject);
        }
        let id = if subject.id.starts_with('<') { "" } else { &subject.id };
        let assigns = extra.assign.get(&subject.role).unwrap_or(&none);
        writeln!(code, "    SystemTable {{\n        name: {:?},\n        id: {id:?},", subject.subject)?;
        writeln!(code, "        role: {:?},\n        assigns: {},", subject.role, strings(assigns))?;
        writeln!(code, "        member: {},", !subject.org_membership.is_empty())?;
        writeln!(code, "        site: {},", tables.grants(&subject.site)?)?;
        writeln!(code, "        user: {},\n    }},", tables.grants(&subject.user)?)?;
    }
    writeln!(code, "];\n")?;
    Ok(code)
}

fn scope_tables(tables: &Tables<'_>, extra: &ExtraData, words: &WordData) -> anyhow::Result<String> {
    let mut code = String::new();
    writeln!(code, "pub(super) static BUILT_IN: [BuiltInScope; {}] = [", extra.scopes.len())?;
    for (name, scope) in &extra.scopes {
        if !scope.org.is_empty() || !scope.user.is_empty() || scope.allow_list != ["*"] {
            bail!("built-in scope `{name}` uses more than site permissions");
        }
        let text = words.built_in.get(name);
        let (title, words) = text.map_or(("", ""), |text| (&text.name, &text.description));
        let topic = text.map_or("user", |text| &text.topic);
        writeln!(code, "    BuiltInScope {{\n        name: {name:?},\n        title: {title:?},")?;
        writeln!(code, "        description: {words:?},\n        topic: ResourceType::{},", pascal(topic))?;
        writeln!(code, "        for_tokens: {},", scope.assignable_to_tokens)?;
        writeln!(code, "        site: {},\n    }},", tables.grants(&scope.site)?)?;
    }
    writeln!(code, "];\n\npub(super) static COMPOSITES: [CompositeScope; {}] = [", words.composites.len())?;
    for composite in &words.composites {
        writeln!(code, "    CompositeScope {{\n        name: {:?},", composite.name)?;
        writeln!(code, "        description: {:?},", composite.description)?;
        writeln!(code, "        topic: ResourceType::{},", pascal(&composite.topic))?;
        writeln!(code, "        site: {},\n    }},", tables.grants(&composite.site)?)?;
    }
    writeln!(code, "];\n\n/// What one permission means to the person who is asked for it.")?;
    writeln!(code, "pub(super) fn words(resource: ResourceType, action: Option<Action>) -> &'static str {{")?;
    writeln!(code, "    match (resource, action) {{")?;
    for (resource, actions) in tables.resources {
        for action in actions.iter().map(String::as_str).chain(["*"]) {
            let noun = words.resources.get(resource).with_context(|| format!("no words for `{resource}`"))?;
            let verb = words.actions.get(action).with_context(|| format!("no words for `{action}`"))?;
            let pair = words.pairs.get(&format!("{resource}:{action}"));
            let text = pair.cloned().unwrap_or_else(|| verb.replace("{}", noun));
            let action = if action == "*" { "None".to_owned() } else { format!("Some(Action::{})", pascal(action)) };
            writeln!(code, "        (ResourceType::{}, {action}) => {text:?},", pascal(resource))?;
        }
    }
    writeln!(code, "        _ => \"\",\n    }}\n}}")?;
    let titles: Vec<String> = words.topics.iter().map(|topic| topic.title.clone()).collect();
    writeln!(code, "\npub(super) static TOPICS: &[&str] = {};", strings(&titles))?;
    writeln!(code, "\n/// The place of the topic of a type among the topics.")?;
    writeln!(code, "pub(super) const fn topic(resource: ResourceType) -> usize {{\n    match resource {{")?;
    for resource in tables.resources.keys() {
        if words.topics.iter().filter(|topic| topic.resources.contains(resource)).count() != 1 {
            bail!("`{resource}` must stand in exactly one topic");
        }
    }
    for (place, topic) in words.topics.iter().enumerate() {
        let types = topic.resources.iter().map(|resource| format!("ResourceType::{}", pascal(resource)));
        writeln!(code, "        {} => {place},", types.collect::<Vec<_>>().join(" | "))?;
    }
    writeln!(code, "    }}\n}}")?;
    Ok(code)
}
