//! The console: pages on which people see, explain and change who may do what.
//!
//! Every screen has an address and works by plain requests. What it shows and does is done by the use cases of the API, which ask
//! what the caller may; the menu only leaves out what would be refused.

mod access;
mod answer;
mod groups;
mod matrix;
mod roles;
mod shell;
mod site_roles;
mod user;
mod users;

use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::error::Failure;
use crate::kit::extract::form::Form;
use crate::kit::routes::Routes;
use crate::pages::stale_for_programs;
use doorward_services::{Error, Principal};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

pub(crate) fn routes(routes: &mut Routes) {
    access::routes(routes);
    users::routes(routes);
    user::routes(routes);
    site_roles::routes(routes);
    roles::routes(routes);
    groups::routes(routes);
}

/// The path of a page with its parameters filled in, in their order.
fn path(pattern: &str, segments: &[&str]) -> String {
    const SEGMENT: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'+')
        .add(b'/')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'\\')
        .add(b'`')
        .add(b'{')
        .add(b'}');
    let mut segments = segments.iter();
    let filled = pattern.split('/').map(|part| {
        if part.starts_with('{') {
            segments.next().map(|text| utf8_percent_encode(text, SEGMENT).to_string()).unwrap_or_default()
        } else {
            part.to_owned()
        }
    });
    filled.collect::<Vec<_>>().join("/")
}

/// A path with a query; what is empty is left out.
fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = query.iter().filter(|(_, value)| !value.is_empty()).collect();
    if pairs.is_empty() {
        return path.to_owned();
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{path}?{query}")
}

/// The token of a form about something.
fn token(call: &Call, actor: &Principal, about: &str) -> String {
    csrf::issue(&call.site, actor, Purpose::Console, about)
}

/// Whether a form was made for this caller and this thing; else the page is shown again.
fn is_fresh(call: &Call, actor: &Principal, about: &str, form: &Form) -> Result<bool, Failure> {
    let token = form.text("csrf_token");
    if csrf::check(call, actor, Purpose::Console, about, token.as_deref()).is_ok() {
        return Ok(true);
    }
    stale_for_programs(call)?;
    Ok(false)
}

/// What went wrong, when it is something that the form can be sent again for; other errors have a page of their own.
fn told(error: Error) -> Result<Vec<String>, Failure> {
    match error {
        Error::Invalid { message, detail, fields } => {
            let mut texts: Vec<String> = fields.into_iter().map(|field| field.detail).collect();
            if texts.is_empty() {
                texts.push(if detail.is_empty() { message } else { format!("{message}: {detail}") });
            }
            Ok(texts)
        }
        Error::Conflict { message, .. }
        | Error::Refused(message)
        | Error::Precondition(message)
        | Error::WrongState(message)
        | Error::NoSuch(message) => Ok(vec![message]),
        Error::UserNotFound => Ok(vec!["There is no such user, or you may not ask about them.".to_owned()]),
        Error::OrganizationNotFound(name) => Ok(vec![format!("There is no organization `{name}` that you can see.")]),
        Error::Forbidden(_) => Ok(vec!["You may not do this.".to_owned()]),
        Error::NotFound
        | Error::Unauthenticated { .. }
        | Error::SecondFactor(_)
        | Error::TooManyAttempts { .. }
        | Error::Unavailable { .. }
        | Error::Upstream(_)
        | Error::Internal(_) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_into_paths_as_one_segment() {
        assert_eq!(path("/a/{x}/b/{y}", &["c d", "e/f%"]), "/a/c%20d/b/e%2Ff%25");
        assert_eq!(path("/a", &[]), "/a");
        assert_eq!(with_query("/a", &[("q", "x y"), ("after", "")]), "/a?q=x+y");
        assert_eq!(with_query("/a", &[("q", "")]), "/a");
    }
}
