//! The members of an organization: who they are, what roles they have there, and who comes and goes.

use super::form::{About, Outcome, Report, carry_out, done_among, done_here, says_nothing};
use super::pager::{Asked, Count, Pager};
use super::path;
use super::shell::{Screen, Shell, shell, shown_name};
use super::users::status_word;
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::{Brand, initial};
use crate::kit::routes::Routes;
use askama::Template;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, Object, ResourceType};
use doorward_services::appearance::of_pages;
use doorward_services::members::{self, MemberList, MemberView};
use doorward_services::organizations::{self, OrganizationRef};
use doorward_services::roles::{self, AssignableRole};
use doorward_services::users::UserRef;
use doorward_services::{Error, Principal};
use serde::Deserialize;
use std::borrow::Cow;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Console);
    r.user(__path_show, show);
    r.user(__path_change, change);
}

/// A role that can be given.
#[derive(Clone, Debug)]
pub(crate) struct RoleChoice {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) is_held: bool,
    /// Whether it is held, or was chosen in a form that is shown again.
    pub(crate) is_chosen: bool,
    /// Whether the caller may give and take it.
    pub(crate) is_free: bool,
}

/// A member.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) initial: Cow<'static, str>,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) status: &'static str,
    pub(crate) roles: String,
    /// What can be given and taken; empty if the caller may not.
    pub(crate) choices: Vec<RoleChoice>,
    /// Whether the form of this one was sent and is shown again.
    pub(crate) is_again: bool,
    pub(crate) may_remove: bool,
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "console/members.html")]
pub(crate) struct MembersPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) csrf_token: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) href: String,
    pub(crate) query: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) pager: Pager,
    pub(crate) may_add: bool,
    /// The name that was typed of somebody to be added.
    pub(crate) new: String,
    pub(crate) report: Report,
}

only_logo!(MembersPage);

/// Lists the members of an organization.
#[utoipa::path(
    get, path = paths::MEMBERS, tag = "pages", operation_id = "members_page",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("q" = Option<String>, Query, description = "Part of the name or the address, and `key:value` terms"),
        ("after" = Option<Uuid>, Query, description = "Only members after this one"),
        ("done" = Option<String>, Query, description = "What has just been done"),
        ("by" = Option<String>, Query, description = "The proof that it was: a link of somebody else says nothing"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn show(call: Call, actor: Principal) -> HandlerResult {
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    let done = done_here(&call, &actor, &path(paths::MEMBERS, &[place.name.as_str()]));
    let report = Report::done(done.as_deref().and_then(done_words));
    let mut query = call.query();
    let asked = Asked::read(&mut query);
    query.done_loosely()?;
    page(&call, &actor, &place, (asked, &Form::default()), report).await
}

/// The form that changes members.
#[derive(Deserialize, ToSchema)]
#[schema(as = MembersPageForm)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub(crate) struct ChangeForm {
    csrf_token: String,
    /// `add`, `remove` or `roles`.
    r#do: String,
    /// With `add`: name or id of a user.
    #[schema(required = false)]
    user: String,
    /// With `remove` and `roles`: the id of the member.
    #[schema(required = false)]
    member: String,
    /// With `roles`: names of the roles that the member shall have.
    #[schema(required = false)]
    role: Vec<String>,
    /// With `roles`: those that the member had when the form was shown. If they are others by now, nothing is done.
    #[schema(required = false)]
    shown: Vec<String>,
    /// What the page is narrowed to.
    #[schema(required = false)]
    q: String,
}

/// Adds or removes a member, or changes the roles of one.
#[utoipa::path(
    post, path = paths::MEMBERS, tag = "pages", operation_id = "change_members_page",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    request_body(content = ChangeForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Done, or the user must sign in first"),
    ),
)]
pub(crate) async fn change(mut call: Call, actor: Principal) -> HandlerResult {
    let form = call.form()?;
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    let done = act(&call, &actor, &place, &form);
    match carry_out(&call, &actor, (About::Members(place.id), &form), done).await? {
        Outcome::Done(response) => Ok(response),
        Outcome::Again(report) => {
            let asked = Asked::of(form.text("q").unwrap_or_default());
            page(&call, &actor, &place, (asked, &form), report).await
        }
    }
}

/// Does what the form asks for; answers where it leads.
async fn act(call: &Call, actor: &Principal, place: &Organization, form: &Form) -> Result<String, Error> {
    let (ctx, reference) = (call.context(), OrganizationRef::Id(place.id));
    let texts = |field: &str| form.all(field).map(str::to_owned).collect();
    let member = || {
        let text = form.text("member").ok_or_else(|| Error::invalid_field("member", "Name a member."))?;
        Ok::<_, Error>(UserRef::parse(&text))
    };
    let done = match form.text("do").as_deref() {
        Some("add") => {
            let name = form.text("user").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| Error::invalid_field("user", "Name a user."))?;
            let added = members::add(ctx, actor, &reference, &UserRef::parse(&name)).await;
            added.map_err(|error| instead(error, "You may not add members here."))?;
            "added"
        }
        Some("remove") => {
            members::remove(ctx, actor, &reference, &member()?).await.map_err(gone)?;
            "removed"
        }
        Some("roles") => {
            let (shown, wanted) = (texts("shown"), texts("role"));
            members::update_shown_roles(ctx, actor, &reference, &member()?, shown, wanted).await.map_err(gone)?;
            "roles"
        }
        Some(_) | None => return Err(says_nothing()),
    };
    let there = path(paths::MEMBERS, &[place.name.as_str()]);
    Ok(done_among(call, actor, &there, done, &[("q", &form.text("q").unwrap_or_default())]))
}

/// Somebody else was faster, or the form was sent twice.
fn gone(error: Error) -> Error {
    instead(error, "They are no member any more.")
}

/// What "not found" means here.
fn instead(error: Error, words: &str) -> Error {
    if matches!(error, Error::NotFound) { Error::NoSuch(words.to_owned()) } else { error }
}

fn done_words(done: &str) -> Option<&'static str> {
    Some(match done {
        "made" => "The organization is made, and you are a member of it.",
        "added" => "They are a member now.",
        "removed" => "They are no member any more, and in none of the groups here.",
        "roles" => "The roles are changed.",
        _ => return None,
    })
}

async fn page(
    call: &Call,
    actor: &Principal,
    place: &Organization,
    (asked, form): (Asked, &Form),
    mut report: Report,
) -> HandlerResult {
    let (ctx, reference) = (call.context(), OrganizationRef::Id(place.id));
    let found = match members::list(ctx, actor, &reference, &asked.text, asked.page_and_one()).await {
        Ok(found) => found,
        Err(error) => {
            report = report.and(Report::of(error)?);
            MemberList::default()
        }
    };
    let MemberList { members: mut found, count } = found;
    let is_more = Asked::cut(&mut found);
    let there = Object::new(ResourceType::OrganizationMember).organization(place.id.0);
    let roles_there = Object::new(ResourceType::AssignOrgRole).organization(place.id.0);
    let may_assign = actor.subject.allows(Action::Assign, &roles_there);
    let given = if may_assign { choices(call, actor, &reference).await? } else { Vec::new() };
    let here = path(paths::MEMBERS, &[place.name.as_str()]);
    let ids: Vec<String> = found.iter().map(|view| view.member.membership.user_id.to_string()).collect();
    let rows = found.iter().map(|view| {
        let id = view.member.membership.user_id;
        let object = Object::new(ResourceType::OrganizationMember).id(id.0).organization(place.id.0).owner(id.0);
        let may_remove = actor.subject.allows(Action::Delete, &object) && !actor.is(id);
        let is_other = !actor.is(id);
        Row { may_remove, ..row(view, if is_other { &given } else { &[] }, form) }
    });
    let look = of_pages(call.context()).await;
    let page = MembersPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Members, Some(place)).await?,
        csrf_token: About::Members(place.id).token(call, actor),
        title: format!("Members of {}", shown_name(place)),
        description: place.description.clone(),
        rows: rows.collect(),
        pager: Pager::of(&here, &asked, &ids, Count::All(count, is_more), "member"),
        href: here,
        may_add: actor.subject.allows(Action::Create, &there) && may_assign,
        new: form.text("user").unwrap_or_default(),
        query: asked.text,
        report,
    };
    Ok(render(page.report.status, &page, &FormAction::own()))
}

/// The roles of the organization; none for those who may not read them.
async fn choices(call: &Call, actor: &Principal, place: &OrganizationRef) -> Result<Vec<AssignableRole>, Failure> {
    match roles::list_organization(call.context(), actor, place).await {
        Ok(found) => Ok(found),
        Err(Error::NotFound | Error::Forbidden(_)) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn row(view: &MemberView, given: &[AssignableRole], form: &Form) -> Row {
    let user = &view.member.user;
    let held = view.member.membership.roles.as_slice();
    let id = user.id.to_string();
    let is_again = form.text("do").as_deref() == Some("roles") && form.text("member").as_deref() == Some(id.as_str());
    let said = |field: &str, name: &str| form.all(field).any(|said| said == name);
    let choice = |name: &str, text: &str, is_free: bool| {
        let is_held = held.iter().any(|held| held == name);
        // What was chosen stays chosen; of the rest it is shown what is so by now, not what was when the form was first shown.
        let was_chosen = (is_again && said("role", name) != said("shown", name)).then(|| said("role", name));
        let is_chosen = was_chosen.filter(|_| is_free).unwrap_or(is_held);
        RoleChoice { name: name.to_owned(), text: text.to_owned(), is_held, is_chosen, is_free }
    };
    let known = given.iter().map(|entry| {
        let name = entry.role.name.name();
        let text = if entry.role.display_name.is_empty() { name } else { entry.role.display_name.as_str() };
        choice(name, text, entry.assignable)
    });
    let mut choices: Vec<RoleChoice> = known.filter(|choice| choice.is_free || choice.is_held).collect();
    if choices.iter().any(|choice| choice.is_free) {
        let is_missing = |name: &&String| !given.iter().any(|entry| entry.role.name.name() == name.as_str());
        choices.extend(held.iter().filter(is_missing).map(|name| choice(name, name, false)));
    } else {
        choices.clear();
    }
    let shown = if user.name.as_str().is_empty() { user.username.as_str() } else { user.name.as_str() };
    Row {
        initial: initial(shown),
        username: user.username.to_string(),
        name: user.name.as_str().to_owned(),
        href: path(paths::USER, &[user.username.as_str()]),
        status: status_word(user.status),
        roles: view.roles.iter().map(|role| role.display_name.clone()).collect::<Vec<_>>().join(", "),
        choices,
        is_again,
        may_remove: false,
        id,
    }
}
