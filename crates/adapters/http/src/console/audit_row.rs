//! One record of the audit log, as a sentence and what opens behind it; and searches that are narrowed by a click.

use super::{path, with_query};
use crate::audit::description::describe;
use crate::conventions::page::paths;
use crate::kit::html::moment::TimeElement;
use doorward_domain::Instant;
use doorward_services::audit::ListedEntry;
use serde_json::Value;

/// So much of a value is shown, in characters.
const SHOWN: usize = 1_000;

/// A field that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) field: String,
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) is_secret: bool,
}

/// One record.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    /// The sentence, in pieces: what is said, and whether it is a name.
    pub(crate) words: Vec<(String, bool)>,
    pub(crate) status: u16,
    pub(crate) is_refused: bool,
    pub(crate) ago: TimeElement,
    pub(crate) exact: String,
    pub(crate) place: String,
    pub(crate) ip: String,
    pub(crate) user_agent: String,
    pub(crate) changes: Vec<Change>,
    pub(crate) more: Vec<(String, String)>,
    /// Searches for what has to do with it.
    pub(crate) only: Vec<(&'static str, String)>,
    /// The page of the one who did it.
    pub(crate) user: Option<(String, String)>,
    pub(crate) is_deleted: bool,
}

pub(super) fn row(listed: &ListedEntry, now: Instant) -> Row {
    let entry = &listed.entry;
    let record = &entry.record;
    let user = entry.user.as_ref();
    let name = user.map_or("The server", |user| user.username.as_str());
    let search = |key: &str, value: &str| with_query(paths::AUDIT, &[("q", &term(key, value))]);
    let object = uuid::Uuid::parse_str(&record.resource_id).ok().filter(|id| !id.is_nil());
    let object = object.map(|id| search("resource_id", &id.to_string())).or_else(|| {
        let target = record.resource_target.as_str();
        (!target.is_empty() && !target.contains('"')).then(|| search("resource_target", target))
    });
    let by = record.user_id.map(|id| search("user_id", &id.to_string()));
    let request = record.request_id.filter(|id| !id.is_nil()).map(|id| search("request_id", &id.to_string()));
    let only = [("Only this object", object), ("Only this user", by), ("Only this request", request)];
    let fields = record.additional_fields.as_object();
    Row {
        id: record.id.to_string(),
        words: words(&describe(record), name, &record.resource_target),
        status: record.status_code,
        is_refused: record.status_code >= 400,
        ago: TimeElement::ago(record.time, now),
        exact: TimeElement::day(record.time).machine,
        place: entry.organization.as_ref().map(|place| place.name.to_string()).unwrap_or_default(),
        ip: record.ip.clone(),
        user_agent: record.user_agent.clone(),
        changes: changes(&record.diff),
        more: fields
            .map(|all| all.iter().map(|(name, value)| (name.clone(), shown(value))).collect())
            .unwrap_or_default(),
        only: only.into_iter().filter_map(|(text, href)| Some((text, href?))).collect(),
        user: user.filter(|user| !user.deleted).map(|user| {
            let name = user.username.to_string();
            let href = path(paths::USER, &[&name]);
            (name, href)
        }),
        is_deleted: listed.is_deleted,
    }
}

/// The sentence with its places filled. A name that looks like a place is none.
fn words(text: &str, user: &str, target: &str) -> Vec<(String, bool)> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some((at, place, name)) = [("{user}", user), ("{target}", target)]
        .into_iter()
        .filter_map(|(place, name)| Some((rest.find(place)?, place, name)))
        .min_by_key(|(at, ..)| *at)
    {
        let (before, after) = rest.split_at(at);
        words.push((before.to_owned(), false));
        words.push((name.to_owned(), true));
        rest = after.strip_prefix(place).unwrap_or_default();
    }
    words.push((rest.to_owned(), false));
    words.retain(|(text, _)| !text.is_empty());
    words
}

fn changes(diff: &Value) -> Vec<Change> {
    let Some(fields) = diff.as_object() else { return Vec::new() };
    let change = |(field, change): (&String, &Value)| Change {
        field: field.clone(),
        old: change.get("old").map(shown).unwrap_or_default(),
        new: change.get("new").map(shown).unwrap_or_default(),
        is_secret: change.get("secret").and_then(Value::as_bool).unwrap_or(false),
    };
    fields.iter().map(change).collect()
}

/// A value as text.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// The terms of a search. What stands in quotes is one with what surrounds it.
fn terms(query: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let parts = query.split(move |sign: char| {
        is_quoted ^= sign == '"';
        sign.is_whitespace() && !is_quoted
    });
    parts.filter(|part| !part.is_empty())
}

/// A term, with quotes where it needs some.
fn term(key: &str, value: &str) -> String {
    let is_plain = !value.is_empty() && value.chars().all(|sign| sign.is_alphanumeric() || "-_.@+".contains(sign));
    if is_plain { format!("{key}:{value}") } else { format!("{key}:\"{value}\"") }
}

/// Whether a term of the search is about this key. A bare word is a kind of thing.
fn is_about(part: &str, key: &str) -> bool {
    match part.split_once(':') {
        Some((known, _)) => known.eq_ignore_ascii_case(key),
        None => key == "resource_type",
    }
}

/// Whether the search asks for this value.
pub(super) fn says(query: &str, key: &str, value: &str) -> bool {
    let said =
        |part: &str| part.split_once(':').map_or(part, |(_, said)| said).trim_matches('"').eq_ignore_ascii_case(value);
    terms(query).any(|part| is_about(part, key) && said(part))
}

/// The search with another value of a key, or (`None`) with none.
pub(super) fn narrowed(query: &str, key: &str, value: Option<&str>) -> String {
    let others = terms(query).filter(|part| !is_about(part, key)).map(str::to_owned);
    others.chain(value.map(|value| term(key, value))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_filled_in_and_never_read_as_places() {
        let said = words("{user} updated user {target}", "{target}", "bob");
        let name = |text: &str| (text.to_owned(), true);
        assert_eq!(said, [name("{target}"), (" updated user ".to_owned(), false), name("bob")]);
        assert_eq!(words("{user} logged in", "ann", "").len(), 2);
    }

    #[test]
    fn a_search_is_narrowed_one_value_per_key() {
        let query = "user action:create resource_target:\"a b\"";
        assert_eq!(narrowed(query, "action", Some("delete")), "user resource_target:\"a b\" action:delete");
        assert_eq!(
            narrowed(query, "resource_type", Some("group")),
            "action:create resource_target:\"a b\" resource_type:group"
        );
        assert_eq!(narrowed(query, "action", None), "user resource_target:\"a b\"");
        assert!(says(query, "resource_type", "user") && says(query, "action", "CREATE"));
        assert!(!says(query, "action", "write") && !says(query, "username", "create"));
        assert!(doorward_domain::audit::parse_audit_query(&narrowed(query, "username", Some("ann"))).is_ok());
    }

    #[test]
    fn changes_are_shown_short_and_without_secrets() {
        let diff = json!({
            "name": { "old": "a", "new": "é".repeat(SHOWN + 1), "secret": false },
            "password": { "old": "", "new": "", "secret": true },
            "roles": { "old": [], "new": ["owner"] },
        });
        let found = changes(&diff);
        assert_eq!(found[0].new.chars().count(), SHOWN + 1);
        assert!(found[1].is_secret && !found[2].is_secret);
        assert_eq!((found[2].old.as_str(), found[2].new.as_str()), ("[]", "[\"owner\"]"));
        assert!(changes(&json!(null)).is_empty());
    }
}
