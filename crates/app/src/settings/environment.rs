//! Settings in the environment: `DOORWARD__SECTION__KEY`, and `DOORWARD__SECTION__LIST__0__KEY` for a key of an entry in a list.

use super::{suggestion, told};
use anyhow::{Context as _, bail};
use config::{Value, ValueKind};
use std::collections::BTreeMap;

const ENV_PREFIX: &str = "DOORWARD__";
/// How the place of a value is told that a variable gives.
const VARIABLE: &str = "the environment variable ";

/// A step of a path to a value. Places come after keys and in their order, so that a list grows entry by entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Place(usize),
}

impl Step {
    /// A number is a place in a list.
    fn parse(text: &str) -> Self {
        text.parse().map_or_else(|_no_number| Self::Key(text.to_lowercase()), Self::Place)
    }
}

/// Puts the variables into what other sources say. A list in one variable replaces that of the file; an entry by its number
/// changes it or comes behind the last.
pub(super) fn apply(
    merged: &mut Value,
    known: &BTreeMap<String, Value>,
    vars: impl Iterator<Item = (String, String)>,
) -> anyhow::Result<()> {
    let mut foreign = Vec::new();
    let ours = vars.filter_map(|(name, text)| {
        if let Some((key, text)) = of_coder(&name, &text) {
            foreign.push((key.split('.').map(Step::parse).collect(), name, text));
            return None;
        }
        let path = name.strip_prefix(ENV_PREFIX)?.split("__").map(Step::parse).collect::<Vec<_>>();
        Some((path, name, text))
    });
    let mut ours: Vec<_> = ours.collect();
    ours.sort();
    // What is said in our own words comes last, and counts.
    foreign.sort();
    ours.splice(0..0, foreign);
    let mut defects = Vec::new();
    for (path, name, text) in ours {
        if let Err(error) = apply_one(merged, known, &path, &format!("{VARIABLE}{name}"), text) {
            defects.push(format!("{error:#}"));
        }
    }
    if defects.is_empty() { Ok(()) } else { Err(told(&defects)) }
}

/// Whether the place of a value is the environment.
pub(super) fn is_variable(place: &str) -> bool {
    place.starts_with(VARIABLE)
}

/// The setting that a variable of Coder's server means, for people who come from there, and its value.
fn of_coder(name: &str, text: &str) -> Option<(&'static str, String)> {
    let is_true = || matches!(text, "true" | "1" | "t" | "TRUE" | "True" | "T");
    let key = match name {
        "CODER_NOTIFICATIONS_METHOD" => "notifications.method",
        "CODER_NOTIFICATIONS_INBOX_ENABLED" => "notifications.inbox_enabled",
        "CODER_NOTIFICATIONS_WEBHOOK_ENDPOINT" => "webhook.endpoint",
        "CODER_EMAIL_FROM" => "smtp.from",
        "CODER_EMAIL_SMARTHOST" => "smtp.smarthost",
        "CODER_EMAIL_HELLO" => "smtp.hello",
        "CODER_EMAIL_AUTH_USERNAME" => "smtp.username",
        "CODER_EMAIL_AUTH_PASSWORD" => "smtp.password",
        "CODER_EMAIL_AUTH_PASSWORD_FILE" => "smtp.password_file",
        "CODER_EMAIL_TLS_CACERTFILE" => "smtp.ca_file",
        "CODER_EMAIL_FORCE_TLS" if is_true() => return Some(("smtp.security", "implicit".to_owned())),
        "CODER_EMAIL_TLS_STARTTLS" if is_true() => return Some(("smtp.security", "starttls".to_owned())),
        _ => return None,
    };
    Some((key, text.to_owned()))
}

fn apply_one(
    merged: &mut Value,
    known: &BTreeMap<String, Value>,
    path: &[Step],
    place: &str,
    text: String,
) -> anyhow::Result<()> {
    let key = dotted(path);
    let value = match known.get(&key) {
        Some(default) => from_environment(default, place, &text)
            .with_context(|| format!("the setting `{key}` in {place} is not valid"))?,
        // Which type the key of an entry has is known to the section alone, which reads numbers from text too.
        None if is_in_list(path, known) && is_json_list(&text) => {
            json_list(place, &text).with_context(|| format!("the setting `{key}` in {place} is not valid"))?
        }
        None if is_in_list(path, known) => ValueKind::String(text),
        None => bail!("unknown setting `{key}` in {place}{}", suggestion(&key, known)),
    };
    put(merged, path, place, value)
}

/// The path as errors write it: `providers[0].issuer`.
fn dotted(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.extend([".", key]),
            Step::Place(place) => text.extend(["[", &place.to_string(), "]"]),
        }
    }
    text
}

/// Whether the path leads to an entry of a known list.
fn is_in_list(path: &[Step], known: &BTreeMap<String, Value>) -> bool {
    let keys = path.split(|step| matches!(step, Step::Place(_))).next().unwrap_or_default();
    let default = known.get(&dotted(keys));
    keys.len() < path.len() && default.is_some_and(|default| matches!(default.kind, ValueKind::Array(_)))
}

/// Puts a value under a path, whose tables and entries are made where they are missing.
fn put(root: &mut Value, path: &[Step], place: &str, value: ValueKind) -> anyhow::Result<()> {
    let origin = place.to_owned();
    let mut at = root;
    for (depth, step) in path.iter().enumerate() {
        let said = || dotted(path.get(..depth).unwrap_or_default());
        if matches!(at.kind, ValueKind::Nil) {
            let empty = match step {
                Step::Key(_) => ValueKind::Table(config::Map::new()),
                Step::Place(_) => ValueKind::Array(Vec::new()),
            };
            *at = Value::new(Some(&origin), empty);
        }
        at = match (step, &mut at.kind) {
            (Step::Key(key), ValueKind::Table(table)) => {
                table.entry(key.clone()).or_insert_with(|| Value::new(Some(&origin), ValueKind::Nil))
            }
            (Step::Place(number), ValueKind::Array(entries)) => {
                if *number == entries.len() {
                    entries.push(Value::new(Some(&origin), ValueKind::Nil));
                }
                let len = entries.len();
                entries.get_mut(*number).with_context(|| {
                    format!(
                        "{place} names entry {number} of the setting `{}`, which has only {len}, counted from 0",
                        said()
                    )
                })?
            }
            (Step::Key(_), _) => bail!("{place} names a key of the setting `{}`, which is no table", said()),
            (Step::Place(_), _) => bail!("{place} names an entry of the setting `{}`, which is no list", said()),
        };
    }
    *at = Value::new(Some(&origin), value);
    Ok(())
}

/// Text of the environment as the kind of value that the default is.
fn from_environment(default: &Value, place: &str, text: &str) -> anyhow::Result<ValueKind> {
    Ok(match default.kind {
        ValueKind::Boolean(_) => ValueKind::Boolean(text.parse().context("it must be true or false")?),
        ValueKind::I64(_) => ValueKind::I64(text.parse().context("it must be a whole number")?),
        ValueKind::Array(_) if is_json_list(text) => json_list(place, text)?,
        ValueKind::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            ValueKind::Array(items.map(|item| Value::new(Some(&place.to_owned()), item.to_owned())).collect())
        }
        ValueKind::Nil
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_)
        | ValueKind::String(_)
        | ValueKind::Table(_) => ValueKind::String(text.to_owned()),
    })
}

/// Whether a list is written as JSON. Addresses of IPv6 stand in brackets too: `[::1]`.
fn is_json_list(text: &str) -> bool {
    let inner = text.trim_start().strip_prefix('[').map(str::trim_start);
    inner.is_some_and(|inner| inner.starts_with(['"', '{', ']']))
        || serde_json::from_str::<Vec<serde_json::Number>>(text).is_ok()
}

fn json_list(place: &str, text: &str) -> anyhow::Result<ValueKind> {
    let items: Vec<serde_json::Value> = serde_json::from_str(text).context("it must be a list in JSON")?;
    Ok(ValueKind::Array(items.into_iter().map(|item| of_json(place, item)).collect()))
}

fn of_json(place: &str, value: serde_json::Value) -> Value {
    let kind = match value {
        serde_json::Value::Null => ValueKind::Nil,
        serde_json::Value::Bool(value) => ValueKind::Boolean(value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => ValueKind::I64(whole),
            None => number.as_f64().map_or(ValueKind::Nil, ValueKind::Float),
        },
        serde_json::Value::String(text) => ValueKind::String(text),
        serde_json::Value::Array(items) => {
            ValueKind::Array(items.into_iter().map(|item| of_json(place, item)).collect())
        }
        serde_json::Value::Object(members) => {
            ValueKind::Table(members.into_iter().map(|(name, item)| (name, of_json(place, item))).collect())
        }
    };
    Value::new(Some(&place.to_owned()), kind)
}
