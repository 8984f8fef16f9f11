//! The search language of the audit log (`enterprise-platform.md` 9.1).

use super::{AuditAction, AuditResource, BuildReason};
use crate::Instant;
use crate::ids::{OrganizationId, UserId};
use crate::search::{self, Narrow, QueryError, once, unknown};
use std::fmt::Display;
use std::str::FromStr;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, Time};
use uuid::Uuid;

/// What the audit log is searched for, with names as they were given; `None` narrows nothing.
///
/// ```
/// use doorward_domain::audit::{AuditAction, AuditResource, parse_audit_query};
/// let query = parse_audit_query("user action:create username:me date_from:2026-01-31").unwrap();
/// assert_eq!((query.resource_type, query.action), (Some(AuditResource::User), Some(AuditAction::Create)));
/// assert_eq!(query.username.as_deref(), Some("me"));
/// assert!(parse_audit_query("action:creation").is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// The request in which it happened.
    pub request_id: Option<Uuid>,
    /// Id of the thing touched.
    pub resource_id: Option<Uuid>,
    /// Its name, lower case.
    pub resource_target: Option<String>,
    /// Id of the user who did it, deleted or not.
    pub user_id: Option<UserId>,
    /// Name of the user who did it, lower case; `me` is the caller.
    pub username: Option<String>,
    /// Mail address of the user who did it, lower case.
    pub email: Option<String>,
    /// On this day, UTC, or later.
    pub date_from: Option<Date>,
    /// On this day, UTC, or earlier.
    pub date_to: Option<Date>,
    /// Id or name of the organization, lower case.
    pub organization: Option<String>,
    /// Kind of the thing touched.
    pub resource_type: Option<AuditResource>,
    /// What was done.
    pub action: Option<AuditAction>,
    /// Why a workspace was built.
    pub build_reason: Option<BuildReason>,
}

/// What a list of records is narrowed to; `None` narrows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The request in which it happened.
    pub request_id: Option<Uuid>,
    /// Id of the thing touched.
    pub resource_id: Option<Uuid>,
    /// Its name, without regard to letter case.
    pub resource_target: Option<String>,
    /// Who did it.
    pub user_id: Option<UserId>,
    /// At this instant or later.
    pub since: Option<Instant>,
    /// Before this instant.
    pub until: Option<Instant>,
    /// The organization it concerns.
    pub organization_id: Option<OrganizationId>,
    /// Kind of the thing touched.
    pub resource_type: Option<AuditResource>,
    /// What was done.
    pub action: Option<AuditAction>,
    /// Why a workspace was built.
    pub build_reason: Option<BuildReason>,
}

/// Reads the text of a search; every term that cannot be understood is reported.
pub fn parse_audit_query(text: &str) -> Result<AuditQuery, Vec<QueryError>> {
    search::parse(text)
}

impl AuditQuery {
    /// The same with the ids that its names stand for.
    #[must_use]
    pub fn with_ids(self, user_id: Option<UserId>, organization_id: Option<OrganizationId>) -> AuditFilter {
        let midnight = |day: Date| day.with_time(Time::MIDNIGHT).assume_utc();
        AuditFilter {
            request_id: self.request_id,
            resource_id: self.resource_id,
            resource_target: self.resource_target,
            user_id,
            since: self.date_from.map(midnight),
            // Nothing is later than the last day there is.
            until: self.date_to.and_then(Date::next_day).map(midnight),
            organization_id,
            resource_type: self.resource_type,
            action: self.action,
            build_reason: self.build_reason,
        }
    }
}

impl Narrow for AuditQuery {
    const BARE: &'static str = "resource_type";

    fn narrow(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "request_id" => one(key, &mut self.request_id, value, |text| parsed(text, "UUID")),
            "resource_id" => one(key, &mut self.resource_id, value, |text| parsed(text, "UUID")),
            "resource_target" => one(key, &mut self.resource_target, value, text),
            "user_id" => one(key, &mut self.user_id, value, |text| parsed(text, "UUID")),
            "username" => one(key, &mut self.username, value, text),
            "email" => one(key, &mut self.email, value, text),
            "date_from" => one(key, &mut self.date_from, value, day),
            "date_to" => one(key, &mut self.date_to, value, day),
            "organization" => one(key, &mut self.organization, value, text),
            "resource_type" => one(key, &mut self.resource_type, value, |text| {
                parsed(text, "resource type").map_err(|error| choices(&error, AuditResource::ALL))
            }),
            "action" => one(key, &mut self.action, value, |text| {
                parsed(text, "action").map_err(|error| choices(&error, AuditAction::ALL))
            }),
            "build_reason" => one(key, &mut self.build_reason, value, |text| {
                parsed(text, "build reason").map_err(|error| choices(&error, BuildReason::ALL))
            }),
            _ => Err(unknown(key)),
        }
    }
}

/// A value that may come once; an empty one is as good as none.
fn one<T>(
    key: &str,
    place: &mut Option<T>,
    value: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<(), String> {
    let value = value.trim();
    if value.is_empty() {
        return Ok(());
    }
    once(key, place, read(value).map_err(|error| format!("Query param `{key}` {error}"))?)
}

#[expect(clippy::unnecessary_wraps, reason = "stands beside readers that fail")]
fn text(value: &str) -> Result<String, String> {
    Ok(value.to_owned())
}

fn parsed<T: FromStr<Err: Display>>(value: &str, what: &str) -> Result<T, String> {
    value.parse().map_err(|error: T::Err| format!("must be a valid {what}: {error}"))
}

fn choices<T: Display>(error: &str, all: &[T]) -> String {
    let all: Vec<String> = all.iter().map(|word| format!("`{word}`")).collect();
    format!("{error}; known are {}", all.join(", "))
}

fn day(value: &str) -> Result<Date, String> {
    const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
    // Years with a sign, which the format takes too, are longer.
    let wanted = "must be a day such as 2026-01-31";
    if value.len() != 10 || !value.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(wanted.to_owned());
    }
    Date::parse(value, DAY).map_err(|error| format!("{wanted}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    #[test]
    fn every_key_is_read() {
        let id = Uuid::from_u128(7);
        let text = format!(
            "request_id:{id} resource_id:{id} Resource_Target:\"A b:C\" user_id:{id} username:Ann email:Ann@Example.com \
             date_from:2026-01-31 date_to:2026-02-28 organization:Acme resource_type:user ACTION:Login \
             build_reason:autostop"
        );
        let expected = AuditQuery {
            request_id: Some(id),
            resource_id: Some(id),
            resource_target: Some("a b:c".to_owned()),
            user_id: Some(UserId(id)),
            username: Some("ann".to_owned()),
            email: Some("ann@example.com".to_owned()),
            date_from: Some(date!(2026 - 01 - 31)),
            date_to: Some(date!(2026 - 02 - 28)),
            organization: Some("acme".to_owned()),
            resource_type: Some(AuditResource::User),
            action: Some(AuditAction::Login),
            build_reason: Some(BuildReason::Autostop),
        };
        assert_eq!(parse_audit_query(&text), Ok(expected));
    }

    #[test]
    fn a_bare_word_is_a_kind_of_thing_and_nothing_narrows_nothing() {
        assert_eq!(parse_audit_query("Api_Key").unwrap().resource_type, Some(AuditResource::ApiKey));
        for nothing in ["", "  ", "\"\"", "action:\"\""] {
            assert_eq!(parse_audit_query(nothing), Ok(AuditQuery::default()), "{nothing}");
        }
        for word in AuditResource::ALL {
            assert_eq!(parse_audit_query(word.as_str()).unwrap().resource_type, Some(*word));
        }
    }

    #[test]
    fn the_last_day_counts_whole() {
        let filter = parse_audit_query("date_from:2026-02-28 date_to:2026-02-28").unwrap().with_ids(None, None);
        assert_eq!(filter.since, Some(datetime!(2026-02-28 00:00 UTC)));
        assert_eq!(filter.until, Some(datetime!(2026-03-01 00:00 UTC)));
        let forever = parse_audit_query("date_to:9999-12-31").unwrap();
        assert_eq!((forever.date_to, forever.with_ids(None, None).until), (Some(Date::MAX), None));
    }

    #[test]
    fn every_defect_is_reported() {
        for (text, fields) in [
            ("a:b:c :x y:", &["q", "q", "q"][..]),
            ("nope:1 resource_id:1 request_id:x", &["nope", "resource_id", "request_id"]),
            ("action:user resource_type:create build_reason:x", &["action", "resource_type", "build_reason"]),
            ("user template", &["resource_type"]),
            ("user resource_type:user", &["resource_type"]),
            ("date_from:2026-1-1 date_to:2026-02-30", &["date_from", "date_to"]),
            ("date_from:-001-01-01 date_to:+2026-01-1", &["date_from", "date_to"]),
            ("username:a username:b user_id:1", &["username", "user_id"]),
            ("email:a email:a organization:a organization:a", &["email", "organization"]),
            ("q:x", &["q"]),
        ] {
            let errors = parse_audit_query(text).unwrap_err();
            let found: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(found, fields, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_refused_at_once() {
        let errors = parse_audit_query(&":x ".repeat(search::QUERY_MAX)).unwrap_err();
        assert_eq!((errors.len(), errors[0].field.as_str()), (1, "q"));
    }
}
