//! The deployment at a glance: what is still to be done, figures, and what happened last.

use super::audit_row::{Row, row};
use super::shell::{Screen, Shell, shell};
use super::with_query;
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::Brand;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_domain::page::Page;
use doorward_services::appearance::of_pages;
use doorward_services::deployment::{self, Bounded, Checklist};
use doorward_services::{Error, Principal, audit};

/// So many records are shown.
const NEWEST: u32 = 8;
/// Height of the bars of a figure, in the units of its picture.
const HEIGHT: u64 = 24;

pub(crate) fn routes(routes: &mut Routes) {
    routes.of(&Console).user(__path_show, show).no_store();
}

/// Something that is done, or is not.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) is_done: bool,
    pub(crate) text: &'static str,
    /// Why, and what to do; empty when it is done.
    pub(crate) advice: &'static str,
}

/// A number.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) title: &'static str,
    pub(crate) value: String,
    /// Where it is seen what is counted.
    pub(crate) href: Option<String>,
}

/// What happened in each of the last minutes.
#[derive(Clone, Debug)]
pub(crate) struct Spark {
    pub(crate) title: &'static str,
    pub(crate) total: u64,
    pub(crate) bars: Vec<Bar>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) x: usize,
    pub(crate) y: u64,
    pub(crate) height: u64,
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "console/overview.html")]
pub(crate) struct OverviewPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) sparks: Vec<Spark>,
    /// `None` for those who may not read the audit log.
    pub(crate) newest: Option<Vec<Row>>,
}

only_logo!(OverviewPage);

/// Shows the deployment at a glance.
#[utoipa::path(
    get, path = paths::OVERVIEW, tag = "pages", operation_id = "overview_page",
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn show(call: Call, actor: Principal) -> HandlerResult {
    let ctx = call.context();
    let figures = deployment::overview(ctx, &actor).await?;
    let tasks = match deployment::checklist(ctx, &actor).await {
        Ok(found) => tasks(found),
        Err(Error::Forbidden(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let page = Page { limit: Some(NEWEST), ..Page::default() };
    let newest = match audit::list(ctx, &actor, "", page).await {
        Ok(found) => Some(found.entries.iter().map(|listed| row(listed, call.now())).collect()),
        Err(Error::Forbidden(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let rates = &call.site.rates;
    let spark = |title, minutes: Vec<u64>| Spark { title, total: minutes.iter().sum(), bars: bars(&minutes) };
    let users = |title, count: u64, status| Figure {
        title,
        value: count.to_string(),
        href: Some(with_query(paths::USERS, &[("q", status)])),
    };
    let look = of_pages(ctx).await;
    let page = OverviewPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(&call, &actor, Screen::Overview, None).await?,
        tasks,
        figures: vec![
            users("Active users", figures.active, "status:active"),
            users("Dormant users", figures.dormant, "status:dormant"),
            users("Suspended users", figures.suspended, "status:suspended"),
            Figure { title: "Sessions", value: bounded(figures.sessions), href: Some(paths::SESSIONS.to_owned()) },
        ],
        sparks: vec![
            spark("Tokens issued", rates.tokens.by_minute(figures.collected_at)),
            spark("Sign-ins with a password", rates.sign_ins.by_minute(figures.collected_at)),
            spark("Refused sign-ins", rates.failed_sign_ins.by_minute(figures.collected_at)),
        ],
        newest,
    };
    Ok(render(StatusCode::OK, &page, &FormAction::own()))
}

fn bounded(number: Bounded) -> String {
    if number.is_exact { number.count.to_string() } else { format!("{} or more", number.count) }
}

fn tasks(found: Checklist) -> Vec<Task> {
    let task = |is_done, text, advice| Task { is_done, text, advice: if is_done { "" } else { advice } };
    vec![
        task(
            found.is_encrypted,
            "People reach this server by https",
            "Put a proxy with a certificate before it, and name its address in the setting access_url.",
        ),
        task(
            found.has_mail,
            "Mail can be sent",
            "Without it nobody gets a passcode for a new password. The settings are those of the section email.",
        ),
        task(
            found.has_second_owner,
            "There is a second owner",
            "If the only one is locked out, help comes from the command line of the server alone.",
        ),
        task(
            found.has_provider,
            "People sign in at an identity provider",
            "Without one each has a password here. The settings are those of the sections oidc and github.",
        ),
    ]
}

/// The bars of minutes in which anything happened; the highest fills the picture.
fn bars(minutes: &[u64]) -> Vec<Bar> {
    let most = minutes.iter().copied().max().unwrap_or(0).max(1);
    let bar = |(x, count): (usize, &u64)| {
        let height = (count.saturating_mul(HEIGHT) / most).max(2);
        Bar { x: x * 3, y: HEIGHT.saturating_sub(height), height }
    };
    minutes.iter().enumerate().filter(|(_, count)| **count > 0).map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_on_the_ground_and_none_that_counts_is_lost() {
        assert!(bars(&[0; 60]).is_empty());
        let found = bars(&[0, 1, 0, 1_000]);
        assert_eq!(found, [Bar { x: 3, y: HEIGHT - 2, height: 2 }, Bar { x: 9, y: 0, height: HEIGHT }]);
        assert!(found.iter().all(|bar| bar.y + bar.height == HEIGHT));
    }

    #[test]
    fn numbers_with_a_bound_say_so() {
        assert_eq!(bounded(Bounded { count: 7, is_exact: true }), "7");
        assert_eq!(bounded(Bounded { count: 10_000, is_exact: false }), "10000 or more");
    }
}
