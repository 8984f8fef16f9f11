//! The groups that a provider says somebody is in. What cannot be read, or is kept elsewhere, is never "none": that would take
//! people out of all their groups.

use super::provider::{GroupSeparator, GroupsMissing, Provider};
use crate::jws::Claims;
use serde_json::Value;
use std::collections::HashSet;

/// The most groups of one person.
pub const GROUPS_MAX: usize = 2000;
/// The longest name of a group, in bytes.
const NAME_MAX: usize = 512;

/// What a claim of groups means for memberships.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupClaim {
    /// Memberships stay as they are.
    Keep(KeptBecause),
    /// The token has no room for them, and says so. They have to be fetched (for Entra from Microsoft Graph, at an address of our own
    /// and never at the one in the token); until they are, memberships stay.
    Elsewhere,
    /// These, and no others.
    These {
        /// The names, each once, in order.
        names: Vec<String>,
        /// How many entries were left out: they are no names, or come after [`GROUPS_MAX`] others. To be logged.
        skipped: usize,
    },
}

/// Why memberships stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptBecause {
    /// Groups do not follow this provider.
    Off,
    /// The claim is not there, and the settings say that this means nothing.
    Absent,
    /// The claim is neither a list nor a text that can be read. To be logged.
    Unreadable,
}

/// Reads the claim of groups: a list of texts, or of objects with a `name`; or one text, which the settings may have separated.
///
/// ```
/// use doorward_domain::identity_providers::{Claims, GroupClaim, Provider, read_groups};
/// let provider =
///     Provider { groups_claim: "groups".to_owned(), strip_group_slash: true, ..Provider::default() };
/// let claims = Claims::parse(br#"{"groups": ["/eng/backend", 7]}"#).unwrap();
/// let names = vec!["eng/backend".to_owned()];
/// assert_eq!(read_groups(&claims, &provider), GroupClaim::These { names, skipped: 1 });
/// let overage = Claims::parse(br#"{"_claim_names": {"groups": "src1"}}"#).unwrap();
/// assert_eq!(read_groups(&overage, &provider), GroupClaim::Elsewhere);
/// ```
#[must_use]
pub fn read_groups(claims: &Claims, provider: &Provider) -> GroupClaim {
    if provider.groups_claim.is_empty() {
        return GroupClaim::Keep(KeptBecause::Off);
    }
    match claims.get(&provider.groups_claim) {
        None if is_elsewhere(claims, &provider.groups_claim) => GroupClaim::Elsewhere,
        None => match provider.groups_missing() {
            GroupsMissing::Keep => GroupClaim::Keep(KeptBecause::Absent),
            GroupsMissing::Empty => GroupClaim::These { names: Vec::new(), skipped: 0 },
        },
        Some(Value::Array(entries)) => collected(entries.iter().map(name_of), provider),
        Some(Value::String(text)) => separated(text, provider),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            GroupClaim::Keep(KeptBecause::Unreadable)
        }
    }
}

/// Whether the claims say that this one is elsewhere (OpenID Connect Core 1.0, 5.6.2), or, as Entra does, only that there are groups.
fn is_elsewhere(claims: &Claims, claim: &str) -> bool {
    let names = claims.members().get("_claim_names").and_then(Value::as_object);
    let has_groups = match claims.get("hasgroups") {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => false,
    };
    names.is_some_and(|names| names.contains_key(claim)) || has_groups && claim == "groups"
}

fn name_of(entry: &Value) -> Option<&str> {
    match entry {
        Value::String(name) => Some(name),
        Value::Object(members) => members.get("name")?.as_str(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

fn separated(text: &str, provider: &Provider) -> GroupClaim {
    match provider.group_separator {
        // Of a list that somebody has joined, no name can be believed.
        GroupSeparator::None if text.contains(',') => GroupClaim::Keep(KeptBecause::Unreadable),
        GroupSeparator::None => collected([Some(text)].into_iter(), provider),
        GroupSeparator::Comma => collected(text.split(',').map(|name| Some(name.trim())), provider),
        GroupSeparator::Space => collected(text.split_whitespace().map(Some), provider),
    }
}

fn collected<'c>(entries: impl Iterator<Item = Option<&'c str>>, provider: &Provider) -> GroupClaim {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    let mut skipped = 0;
    for entry in entries {
        let name = entry.map(|name| match name.strip_prefix('/') {
            Some(stripped) if provider.strip_group_slash => stripped,
            _ => name,
        });
        match name {
            // Nothing is no group, and no mistake either.
            Some("") => {}
            Some(name) if name.len() <= NAME_MAX && names.len() < GROUPS_MAX => {
                if seen.insert(name) {
                    names.push(name.to_owned());
                }
            }
            Some(_) | None => skipped += 1,
        }
    }
    GroupClaim::These { names, skipped }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity_providers::provider::ProviderKind;
    use serde_json::json;

    fn provider() -> Provider {
        Provider { groups_claim: "groups".to_owned(), ..Provider::default() }
    }

    fn read(claims: Value, provider: &Provider) -> GroupClaim {
        let Value::Object(members) = claims else { panic!("no object") };
        read_groups(&Claims::from_members(members), provider)
    }

    fn these(names: &[&str], skipped: usize) -> GroupClaim {
        GroupClaim::These { names: names.iter().map(ToString::to_string).collect(), skipped }
    }

    #[test]
    fn lists_texts_and_objects_are_read() {
        let own = provider();
        assert_eq!(read(json!({ "groups": ["b", "a", "b", ""] }), &own), these(&["b", "a"], 0));
        assert_eq!(read(json!({ "groups": [{ "name": "a", "id": 1 }, { "id": 2 }, 3, null] }), &own), these(&["a"], 3));
        assert_eq!(read(json!({ "groups": "a b" }), &own), these(&["a b"], 0));
        assert_eq!(read(json!({ "groups": [] }), &own), these(&[], 0));
        assert_eq!(read(json!({ "groups": "" }), &own), these(&[], 0));
        let nested = Provider { groups_claim: "realm_access.roles".to_owned(), ..provider() };
        assert_eq!(read(json!({ "realm_access": { "roles": ["x"] } }), &nested), these(&["x"], 0));
    }

    #[test]
    fn one_text_is_separated_as_the_settings_say() {
        let comma = Provider { group_separator: GroupSeparator::Comma, ..provider() };
        let space = Provider { group_separator: GroupSeparator::Space, ..provider() };
        assert_eq!(read(json!({ "groups": "a, b c,,a" }), &comma), these(&["a", "b c"], 0));
        assert_eq!(read(json!({ "groups": " a  b,c " }), &space), these(&["a", "b,c"], 0));
        assert_eq!(read(json!({ "groups": "a,b" }), &provider()), GroupClaim::Keep(KeptBecause::Unreadable));
    }

    #[test]
    fn what_cannot_be_read_takes_nobody_out_of_groups() {
        for bad in [json!(1), json!(true), json!({ "a": 1 })] {
            assert_eq!(read(json!({ "groups": bad }), &provider()), GroupClaim::Keep(KeptBecause::Unreadable));
        }
        assert_eq!(read(json!({ "groups": ["a"] }), &Provider::default()), GroupClaim::Keep(KeptBecause::Off));
    }

    #[test]
    fn absent_is_not_empty_where_the_settings_say_so() {
        let entra = Provider { kind: ProviderKind::Entra, ..provider() };
        assert_eq!(read(json!({}), &entra), GroupClaim::Keep(KeptBecause::Absent));
        assert_eq!(read(json!({ "groups": null }), &entra), GroupClaim::Keep(KeptBecause::Absent));
        assert_eq!(read(json!({ "groups": [] }), &entra), these(&[], 0));
        assert_eq!(read(json!({}), &provider()), these(&[], 0));
        let empty = Provider { groups_missing: Some(GroupsMissing::Empty), ..entra };
        assert_eq!(read(json!({}), &empty), these(&[], 0));
    }

    #[test]
    fn groups_that_are_too_many_for_a_token_are_elsewhere_and_not_none() {
        for mark in [
            json!({ "_claim_names": { "groups": "src1" }, "_claim_sources": { "src1": { "endpoint": "https://x" } } }),
            json!({ "hasgroups": true }),
            json!({ "hasgroups": "true" }),
        ] {
            for kind in ProviderKind::ALL {
                let empty = Provider { kind: *kind, groups_missing: Some(GroupsMissing::Empty), ..provider() };
                assert_eq!(read(mark.clone(), &empty), GroupClaim::Elsewhere, "{mark}");
            }
        }
        assert_eq!(read(json!({ "hasgroups": false }), &provider()), these(&[], 0));
        // Roles of an app are in every token.
        let roles = Provider { groups_claim: "roles".to_owned(), ..provider() };
        assert_eq!(read(json!({ "hasgroups": true, "_claim_names": { "groups": "src1" } }), &roles), these(&[], 0));
        assert_eq!(read(json!({ "hasgroups": true, "groups": ["a"] }), &provider()), these(&["a"], 0));
    }

    #[test]
    fn more_than_two_thousand_are_left_out_and_counted() {
        let many: Vec<String> = (0..=GROUPS_MAX).map(|n| n.to_string()).collect();
        let GroupClaim::These { names, skipped } = read(json!({ "groups": many }), &provider()) else { panic!() };
        assert_eq!((names.len(), skipped), (GROUPS_MAX, 1));
        assert_eq!(read(json!({ "groups": ["g".repeat(NAME_MAX + 1)] }), &provider()), these(&[], 1));
    }

    #[test]
    fn only_the_first_slash_is_stripped_and_only_if_asked() {
        let keycloak = Provider { strip_group_slash: true, ..provider() };
        assert_eq!(read(json!({ "groups": ["/eng/backend", "ops"] }), &keycloak), these(&["eng/backend", "ops"], 0));
        assert_eq!(read(json!({ "groups": ["/eng"] }), &provider()), these(&["/eng"], 0));
    }
}
