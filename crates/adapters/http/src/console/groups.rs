//! The groups of an organization.

use super::form::{About, Outcome, Report, carry_out, done_at, done_here};
use super::pager::{Asked, Count, Pager};
use super::path;
use super::shell::{Screen, Shell, shell, shown_name};
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::Brand;
use crate::kit::routes::Routes;
use askama::Template;
use doorward_domain::entitlements::Feature;
use doorward_domain::groups::{Group, GroupSource};
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, Object, ResourceType};
use doorward_services::appearance::of_pages;
use doorward_services::groups::{self, CreateGroup, GroupList};
use doorward_services::{Error, Principal, organizations};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Console);
    r.user(__path_list, list).needs(Feature::TemplateRbac);
    r.user(__path_create, create).needs(Feature::TemplateRbac);
}

/// One group.
#[derive(Clone, Debug)]
pub(crate) struct GroupRow {
    pub(crate) name: String,
    pub(crate) shown: String,
    pub(crate) href: String,
    pub(crate) members: u64,
    pub(crate) source: &'static str,
    pub(crate) allowance: i32,
}

/// The list.
#[derive(Clone, Debug, Template)]
#[template(path = "console/groups.html")]
pub(crate) struct GroupsPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) title: String,
    pub(crate) href: String,
    pub(crate) csrf_token: String,
    pub(crate) query: String,
    pub(crate) rows: Vec<GroupRow>,
    pub(crate) pager: Pager,
    pub(crate) may_create: bool,
    /// What was typed for a new one.
    pub(crate) new_name: String,
    pub(crate) new_display_name: String,
    pub(crate) report: Report,
}

only_logo!(GroupsPage);

/// Lists the groups of an organization.
#[utoipa::path(
    get, path = paths::GROUPS, tag = "pages", operation_id = "groups_page",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("q" = Option<String>, Query, description = "Part of the name or the display name"),
        ("after" = Option<Uuid>, Query, description = "Only groups after this one"),
        ("done" = Option<String>, Query, description = "What has just been done"),
        ("by" = Option<String>, Query, description = "The proof that it was: a link of somebody else says nothing"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    let done = done_here(&call, &actor, &path(paths::GROUPS, &[place.name.as_str()]));
    let report = Report::done((done.as_deref() == Some("deleted")).then_some("The group is deleted."));
    list_page(&call, &actor, &place, &Form::default(), report).await
}

async fn list_page(
    call: &Call,
    actor: &Principal,
    place: &Organization,
    form: &Form,
    mut report: Report,
) -> HandlerResult {
    let mut query = call.query();
    let asked = Asked::read(&mut query);
    query.done_loosely()?;
    let mut found =
        match groups::page(call.context(), actor, &call.organization(), &asked.text, asked.page_and_one()).await {
            Ok(found) => found,
            // Not allowed to see any: that is a page of its own.
            Err(error @ Error::Forbidden(_)) => return Err(error.into()),
            Err(error) => {
                report = report.and(Report::of(error)?);
                GroupList::default()
            }
        };
    let name = place.name.as_str();
    let here = path(paths::GROUPS, &[name]);
    let is_more = Asked::cut(&mut found.groups);
    let ids: Vec<String> = found.groups.iter().map(|(found, _)| found.group.id.to_string()).collect();
    let object = Object::new(ResourceType::Group).organization(place.id.0);
    let look = of_pages(call.context()).await;
    let page = GroupsPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Groups, Some(place)).await?,
        title: format!("Groups in {}", shown_name(place)),
        csrf_token: About::NewGroup(place.id).token(call, actor),
        rows: found.groups.iter().map(|(found, members)| group_row(name, &found.group, *members)).collect(),
        pager: Pager::of(&here, &asked, &ids, Count::All(found.count, is_more), "group"),
        may_create: actor.subject.allows(Action::Create, &object),
        href: here,
        query: asked.text,
        new_name: form.text("name").unwrap_or_default(),
        new_display_name: form.text("display_name").unwrap_or_default(),
        report,
    };
    Ok(render(page.report.status, &page, &FormAction::own()))
}

fn group_row(place: &str, group: &Group, members: u64) -> GroupRow {
    let name = group.name.as_str();
    let shown = if group.display_name.is_empty() { name } else { group.display_name.as_str() };
    GroupRow {
        name: name.to_owned(),
        shown: shown.to_owned(),
        href: path(paths::GROUP, &[place, name]),
        members,
        source: match group.source {
            GroupSource::User => "People",
            GroupSource::Oidc => "Identity provider",
        },
        allowance: group.quota_allowance,
    }
}

/// The form of a new group.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewGroupPageForm)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub(crate) struct CreateForm {
    csrf_token: String,
    name: String,
    #[schema(required = false)]
    display_name: String,
}

/// Makes a group.
#[utoipa::path(
    post, path = paths::GROUPS, tag = "pages", operation_id = "create_group_page",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    request_body(content = CreateForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Done, or the user must sign in first"),
    ),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let form = call.form()?;
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    let done = async {
        let text = |field: &str| form.text(field).unwrap_or_default();
        let command = CreateGroup { name: text("name"), display_name: text("display_name"), ..CreateGroup::default() };
        let view = groups::create(call.context(), &actor, &call.organization(), command).await?;
        let there = path(paths::GROUP, &[place.name.as_str(), view.group.name.as_str()]);
        Ok(done_at(&call, &actor, &there, "made"))
    };
    match carry_out(&call, &actor, (About::NewGroup(place.id), &form), done).await? {
        Outcome::Done(response) => Ok(response),
        Outcome::Again(report) => list_page(&call, &actor, &place, &form, report).await,
    }
}
