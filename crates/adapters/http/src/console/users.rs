//! All users: a table that is searched by the language of the API, in pages.

use super::form::{Report, done_here};
use super::pager::{Asked, Count, Pager};
use super::shell::{Screen, Shell, shell};
use super::{path, with_query};
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::{Brand, initial};
use crate::kit::html::moment::TimeElement;
use crate::kit::routes::Routes;
use askama::Template;
use doorward_domain::Instant;
use doorward_domain::users::UserStatus;
use doorward_services::Principal;
use doorward_services::appearance::of_pages;
use doorward_services::users::{self, UserList, UserView};
use std::borrow::Cow;

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
    pub(crate) report: Report,
    pub(crate) rows: Vec<Row>,
    pub(crate) pager: Pager,
}

only_logo!(UsersPage);

/// Lists the users that the caller may read.
#[utoipa::path(
    get, path = paths::USERS, tag = "pages", operation_id = "users_page",
    params(
        ("q" = Option<String>, Query, description = "Search: free words and `key:value` terms"),
        ("after" = Option<Uuid>, Query, description = "Only users after this one"),
        ("done" = Option<String>, Query, description = "What has just been done"),
        ("by" = Option<String>, Query, description = "The proof that it was: a link of somebody else says nothing"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let asked = Asked::read(&mut query);
    query.done_loosely()?;
    let (found, mut report) = match users::list(call.context(), &actor, &asked.text, asked.page()).await {
        Ok(found) => (found, Report::default()),
        Err(error) => (UserList::default(), Report::of(error)?),
    };
    let done = done_here(&call, &actor, paths::USERS);
    report = Report::done((done.as_deref() == Some("deleted")).then_some("The account is deleted.")).and(report);
    let ids: Vec<String> = found.users.iter().map(|view| view.user.id.to_string()).collect();
    let look = of_pages(call.context()).await;
    let now = call.now();
    let page = UsersPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(&call, &actor, Screen::Users, None).await?,
        chips: chips(&asked.text),
        pager: Pager::of(paths::USERS, &asked, &ids, Count::FromHere(found.count), "user"),
        rows: found.users.into_iter().map(|view| row(view, now)).collect(),
        query: asked.text,
        report,
    };
    Ok(render(page.report.status, &page, &FormAction::own()))
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
