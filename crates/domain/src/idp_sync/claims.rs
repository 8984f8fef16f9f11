//! The claims of a sign-in, and the values of one of them.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use thiserror::Error;

/// The most values of one claim; those behind them are left out.
pub const VALUES_MAX: usize = 2000;

/// The claims of a sign-in, and what is known of those that are not among them.
///
/// ```
/// use doorward_domain::idp_sync::{ClaimValues, SyncClaims};
/// use serde_json::json;
/// // A provider with more groups than fit into a token says where they are instead (OpenID Connect Core 5.6.2).
/// let overage = json!({ "_claim_names": { "groups": "src1" } });
/// let claims = SyncClaims::new(overage.as_object().unwrap().clone());
/// assert_eq!(claims.read("groups"), Ok(ClaimValues::Unknown));
/// assert_eq!(claims.read("roles"), Ok(ClaimValues::Absent));
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct SyncClaims {
    members: Map<String, Value>,
    unknown: BTreeSet<String>,
    /// Whether nobody knows what claims say that are not there.
    keeps_absent: bool,
    /// How many entries of a claim are not among its members.
    more: BTreeMap<String, usize>,
}

/// Claims are about people, and do not belong into logs.
impl fmt::Debug for SyncClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncClaims").field("unknown", &self.unknown).finish_non_exhaustive()
    }
}

/// What a claim says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimValues {
    /// It is not there, which means the same as an empty list.
    Absent,
    /// Nobody knows what it says, so nothing may follow from it: it could not be fetched, or its absence means nothing with this provider.
    Unknown,
    /// It says these.
    These(Values),
}

/// The values of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// Each once, in order.
    pub texts: Vec<String>,
    /// How many entries are neither a text nor an object with a `name`. They are left out.
    pub unreadable: usize,
    /// How many entries follow the first [`VALUES_MAX`]. They are left out too, so nobody may lose anything for what is not
    /// among the values.
    pub too_many: usize,
}

/// A claim that is neither a text nor a list of texts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// Another type, by its name in JSON.
    #[error("the claim `{field}` must be a list of texts, not {found}")]
    Type {
        /// The claim.
        field: String,
        /// What it is.
        found: &'static str,
    },
    /// A list of which not a single entry can be read.
    #[error("the claim `{field}` is a list of which no entry is a text or an object with a `name`")]
    Entries {
        /// The claim.
        field: String,
    },
    /// A text with a comma: a list that its provider has joined, which would be taken for one name.
    #[error("the claim `{field}` is one text with a comma in it; it must be a list")]
    Joined {
        /// The claim.
        field: String,
    },
}

impl SyncClaims {
    /// The claims of a sign-in, merged from all sources.
    #[must_use]
    pub const fn new(members: Map<String, Value>) -> Self {
        Self { members, unknown: BTreeSet::new(), keeps_absent: false, more: BTreeMap::new() }
    }

    /// Notes that nobody knows what this claim says, whatever of it is there: the provider has it, or more of it, and it could not be
    /// fetched, or the provider leaves it out for reasons of its own.
    #[must_use]
    pub fn without(mut self, field: impl Into<String>) -> Self {
        self.unknown.insert(field.into());
        self
    }

    /// Notes that a claim that is not there means nothing: the provider leaves claims out for reasons of its own.
    #[must_use]
    pub const fn keeping_absent(mut self) -> Self {
        self.keeps_absent = true;
        self
    }

    /// Notes that the provider has sent so many more entries of this claim, which are not among the members.
    #[must_use]
    pub fn with_more(mut self, field: impl Into<String>, entries: usize) -> Self {
        self.more.insert(field.into(), entries);
        self
    }

    /// All of them.
    #[must_use]
    pub const fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// Reads the values of a claim (`enterprise-identity.md` 4.6): a list of texts or of objects with a
    /// `name`, or one text, which is a list of one. An empty text gives nothing, and `null` is an empty list. Other entries of a list
    /// are left out, unless there are no others. Values are compared as they are, with regard to letter case.
    pub fn read(&self, field: &str) -> Result<ClaimValues, ClaimError> {
        if self.unknown.iter().any(|name| is_in(field, name)) {
            return Ok(ClaimValues::Unknown);
        }
        match find(&self.members, field) {
            Some(claim) => {
                let mut values = values(claim, field)?;
                values.too_many += self.more.get(field).copied().unwrap_or_default();
                Ok(ClaimValues::These(values))
            }
            None if self.keeps_absent || self.is_elsewhere(field) => Ok(ClaimValues::Unknown),
            None => Ok(ClaimValues::Absent),
        }
    }

    /// The values of a claim that a mapping could name, however well the claim as a whole can be read.
    pub fn seen(&self, field: &str) -> impl Iterator<Item = &str> {
        let entries = match find(&self.members, field) {
            Some(Value::Array(list)) => list.as_slice(),
            Some(text @ Value::String(_)) => std::slice::from_ref(text),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => &[],
        };
        entries.iter().filter_map(text_of)
    }

    /// Whether the provider says that it has the claim, and not what it is.
    fn is_elsewhere(&self, field: &str) -> bool {
        let named = self.members.get("_claim_names").and_then(Value::as_object);
        let overage = self.members.get("hasgroups").is_some_and(|told| *told == Value::Bool(true) || *told == "true");
        named.is_some_and(|names| names.keys().any(|name| is_in(field, name))) || (overage && is_in(field, "groups"))
    }
}

/// Whether `field` is the claim of this name, or in it.
fn is_in(field: &str, name: &str) -> bool {
    field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The claim of this name. A name with dots is looked for as it stands first, and then as a path
/// (`realm_access.roles`).
#[must_use]
pub(crate) fn find<'c>(claims: &'c Map<String, Value>, field: &str) -> Option<&'c Value> {
    if let Some(found) = claims.get(field) {
        return Some(found);
    }
    let (outer, inner) = field.split_once('.')?;
    find(claims.get(outer)?.as_object()?, inner)
}

fn values(claim: &Value, field: &str) -> Result<Values, ClaimError> {
    let field = || field.to_owned();
    let list = match claim {
        Value::Null => return Ok(Values::default()),
        Value::String(text) if text.is_empty() => return Ok(Values::default()),
        Value::String(text) if text.contains(',') => return Err(ClaimError::Joined { field: field() }),
        Value::String(_) => std::slice::from_ref(claim),
        Value::Array(list) => list,
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            return Err(ClaimError::Type { field: field(), found: kind(claim) });
        }
    };
    let (mut texts, mut seen, mut unreadable) = (Vec::new(), HashSet::new(), 0);
    for entry in list.iter().take(VALUES_MAX) {
        match text_of(entry) {
            Some(text) if seen.insert(text) => texts.push(text.to_owned()),
            Some(_again) => {}
            None => unreadable += 1,
        }
    }
    if texts.is_empty() && unreadable > 0 {
        return Err(ClaimError::Entries { field: field() });
    }
    Ok(Values { texts, unreadable, too_many: list.len().saturating_sub(VALUES_MAX) })
}

/// What an entry of a list says. No name has a zero byte, and no database takes one.
fn text_of(entry: &Value) -> Option<&str> {
    let text = entry.as_str().or_else(|| entry.as_object()?.get("name")?.as_str())?;
    Some(text).filter(|text| !text.is_empty() && !text.contains('\0'))
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(of: &Value) -> SyncClaims {
        SyncClaims::new(of.as_object().unwrap().clone())
    }

    fn these(texts: &[&str]) -> ClaimValues {
        let texts = texts.iter().map(ToString::to_string).collect();
        ClaimValues::These(Values { texts, ..Values::default() })
    }

    #[test]
    fn a_list_or_one_text() {
        let claims = claims(&json!({
            "groups": ["b", "a", "b"], "one": "x y", "none": "", "null": null, "https://app/claim": ["z"], "empty": [],
            "realm_access": { "roles": ["admin"], "a.b": "dotted" }, "objects": [{ "name": "n", "id": 1 }, "m"],
        }));
        assert_eq!(claims.read("groups"), Ok(these(&["b", "a"])));
        assert_eq!(claims.read("one"), Ok(these(&["x y"])));
        for none in ["none", "null", "empty"] {
            assert_eq!(claims.read(none), Ok(these(&[])), "{none}");
        }
        assert_eq!(claims.read("https://app/claim"), Ok(these(&["z"])));
        assert_eq!(claims.read("realm_access.roles"), Ok(these(&["admin"])));
        assert_eq!(claims.read("realm_access.a.b"), Ok(these(&["dotted"])));
        assert_eq!(claims.read("objects"), Ok(these(&["n", "m"])));
        for absent in ["other", "realm_access.x", "groups.0", ""] {
            assert_eq!(claims.read(absent), Ok(ClaimValues::Absent));
        }
    }

    #[test]
    fn values_are_seen_also_where_a_claim_cannot_be_read() {
        let claims =
            claims(&json!({ "a": "x,y", "b": ["z", 1, { "name": "n" }], "c": { "d": ["e"] }, "f": 1, "g": "" }));
        let seen = |field| claims.seen(field).collect::<Vec<_>>();
        assert_eq!((seen("a"), seen("b"), seen("c.d")), (vec!["x,y"], vec!["z", "n"], vec!["e"]));
        for none in ["c", "f", "g", "h"] {
            assert!(seen(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn anything_else_is_told() {
        let claims = claims(&json!({
            "a": 1, "b": [1], "c": [["x"]], "d": { "x": 1 }, "e": true, "f": [{ "id": "x" }, null], "g": "a,b",
            "h": "zero\0",
        }));
        for field in ["a", "d", "e"] {
            assert!(matches!(claims.read(field), Err(ClaimError::Type { .. })), "{field}");
        }
        for field in ["b", "c", "f", "h"] {
            assert_eq!(claims.read(field), Err(ClaimError::Entries { field: field.to_owned() }));
        }
        assert_eq!(claims.read("g"), Err(ClaimError::Joined { field: "g".to_owned() }));
    }

    #[test]
    fn entries_that_cannot_be_read_and_those_behind_the_last_are_counted() {
        let mut list = vec![json!(1), json!("x"), json!({ "name": 2 })];
        list.extend((0..VALUES_MAX).map(|n| json!(n.to_string())));
        let Ok(ClaimValues::These(values)) = claims(&json!({ "groups": list })).read("groups") else { panic!() };
        assert_eq!((values.texts.len(), values.unreadable, values.too_many), (VALUES_MAX - 2, 2, 3));
    }

    #[test]
    fn what_was_not_fetched_is_neither_absent_nor_empty() {
        let unknown = Ok(ClaimValues::Unknown);
        let part = claims(&json!({ "groups": ["first page"], "realm": {} })).without("groups").without("realm");
        assert_eq!((part.read("groups"), part.read("realm.roles")), (unknown.clone(), unknown.clone()));
        assert_eq!(part.read("groups_direct"), Ok(ClaimValues::Absent));
        for overage in [json!({ "hasgroups": true }), json!({ "_claim_names": { "groups": "src1" } })] {
            assert_eq!(claims(&overage).read("groups"), unknown);
            assert_eq!(claims(&overage).read("roles"), Ok(ClaimValues::Absent));
        }
        // Fetched from there, and put in its place.
        assert_eq!(
            claims(&json!({ "groups": ["x"], "_claim_names": { "groups": "src1" } })).read("groups"),
            Ok(these(&["x"]))
        );
    }
}
