//! The values of a claim.

use serde_json::{Map, Value};
use std::collections::HashSet;
use thiserror::Error;

/// What a claim says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimValues {
    /// It is not there.
    Absent,
    /// It says these, each once, in order.
    These(Vec<String>),
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
    /// A text with a comma: a list that its provider has joined, which would be taken for one name.
    #[error("the claim `{field}` is one text with a comma in it; it must be a list")]
    Joined {
        /// The claim.
        field: String,
    },
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

/// Reads the values of a claim: a list of texts, or one text, which is a list of one. An empty text gives nothing, and `null` is an
/// empty list. Values are compared as they are, with regard to letter case.
pub fn claim_values(claims: &Map<String, Value>, field: &str) -> Result<ClaimValues, ClaimError> {
    let Some(claim) = find(claims, field) else { return Ok(ClaimValues::Absent) };
    let wrong = |found: &Value| ClaimError::Type { field: field.to_owned(), found: kind(found) };
    let texts: Vec<&str> = match claim {
        Value::Null => Vec::new(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) if text.contains(',') => return Err(ClaimError::Joined { field: field.to_owned() }),
        Value::String(text) => vec![text],
        Value::Array(list) => {
            list.iter().map(|item| item.as_str().ok_or_else(|| wrong(item))).collect::<Result<_, _>>()?
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => return Err(wrong(claim)),
    };
    let mut seen = HashSet::with_capacity(texts.len());
    Ok(ClaimValues::These(texts.into_iter().filter(|text| seen.insert(*text)).map(str::to_owned).collect()))
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

    fn read(claims: &Value, field: &str) -> Result<ClaimValues, ClaimError> {
        claim_values(claims.as_object().unwrap(), field)
    }

    #[test]
    fn a_list_or_one_text() {
        let claims = json!({
            "groups": ["b", "a", "b"], "one": "x y", "none": "", "null": null, "https://app/claim": ["z"],
            "realm_access": { "roles": ["admin"], "a.b": "dotted" },
        });
        let these = |texts: &[&str]| Ok(ClaimValues::These(texts.iter().map(ToString::to_string).collect()));
        assert_eq!(read(&claims, "groups"), these(&["b", "a"]));
        assert_eq!(read(&claims, "one"), these(&["x y"]));
        assert_eq!(read(&claims, "none"), these(&[]));
        assert_eq!(read(&claims, "null"), these(&[]));
        assert_eq!(read(&claims, "https://app/claim"), these(&["z"]));
        assert_eq!(read(&claims, "realm_access.roles"), these(&["admin"]));
        assert_eq!(read(&claims, "realm_access.a.b"), these(&["dotted"]));
        for absent in ["other", "realm_access.x", "groups.0", ""] {
            assert_eq!(read(&claims, absent), Ok(ClaimValues::Absent));
        }
    }

    #[test]
    fn anything_else_is_told() {
        let claims = json!({ "a": 1, "b": [1], "c": [["x"]], "d": { "x": 1 }, "e": true, "f": ["x", null] });
        for field in ["a", "b", "c", "d", "e", "f"] {
            assert!(matches!(read(&claims, field), Err(ClaimError::Type { .. })), "{field}");
        }
        let joined = json!({ "groups": "a,b" });
        assert_eq!(read(&joined, "groups"), Err(ClaimError::Joined { field: "groups".to_owned() }));
    }
}
