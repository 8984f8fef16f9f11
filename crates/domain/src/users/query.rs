//! The search language of user lists (`identity.md` 3.1).

use super::{LoginType, UserStatus};
use crate::Instant;
use time::format_description::well_known::Rfc3339;

/// What a list of users is narrowed to; empty lists and `None` narrow nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserFilter {
    /// Part of the address or the user name, lower case.
    pub search: String,
    /// Any of these states.
    pub statuses: Vec<UserStatus>,
    /// Holding any of these site roles.
    pub roles: Vec<String>,
    /// Any of these login types.
    pub login_types: Vec<LoginType>,
    /// Last seen at this instant or before.
    pub last_seen_before: Option<Instant>,
    /// Last seen at this instant or later.
    pub last_seen_after: Option<Instant>,
    /// Made at this instant or before.
    pub created_before: Option<Instant>,
    /// Made at this instant or later.
    pub created_after: Option<Instant>,
    /// Id at GitHub.
    pub github_user_id: Option<i64>,
}

/// A term that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// The key of the term, or `q`.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

/// Reads the query text of a user list; every term that cannot be understood is reported.
pub fn parse_user_query(text: &str) -> Result<UserFilter, Vec<QueryError>> {
    let mut filter = UserFilter::default();
    let errors = each_term(text, "search", |key, value| filter.narrow(key, value));
    if errors.is_empty() { Ok(filter) } else { Err(errors) }
}

/// Reads a query text of `key:value` terms. Free words are joined and are the value of `default`.
pub(crate) fn each_term(
    text: &str,
    default: &'static str,
    mut narrow: impl FnMut(&str, &str) -> Result<(), String>,
) -> Vec<QueryError> {
    let mut errors = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let lower = text.to_lowercase();
    for term in split_quoted(&lower, char::is_whitespace) {
        let parts = split_quoted(&term, |c| c == ':');
        match parts.as_slice() {
            _ if term.starts_with(':') || term.ends_with(':') => errors.push(QueryError {
                field: "q".into(),
                detail: format!("Query element `{term}` cannot start or end with ':'"),
            }),
            [word] => words.push(unquote(word)),
            [key, value] => {
                if let Err(detail) = narrow(key, &unquote(value)) {
                    errors.push(QueryError { field: key.clone(), detail });
                }
            }
            _ => errors.push(QueryError {
                field: "q".into(),
                detail: format!("Query element `{term}` can only contain 1 ':'"),
            }),
        }
    }
    if !words.is_empty()
        && let Err(detail) = narrow(default, &words.join(" "))
    {
        errors.push(QueryError { field: default.into(), detail });
    }
    errors
}

impl UserFilter {
    fn narrow(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "search" if self.search.is_empty() => value.clone_into(&mut self.search),
            "search" => return Err(repeated(key)),
            "status" => self.statuses.append(&mut list(value)?),
            "login_type" => self.login_types.append(&mut list(value)?),
            "role" => self.roles.extend(items(value).map(str::to_owned)),
            "last_seen_before" => once(key, &mut self.last_seen_before, instant(value)?)?,
            "last_seen_after" => once(key, &mut self.last_seen_after, instant(value)?)?,
            "created_before" => once(key, &mut self.created_before, instant(value)?)?,
            "created_after" => once(key, &mut self.created_after, instant(value)?)?,
            "github_com_user_id" => {
                let id = value.parse().map_err(|error| format!("Query param `{key}` must be a valid integer: {error}"));
                once(key, &mut self.github_user_id, id?)?;
            }
            _ => return Err(unknown(key)),
        }
        Ok(())
    }
}

/// A value that may be given once.
pub(crate) fn once<T>(key: &str, place: &mut Option<T>, value: T) -> Result<(), String> {
    if place.is_some() {
        return Err(repeated(key));
    }
    *place = Some(value);
    Ok(())
}

pub(crate) fn repeated(key: &str) -> String {
    format!("Query param `{key}` provided more than once")
}

pub(crate) fn unknown(key: &str) -> String {
    format!("\"{key}\" is not a valid query param")
}

fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn list<T: std::str::FromStr<Err = super::UnknownValueError>>(value: &str) -> Result<Vec<T>, String> {
    items(value).map(|item| item.parse().map_err(|error: super::UnknownValueError| error.to_string())).collect()
}

fn instant(value: &str) -> Result<Instant, String> {
    Instant::parse(&value.to_uppercase(), &Rfc3339).map_err(|error| format!("must be an RFC 3339 time: {error}"))
}

/// Splits at separators that do not stand between double quotes; empty pieces are left out.
fn split_quoted(text: &str, is_separator: impl Fn(char) -> bool) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        if c == '"' {
            quoted = !quoted;
        }
        if !quoted && is_separator(c) {
            pieces.push(String::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn unquote(text: &str) -> String {
    text.replace('"', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_keys() {
        let filter = parse_user_query("Ann  Lee status:active,Dormant role:owner \"a b:c\"").unwrap();
        assert_eq!(filter.search, "ann lee a b:c");
        assert_eq!(filter.statuses, [UserStatus::Active, UserStatus::Dormant]);
        assert_eq!(filter.roles, ["owner"]);
        let filter = parse_user_query("created_after:\"2023-01-02T03:04:05Z\"").unwrap();
        assert_eq!(filter.created_after, Some(time::macros::datetime!(2023-01-02 03:04:05 UTC)));
    }

    #[test]
    fn lists_add_up_and_single_values_come_once() {
        let filter = parse_user_query("status:active status:dormant role:owner, role:auditor,member").unwrap();
        assert_eq!(filter.statuses, [UserStatus::Active, UserStatus::Dormant]);
        assert_eq!(filter.roles, ["owner", "auditor", "member"]);
        let time = "\"2023-01-02T03:04:05Z\"";
        let mut twice = vec!["search:a search:b".to_owned(), "search:a b".to_owned()];
        twice.push("github_com_user_id:1 github_com_user_id:1".to_owned());
        for key in ["last_seen_before", "last_seen_after", "created_before", "created_after"] {
            twice.push(format!("{key}:{time} {key}:{time}"));
        }
        for text in twice {
            let errors = parse_user_query(&text).unwrap_err();
            assert!(errors.len() == 1 && errors[0].detail.contains("more than once"), "{text}: {errors:?}");
            assert!(text.starts_with(&errors[0].field), "{text}: {errors:?}");
        }
    }

    #[test]
    fn every_bad_term_is_reported() {
        let errors = parse_user_query("a:b:c :x y: status:gone nope:1 created_before:yesterday").unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["q", "q", "q", "status", "nope", "created_before"]);
    }
}
