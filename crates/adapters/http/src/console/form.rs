//! Forms of the console: what the token of each is good for, what it leads to, and what the page says when nothing was done.

use super::with_query;
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::Failure;
use crate::kit::extract::form::Form;
use crate::pages::{OUT_OF_DATE, sentence, stale_for_programs};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_services::{Error, FieldError, Principal};
use std::fmt;

/// What a form does, and to what. A token is good for one of these: ids alone would not tell them apart, for the group of all members
/// has the id of its organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About<'a> {
    /// Changes a user.
    User(UserId),
    /// Makes a group.
    NewGroup(OrganizationId),
    /// Changes a group.
    Group(GroupId),
    /// Makes a role.
    NewRole(OrganizationId),
    /// Changes the role of this name.
    Role(OrganizationId, &'a str),
    /// Ends sessions.
    Sessions,
    /// Ends tokens.
    Tokens,
    /// Makes an organization.
    NewOrganization,
    /// Adds, changes and removes members.
    Members(OrganizationId),
    /// Changes or deletes an organization.
    Organization(OrganizationId),
    /// Changes how the organizations, or (`Some`) groups and roles in one, follow identity providers.
    Sync(Option<OrganizationId>),
}

impl fmt::Display for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user/{id}"),
            Self::NewGroup(place) => write!(f, "new-group/{place}"),
            Self::Group(id) => write!(f, "group/{id}"),
            Self::NewRole(place) => write!(f, "new-role/{place}"),
            Self::Role(place, name) => write!(f, "role/{place}/{name}"),
            Self::Sessions => f.write_str("sessions"),
            Self::Tokens => f.write_str("tokens"),
            Self::NewOrganization => f.write_str("new-organization"),
            Self::Members(place) => write!(f, "members/{place}"),
            Self::Organization(place) => write!(f, "organization/{place}"),
            Self::Sync(None) => f.write_str("sync"),
            Self::Sync(Some(place)) => write!(f, "sync/{place}"),
        }
    }
}

impl About<'_> {
    /// The token of the form.
    pub(super) fn token(self, call: &Call, actor: &Principal) -> String {
        csrf::issue(&call.site, actor, Purpose::Console, &self.to_string())
    }

    /// What the page says, if the form that came was not made for this caller and this.
    pub(super) fn stale(self, call: &Call, actor: &Principal, form: &Form) -> Result<Option<Report>, Failure> {
        let token = form.text("csrf_token");
        if csrf::check(call, actor, Purpose::Console, &self.to_string(), token.as_deref()).is_ok() {
            return Ok(None);
        }
        stale_for_programs(call)?;
        Ok(Some(Report::problem(StatusCode::BAD_REQUEST, OUT_OF_DATE)))
    }
}

/// The address of a page that says what has just been done. Anybody can write such an address, so the page believes it by a token
/// that it was given for this alone.
pub(super) fn done_at(call: &Call, actor: &Principal, page: &str, done: &str) -> String {
    done_among(call, actor, page, done, &[])
}

/// The same, of a page that shows what the rest of its query says.
pub(super) fn done_among(call: &Call, actor: &Principal, page: &str, done: &str, rest: &[(&str, &str)]) -> String {
    let token = csrf::issue(&call.site, actor, Purpose::Done, &done_about(page, done));
    with_query(page, &[&[("done", done), ("by", token.as_str())], rest].concat())
}

/// What has just been done, as the address of this page says it.
pub(super) fn done_here(call: &Call, actor: &Principal, page: &str) -> Option<String> {
    let mut query = call.query();
    let (done, token) = (query.text("done")?, query.text("by")?);
    query.done_loosely().ok()?;
    let is_so = csrf::is_issued(&call.site, actor, Purpose::Done, &done_about(page, &done), &token);
    is_so.then_some(done)
}

fn done_about(page: &str, done: &str) -> String {
    format!("{done} {page}")
}

/// What came of a form.
pub(super) enum Outcome {
    /// It is done, and leads on.
    Done(HttpResponse),
    /// Nothing was done. The page is shown again, with what was typed.
    Again(Report),
}

/// Does what a form asks for, if it was made for this caller and this; `act` answers where it leads.
pub(super) async fn carry_out(
    call: &Call,
    actor: &Principal,
    (about, form): (About<'_>, &Form),
    act: impl Future<Output = Result<String, Error>>,
) -> Result<Outcome, Failure> {
    if let Some(report) = about.stale(call, actor, form)? {
        return Ok(Outcome::Again(report));
    }
    Ok(match act.await {
        Ok(path) => Outcome::Done(redirect(StatusCode::SEE_OTHER, &path)),
        Err(error) => Outcome::Again(Report::of(error)?),
    })
}

/// A form that asks for nothing that there is.
pub(super) fn says_nothing() -> Error {
    Error::invalid("This form says nothing that can be done.")
}

/// What a page says above all else: what has just been done, or why nothing was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) status: StatusCode,
    pub(crate) notice: Option<&'static str>,
    pub(crate) problems: Vec<String>,
}

impl Report {
    /// What has been done, if anything has.
    pub(super) fn done(notice: Option<&'static str>) -> Self {
        Self { notice, ..Self::default() }
    }

    /// One thing that is wrong.
    pub(super) fn problem(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, problems: vec![text.into()], notice: None }
    }

    /// The same, and what else is wrong.
    pub(super) fn and(mut self, other: Self) -> Self {
        if self.problems.is_empty() {
            self.status = other.status;
        }
        self.problems.extend(other.problems);
        self.notice = self.notice.filter(|_| self.problems.is_empty());
        self
    }

    /// What went wrong, when it is something that the form can be sent again for; other errors have a page of their own.
    pub(super) fn of(error: Error) -> Result<Self, Failure> {
        let problems = |status, problems| Ok(Self { status, problems, notice: None });
        let one = |status, text: String| problems(status, vec![text]);
        match error {
            Error::Invalid { message, detail, fields } => {
                let mut texts = told(&fields);
                if texts.is_empty() {
                    texts.push(if detail.is_empty() { message } else { format!("{message}: {detail}") });
                }
                let texts = texts.into_iter().map(|text| sentence(&text)).collect();
                problems(StatusCode::BAD_REQUEST, texts)
            }
            Error::Conflict { message, .. } | Error::Precondition(message) | Error::WrongState(message) => {
                one(StatusCode::CONFLICT, message)
            }
            Error::Refused(message) => one(StatusCode::FORBIDDEN, message),
            Error::Forbidden(_) => one(StatusCode::FORBIDDEN, "You may not do this.".to_owned()),
            Error::NoSuch(message) => one(StatusCode::NOT_FOUND, message),
            Error::UserNotFound => {
                one(StatusCode::NOT_FOUND, "There is no such user, or you may not ask about them.".to_owned())
            }
            Error::OrganizationNotFound(name) => {
                one(StatusCode::NOT_FOUND, format!("There is no organization `{name}` that you can see."))
            }
            Error::NotFound
            | Error::Unauthenticated { .. }
            | Error::SecondFactor(_)
            | Error::TooManyAttempts { .. }
            | Error::Unavailable { .. }
            | Error::Upstream(_)
            | Error::Internal(_) => Err(error.into()),
        }
    }
}

/// What is wrong with fields, for a person: details that name a rule are meant for programs.
fn told(fields: &[FieldError]) -> Vec<String> {
    // Of a name that breaks a rule it may be said in words too, which one.
    let in_words = |field: &str| fields.iter().any(|other| other.field == field && rule(&other.detail).is_none());
    let needed = fields.iter().filter(|error| rule(&error.detail).is_none() || !in_words(&error.field));
    needed.map(|FieldError { field, detail }| about(field, rule(detail).unwrap_or(detail))).collect()
}

/// What the rule of a field says.
fn rule(detail: &str) -> Option<&'static str> {
    let tag = detail.strip_prefix("Validation failed for tag \"")?.split('"').next()?;
    Some(match tag {
        "required" => "must be filled in",
        "username" => "must be letters, digits and single hyphens between them, at most 32",
        "group_name" => "must be letters, digits and single hyphens between them, at most 255",
        "group_display_name" => "must have at most 64 characters, and no spaces at either end",
        _ => "is not allowed",
    })
}

/// A detail as it is said of a field of the page.
fn about(field: &str, detail: &str) -> String {
    let label = match field {
        "name" => "The name",
        "display_name" => "The name for people",
        "quota_allowance" => "The quota allowance",
        "description" => "The description",
        "icon" => "The icon",
        "field" => "The claim",
        "mapping" => "The mapping",
        _ => return detail.to_owned(),
    };
    match detail.strip_prefix("Must ").or(detail.strip_prefix("must ")) {
        Some(rest) => format!("{label} must {rest}"),
        None if detail == "is not allowed" => format!("{label} {detail}"),
        None => detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn no_form_is_about_the_same_as_another() {
        // Everyone has the id of its organization.
        let id = Uuid::from_u128(7);
        let (place, group, user) = (OrganizationId(id), GroupId(id), UserId(id));
        let all = [
            About::User(user),
            About::NewGroup(place),
            About::Group(group),
            About::NewRole(place),
            About::Role(place, ""),
            About::Role(place, "cook"),
            About::Sessions,
            About::Tokens,
            About::NewOrganization,
            About::Members(place),
            About::Organization(place),
            About::Sync(None),
            About::Sync(Some(place)),
        ];
        let texts: std::collections::BTreeSet<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), all.len());
    }

    #[test]
    fn rules_are_told_in_words() {
        let said = |fields: &[(&'static str, &str)]| {
            let fields = fields.iter().map(|(field, detail)| FieldError::new(*field, *detail)).collect();
            Report::of(Error::invalid_fields("m", fields)).unwrap().problems
        };
        let broken = "Validation failed for tag \"group_name\" with value: \"a b\"";
        let group = "The name must be letters, digits and single hyphens between them, at most 255.";
        assert_eq!(said(&[("name", broken)]), [group]);
        let words = ("name", "must be 1 to 32 letters");
        assert_eq!(said(&[("name", broken), words]), ["The name must be 1 to 32 letters."]);
        let odd = [("display_name", "Validation failed for tag \"x\" with value: \"\""), ("y", "unknown scope: x")];
        assert_eq!(said(&odd), ["The name for people is not allowed.", "Unknown scope: x."]);
    }

    #[test]
    fn a_page_with_problems_tells_of_nothing_that_was_done() {
        let wrong = Report::problem(StatusCode::CONFLICT, "one");
        assert_eq!(Report::done(Some("done")).and(wrong.clone()), wrong);
        let both = wrong.and(Report::problem(StatusCode::BAD_REQUEST, "two"));
        assert_eq!((both.status, both.problems.len()), (StatusCode::CONFLICT, 2));
        assert_eq!(Report::done(Some("done")).and(Report::default()), Report::done(Some("done")));
    }
}
