//! The search language of user lists (`identity.md` 3.1).

use super::{LoginType, UserStatus};
use crate::Instant;
use crate::roles::MEMBER;
use crate::search::{self, Narrow, QueryError, once, repeated, unknown};
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
    /// Part of the real name, lower case; empty narrows nothing.
    pub name: String,
    /// Only service accounts, or only others.
    pub service_account: Option<bool>,
}

impl UserFilter {
    /// Whether users of any roles are listed: everybody is a member.
    #[must_use]
    pub fn takes_any_role(&self) -> bool {
        self.roles.is_empty() || self.roles == [MEMBER]
    }
}

/// Reads the query text of a user list; every term that cannot be understood is reported.
///
/// ```
/// use doorward_domain::users::{UserStatus, parse_user_query};
///
/// let filter = parse_user_query("ann status:active").unwrap();
/// assert_eq!((filter.search.as_str(), filter.statuses), ("ann", vec![UserStatus::Active]));
/// assert_eq!(parse_user_query("flying:yes").unwrap_err()[0].field, "flying");
/// ```
pub fn parse_user_query(text: &str) -> Result<UserFilter, Vec<QueryError>> {
    search::parse(text)
}

impl Narrow for UserFilter {
    const BARE: &'static str = "search";

    fn narrow(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "search" if self.search.is_empty() => value.clone_into(&mut self.search),
            "status" => self.statuses.append(&mut list(value)?),
            "login_type" => self.login_types.append(&mut list(value)?),
            "role" => search::add(key, &mut self.roles, items(value))?,
            "last_seen_before" => once(key, &mut self.last_seen_before, instant(value)?)?,
            "last_seen_after" => once(key, &mut self.last_seen_after, instant(value)?)?,
            "created_before" => once(key, &mut self.created_before, instant(value)?)?,
            "created_after" => once(key, &mut self.created_after, instant(value)?)?,
            "github_com_user_id" => {
                let id = value.parse().map_err(|error| format!("Query param `{key}` must be a valid integer: {error}"));
                once(key, &mut self.github_user_id, id?)?;
            }
            "name" if self.name.is_empty() => value.clone_into(&mut self.name),
            "search" | "name" => return Err(repeated(key)),
            "service_account" => {
                let wanted = match value {
                    "true" => true,
                    "false" => false,
                    _ => return Err(format!("Query param `{key}` must be true or false")),
                };
                once(key, &mut self.service_account, wanted)?;
            }
            _ => return Err(unknown(key)),
        }
        Ok(())
    }
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
    fn neither_text_nor_list_can_be_of_any_length() {
        assert_eq!(parse_user_query(&"role:owner,owner ".repeat(500)).unwrap().roles, ["owner"]);
        let roles = |n: usize| (0..n).map(|i| format!("r{i}")).collect::<Vec<_>>().join(",");
        assert_eq!(parse_user_query(&format!("role:{}", roles(100))).unwrap().roles.len(), 100);
        let errors = parse_user_query(&format!("role:{}", roles(101))).unwrap_err();
        assert_eq!((errors.len(), errors[0].field.as_str()), (1, "role"));
        let long = "a".repeat(search::QUERY_MAX);
        assert_eq!(parse_user_query(&long).unwrap().search, long);
        assert_eq!(parse_user_query(&(long + "a")).unwrap_err()[0].field, "q");
    }

    #[test]
    fn lists_add_up_and_single_values_come_once() {
        let filter = parse_user_query("status:active status:dormant role:owner, role:auditor,member").unwrap();
        assert_eq!(filter.statuses, [UserStatus::Active, UserStatus::Dormant]);
        assert_eq!(filter.roles, ["owner", "auditor", "member"]);
        let time = "\"2023-01-02T03:04:05Z\"";
        let mut twice = vec!["search:a search:b".to_owned(), "search:a b".to_owned()];
        twice.push("github_com_user_id:1 github_com_user_id:1".to_owned());
        twice.push("name:a name:b".to_owned());
        twice.push("service_account:true service_account:true".to_owned());
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
    fn real_names_and_service_accounts() {
        let filter = parse_user_query("name:\"Ann Lee\" service_account:TRUE x").unwrap();
        let expected = UserFilter {
            name: "ann lee".to_owned(),
            service_account: Some(true),
            search: "x".to_owned(),
            ..UserFilter::default()
        };
        assert_eq!(filter, expected);
        assert_eq!(parse_user_query("service_account:false").unwrap().service_account, Some(false));
        assert_eq!(parse_user_query("service_account:yes").unwrap_err()[0].field, "service_account");
    }

    #[test]
    fn every_bad_term_is_reported() {
        let errors = parse_user_query("a:b:c :x y: status:gone nope:1 created_before:yesterday").unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["q", "q", "q", "status", "nope", "created_before"]);
    }
}
