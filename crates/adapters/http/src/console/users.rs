//! All users: a table that is searched by the language of the API, in pages.

use super::shell::{Screen, Shell, shell};
use super::{path, told, with_query};
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::html::headers::{FormAction, Illustrated, render};
use crate::kit::html::layout::{Brand, initial};
use crate::kit::html::moment::TimeElement;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_domain::Instant;
use doorward_domain::page::Page;
use doorward_domain::users::UserStatus;
use doorward_services::Principal;
use doorward_services::appearance::of_pages;
use doorward_services::users::{self, UserList, UserView};
use std::borrow::Cow;
use uuid::Uuid;

/// Rows of a page.
pub(super) const ROWS: u32 = 25;

pub(crate) fn routes(routes: &mut Routes) {
    routes.of(&Console).user(__path_list, list);
}

/// One user.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) initial: Cow<'static, str>,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) href: String,
    pub(crate) status: &'static str,
    pub(crate) roles: Vec<String>,
    pub(crate) login_type: &'static str,
    pub(crate) last_seen: Option<TimeElement>,
}

/// A search that many want.
#[derive(Clone, Debug)]
pub(crate) struct Chip {
    pub(crate) text: &'static str,
    pub(crate) href: String,
    pub(crate) is_on: bool,
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "console/users.html")]
pub(crate) struct UsersPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) query: String,
    pub(crate) chips: Vec<Chip>,
    pub(crate) problems: Vec<String>,
    pub(crate) rows: Vec<Row>,
    /// How many match, from the first of this page on.
    pub(crate) summary: String,
    pub(crate) first: Option<String>,
    pub(crate) next: Option<String>,
}

impl Illustrated for UsersPage<'_> {
    fn pictures(&self) -> Vec<&str> {
        self.brand.logo_url.into_iter().collect()
    }
}

/// Lists the users that the caller may read.
#[utoipa::path(
    get, path = paths::USERS, tag = "pages", operation_id = "users_page",
    params(
        ("q" = Option<String>, Query, description = "Search: free words and `key:value` terms"),
        ("after" = Option<Uuid>, Query, description = "Only users after this one"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let (text, after) = (query.text("q").unwrap_or_default(), query.parsed::<Uuid>("after", "UUID"));
    query.done_loosely()?;
    let page = Page { limit: Some(ROWS), offset: 0, after_id: after };
    let (found, problems) = match users::list(call.context(), &actor, &text, page).await {
        Ok(found) => (found, Vec::new()),
        Err(error) => (UserList::default(), told(error)?),
    };
    let shown = found.users.len();
    let last = found.users.last().map(|view| view.user.id.to_string()).unwrap_or_default();
    let is_more = u64::try_from(shown).is_ok_and(|shown| shown < found.count);
    let look = of_pages(call.context()).await;
    let now = call.now();
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = UsersPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(&call, &actor, Screen::Users, None).await?,
        chips: chips(&text),
        summary: summary(shown, found.count, after.is_some(), "user"),
        rows: found.users.into_iter().map(|view| row(view, now)).collect(),
        first: after.is_some().then(|| with_query(paths::USERS, &[("q", &text)])),
        next: is_more.then(|| with_query(paths::USERS, &[("q", &text), ("after", &last)])),
        query: text,
        problems,
    };
    Ok(render(status, &page, &FormAction::own()))
}

/// How many there are, in words.
pub(super) fn summary(shown: usize, count: u64, is_later: bool, what: &str) -> String {
    let things = |count: u64| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
    match (count, is_later) {
        (0, true) => format!("No more {what}s"),
        (0, false) => format!("No {what}s"),
        (count, _) if u64::try_from(shown).is_ok_and(|shown| shown >= count) && is_later => {
            format!("The last {}", things(count))
        }
        (count, true) => format!("{shown} of the {} from here on", things(count)),
        (count, false) => things(count),
    }
}

fn chips(query: &str) -> Vec<Chip> {
    let chip = |(text, search): (&'static str, &str)| Chip {
        text,
        href: with_query(paths::USERS, &[("q", search)]),
        is_on: query == search,
    };
    [
        ("All", ""),
        ("Active", "status:active"),
        ("Dormant", "status:dormant"),
        ("Suspended", "status:suspended"),
        ("Owners", "role:owner"),
        ("Auditors", "role:auditor"),
        ("Service accounts", "service_account:true"),
    ]
    .map(chip)
    .into()
}

fn row(view: UserView, now: Instant) -> Row {
    let UserView { user, roles, .. } = view;
    let shown = if user.name.as_str().is_empty() { user.username.as_str() } else { user.name.as_str() };
    Row {
        initial: initial(shown),
        href: path(paths::USER, &[user.username.as_str()]),
        email: user.shown_email().to_owned(),
        status: status_word(user.status),
        roles: roles.into_iter().map(|role| role.display_name).collect(),
        login_type: login_word(user.login_type.as_str(), user.is_service_account()),
        last_seen: user.last_seen_at.map(|seen| TimeElement::ago(seen, now)),
        name: user.name.as_str().to_owned(),
        username: user.username.as_str().to_owned(),
    }
}

pub(super) const fn status_word(status: UserStatus) -> &'static str {
    match status {
        UserStatus::Active => "Active",
        UserStatus::Dormant => "Dormant",
        UserStatus::Suspended => "Suspended",
    }
}

pub(super) fn login_word(login_type: &str, is_program: bool) -> &'static str {
    match login_type {
        _ if is_program => "Service account",
        "password" => "Password",
        "github" => "GitHub",
        "oidc" => "OpenID Connect",
        _ => "None",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_told_as_it_is() {
        assert_eq!(summary(0, 0, false, "user"), "No users");
        assert_eq!(summary(1, 1, false, "user"), "1 user");
        assert_eq!(summary(25, 60, false, "user"), "60 users");
        assert_eq!(summary(25, 35, true, "user"), "25 of the 35 users from here on");
        assert_eq!(summary(10, 10, true, "user"), "The last 10 users");
        assert_eq!(summary(0, 0, true, "user"), "No more users");
    }
}
