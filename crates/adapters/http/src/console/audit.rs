//! The audit log: a search, what occurs how often in it, and its records.

use super::audit_row::{Row, narrowed, row, says};
use super::form::Report;
use super::pager::{Asked, Pager};
use super::shell::{Screen, Shell, shell};
use super::with_query;
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::Brand;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_services::appearance::of_pages;
use doorward_services::audit::{self, AuditFacets, AuditList};
use doorward_services::{Error, Principal};

/// So many values of a facet are offered.
const OFFERED: usize = 8;
/// From so many records on they are not counted any more.
const COUNTED: u64 = 100_000;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Console);
    r.user(__path_list, list).no_store();
    r.user(__path_short, short);
}

/// A value that the search can be narrowed to, or is.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) text: String,
    pub(crate) count: u64,
    pub(crate) href: String,
    pub(crate) is_on: bool,
}

/// What the search can be narrowed by.
#[derive(Clone, Debug)]
pub(crate) struct Facet {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) values: Vec<Value>,
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "console/audit.html")]
pub(crate) struct AuditPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) query: String,
    pub(crate) facets: Vec<Facet>,
    pub(crate) rows: Vec<Row>,
    pub(crate) pager: Pager,
    /// Where the records are given as a file; `None` when the search cannot be understood.
    pub(crate) exports: Option<[(&'static str, String); 2]>,
    pub(crate) report: Report,
}

only_logo!(AuditPage);

/// Lists the records that the caller may read, newest first.
#[utoipa::path(
    get, path = paths::AUDIT, tag = "pages", operation_id = "audit_page",
    params(
        ("q" = Option<String>, Query, description = "Search: `key:value` terms; a bare word is a resource type"),
        ("after" = Option<Uuid>, Query, description = "Only records behind this one, which are older"),
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
    let found = match audit::list(call.context(), &actor, &asked.text, asked.page()).await {
        Ok(found) => Ok((found, audit::facets(call.context(), &actor, &asked.text).await?)),
        // Not allowed to see any: that is a page of its own.
        Err(error @ Error::Forbidden(_)) => return Err(error.into()),
        Err(error) => Err(Report::of(error)?),
    };
    let is_understood = found.is_ok();
    let ((found, facets), report) = match found {
        Ok(found) => (found, Report::default()),
        Err(report) => (<(AuditList, AuditFacets)>::default(), report),
    };
    let now = call.now();
    let rows: Vec<Row> = found.entries.iter().map(|listed| row(listed, now)).collect();
    let here = |after: &str| with_query(paths::AUDIT, &[("q", &asked.text), ("after", after)]);
    let links = (asked.is_later().then(|| here("")), rows.last().map(|last| here(&last.id)));
    let export =
        |text, format| (text, with_query("/api/v2/audit/export", &[("q", asked.text.as_str()), ("format", format)]));
    let look = of_pages(call.context()).await;
    let page = AuditPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(&call, &actor, Screen::Audit, None).await?,
        facets: offered(&asked.text, &facets),
        pager: Pager::at(links, rows.len(), found.count, "record").or_more(found.count >= COUNTED),
        exports: is_understood.then(|| [export("CSV", "csv"), export("JSON lines", "jsonl")]),
        rows,
        query: asked.text.clone(),
        report,
    };
    Ok(render(page.report.status, &page, &FormAction::own()))
}

/// Leads to the audit log; `filter` is what Coder's dashboard calls `q`.
#[utoipa::path(
    get, path = paths::AUDIT_SHORT, tag = "pages", operation_id = "audit_page_short",
    params(
        ("q" = Option<String>, Query, description = "Search"),
        ("filter" = Option<String>, Query, description = "The same"),
    ),
    responses((status = 303, description = "To the audit log")),
)]
pub(crate) async fn short(call: Call, _: Principal) -> HandlerResult {
    let mut query = call.query();
    let (text, filter) = (query.text("q"), query.text("filter"));
    query.done_loosely()?;
    let text = text.or(filter).unwrap_or_default();
    Ok(redirect(StatusCode::SEE_OTHER, &with_query(paths::AUDIT, &[("q", &text)])))
}

/// What the search can be narrowed by, the most frequent first. What it is narrowed to leads back.
fn offered(query: &str, facets: &AuditFacets) -> Vec<Facet> {
    let value = |key: &str, word: &str, text: &str, count: u64| {
        let is_on = says(query, key, word);
        let narrowed = narrowed(query, key, (!is_on).then_some(word));
        let href = with_query(paths::AUDIT, &[("q", &narrowed)]);
        Value { text: text.to_owned(), count, href, is_on }
    };
    let spaced = |word: &str| word.replace('_', " ");
    let actions = facets.actions.iter().take(OFFERED);
    let actions = actions.map(|(word, count)| value("action", word.as_str(), &spaced(word.as_str()), *count));
    let kinds = facets.resource_types.iter().take(OFFERED);
    let kinds = kinds.map(|(word, count)| value("resource_type", word.as_str(), &spaced(word.as_str()), *count));
    let users = facets.users.iter().filter_map(|(user, count)| {
        let (_, name) = user.as_ref()?;
        Some(value("username", name, name, *count))
    });
    let facets = [
        Facet { id: "actions", title: "What was done", values: actions.collect() },
        Facet { id: "kinds", title: "To what", values: kinds.collect() },
        Facet { id: "users", title: "By whom", values: users.take(OFFERED).collect() },
    ];
    facets.into_iter().filter(|facet| !facet.values.is_empty()).collect()
}
