//! The groups of an organization, and who is in them.

use super::shell::{Screen, Shell, shell, shown_name};
use super::users::{ROWS, status_word, summary};
use super::{is_fresh, path, token, told, with_query};
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, Illustrated, render};
use crate::kit::html::layout::{Brand, initial};
use crate::kit::routes::Routes;
use crate::pages::OUT_OF_DATE;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_domain::entitlements::Feature;
use doorward_domain::groups::{Group, GroupSource};
use doorward_domain::organizations::Organization;
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, Object, ResourceType};
use doorward_services::appearance::of_pages;
use doorward_services::groups::{self, CreateGroup, GroupList, GroupMemberPage, GroupRef, GroupView, UpdateGroup};
use doorward_services::users::{self, UserRef};
use doorward_services::{Error, FieldError, Principal, organizations};
use serde::Deserialize;
use std::borrow::Cow;
use utoipa::ToSchema;
use uuid::Uuid;

/// So many people can be added at once.
const NAMES_MAX: usize = 100;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Console);
    r.user(__path_list, list).needs(Feature::TemplateRbac);
    r.user(__path_create, create).needs(Feature::TemplateRbac);
    r.user(__path_show, show).needs(Feature::TemplateRbac);
    r.user(__path_change, change).needs(Feature::TemplateRbac);
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
    pub(crate) summary: String,
    pub(crate) first: Option<String>,
    pub(crate) next: Option<String>,
    pub(crate) may_create: bool,
    /// What was typed for a new one.
    pub(crate) new_name: String,
    pub(crate) new_display_name: String,
    pub(crate) notice: Option<&'static str>,
    pub(crate) problems: Vec<String>,
}

impl Illustrated for GroupsPage<'_> {
    fn pictures(&self) -> Vec<&str> {
        self.brand.logo_url.into_iter().collect()
    }
}

/// Somebody in a group.
#[derive(Clone, Debug)]
pub(crate) struct MemberRow {
    pub(crate) id: String,
    pub(crate) initial: Cow<'static, str>,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) status: &'static str,
}

/// One group.
#[derive(Clone, Debug, Template)]
#[template(path = "console/group.html")]
#[expect(clippy::struct_excessive_bools, reason = "each says whether the page shows something")]
pub(crate) struct GroupPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) crumb: (String, String),
    pub(crate) href: String,
    pub(crate) csrf_token: String,
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) allowance: String,
    pub(crate) total: u64,
    pub(crate) is_everyone: bool,
    /// Whether an identity provider says who is in it.
    pub(crate) is_synced: bool,
    pub(crate) may_update: bool,
    pub(crate) may_delete: bool,
    pub(crate) query: String,
    pub(crate) members: Vec<MemberRow>,
    pub(crate) summary: String,
    pub(crate) first: Option<String>,
    pub(crate) next: Option<String>,
    /// The names that were typed.
    pub(crate) typed: String,
    pub(crate) notice: Option<&'static str>,
    pub(crate) problems: Vec<String>,
}

impl Illustrated for GroupPage<'_> {
    fn pictures(&self) -> Vec<&str> {
        self.brand.logo_url.into_iter().collect()
    }
}

/// Lists the groups of an organization.
#[utoipa::path(
    get, path = paths::GROUPS, tag = "pages", operation_id = "groups_page",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("q" = Option<String>, Query, description = "Part of the name or the display name"),
        ("after" = Option<Uuid>, Query, description = "Only groups after this one"),
        ("done" = Option<String>, Query, description = "What has just been done"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    list_page(&call, &actor, &place, (String::new(), String::new()), Vec::new()).await
}

async fn list_page(
    call: &Call,
    actor: &Principal,
    place: &Organization,
    (new_name, new_display_name): (String, String),
    mut problems: Vec<String>,
) -> HandlerResult {
    let mut query = call.query();
    let (text, after) = (query.text("q").unwrap_or_default(), query.parsed::<Uuid>("after", "UUID"));
    let done = query.text("done");
    query.done_loosely()?;
    let page = Page { limit: Some(ROWS), offset: 0, after_id: after };
    let found = match groups::page(call.context(), actor, &call.organization(), &text, page).await {
        Ok(found) => found,
        // Not allowed to see any: that is a page of its own.
        Err(error @ Error::Forbidden(_)) => return Err(error.into()),
        Err(error) => {
            problems.extend(told(error)?);
            GroupList::default()
        }
    };
    let name = place.name.as_str();
    let here = path(paths::GROUPS, &[name]);
    let shown = found.groups.len();
    let last = found.groups.last().map(|(found, _)| found.group.id.to_string()).unwrap_or_default();
    let is_full = u32::try_from(shown).is_ok_and(|shown| shown == ROWS);
    let object = Object::new(ResourceType::Group).organization(place.id.0);
    let look = of_pages(call.context()).await;
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = GroupsPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Groups, Some(place)).await?,
        title: format!("Groups in {}", shown_name(place)),
        csrf_token: token(call, actor, &place.id.to_string()),
        rows: found.groups.iter().map(|(found, members)| group_row(name, &found.group, *members)).collect(),
        summary: summary(shown, found.count, false, "group"),
        first: after.is_some().then(|| with_query(&here, &[("q", &text)])),
        next: is_full.then(|| with_query(&here, &[("q", &text), ("after", &last)])),
        may_create: actor.subject.allows(Action::Create, &object),
        notice: (done.as_deref() == Some("deleted")).then_some("The group is deleted."),
        href: here,
        query: text,
        new_name,
        new_display_name,
        problems,
    };
    Ok(render(status, &page, &FormAction::own()))
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
    let typed = (form.text("name").unwrap_or_default(), form.text("display_name").unwrap_or_default());
    if !is_fresh(&call, &actor, &place.id.to_string(), &form)? {
        return list_page(&call, &actor, &place, typed, vec![OUT_OF_DATE.to_owned()]).await;
    }
    let command = CreateGroup { name: typed.0.clone(), display_name: typed.1.clone(), ..CreateGroup::default() };
    match groups::create(call.context(), &actor, &call.organization(), command).await {
        Ok(view) => {
            let there = path(paths::GROUP, &[place.name.as_str(), view.group.name.as_str()]);
            Ok(redirect(StatusCode::SEE_OTHER, &with_query(&there, &[("done", "made")])))
        }
        Err(error) => {
            let problems = told(error)?;
            list_page(&call, &actor, &place, typed, problems).await
        }
    }
}

/// Shows a group with its members.
#[utoipa::path(
    get, path = paths::GROUP, tag = "pages", operation_id = "group_page",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("groupName" = String, Path, description = "Name, letter case matters"),
        ("q" = Option<String>, Query, description = "Search among members, as in lists of users"),
        ("after" = Option<Uuid>, Query, description = "Only members after this one"),
        ("done" = Option<String>, Query, description = "What has just been done"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn show(call: Call, actor: Principal) -> HandlerResult {
    let (place, group) = find(&call, &actor).await?;
    page(&call, &actor, &place, &group, String::new(), Vec::new()).await
}

/// The group that the path names, without its members.
async fn find(call: &Call, actor: &Principal) -> Result<(Organization, GroupView), Error> {
    let place = organizations::find(call.context(), actor, &call.organization()).await?;
    let reference = GroupRef::Name(call.organization(), call.segment("groupName").into_owned());
    let found = groups::find(call.context(), actor, &reference, false, Vec::<GroupView>::new()).await?;
    Ok((place, found.into_iter().next().ok_or(Error::NotFound)?))
}

/// The form that changes a group.
#[derive(Deserialize, ToSchema)]
#[schema(as = GroupPageForm)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub(crate) struct ChangeForm {
    csrf_token: String,
    /// `add`, `remove`, `settings` or `delete`.
    r#do: String,
    /// With `add`: names of users, separated by commas, spaces or lines.
    #[schema(required = false)]
    users: String,
    /// With `remove`: the id of the member.
    #[schema(required = false)]
    member: String,
    /// With `settings`.
    #[schema(required = false)]
    display_name: String,
    #[schema(required = false)]
    quota_allowance: String,
}

/// Adds or removes members, changes the group, or deletes it.
#[utoipa::path(
    post, path = paths::GROUP, tag = "pages", operation_id = "change_group_page",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("groupName" = String, Path, description = "Name, letter case matters"),
    ),
    request_body(content = ChangeForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Done, or the user must sign in first"),
    ),
)]
pub(crate) async fn change(mut call: Call, actor: Principal) -> HandlerResult {
    let form = call.form()?;
    let (place, view) = find(&call, &actor).await?;
    let typed = form.text("users").unwrap_or_default();
    if !is_fresh(&call, &actor, &view.group.id.to_string(), &form)? {
        return page(&call, &actor, &place, &view, typed, vec![OUT_OF_DATE.to_owned()]).await;
    }
    match act(&call, &actor, &view.group, &form).await {
        Ok("deleted") => {
            let list = path(paths::GROUPS, &[place.name.as_str()]);
            Ok(redirect(StatusCode::SEE_OTHER, &with_query(&list, &[("done", "deleted")])))
        }
        Ok(done) => {
            let there = path(paths::GROUP, &[place.name.as_str(), view.group.name.as_str()]);
            Ok(redirect(StatusCode::SEE_OTHER, &with_query(&there, &[("done", done)])))
        }
        Err(error) => {
            let problems = told(error)?;
            page(&call, &actor, &place, &view, typed, problems).await
        }
    }
}

async fn act(call: &Call, actor: &Principal, group: &Group, form: &Form) -> Result<&'static str, Error> {
    let ctx = call.context();
    let text = |name: &str| form.text(name).unwrap_or_default();
    match text("do").as_str() {
        "add" => {
            let add_users = named(call, actor, &text("users")).await?;
            groups::update(ctx, actor, group.id, UpdateGroup { add_users, ..UpdateGroup::default() }).await?;
            Ok("added")
        }
        "remove" => {
            let remove_users = vec![text("member")];
            groups::update(ctx, actor, group.id, UpdateGroup { remove_users, ..UpdateGroup::default() }).await?;
            Ok("removed")
        }
        "settings" => {
            let quota_allowance = text("quota_allowance").trim().parse().map_err(|_not_a_number| {
                Error::invalid_field("quota_allowance", "The quota allowance must be a whole number.")
            })?;
            let display_name = (!group.is_everyone()).then(|| text("display_name"));
            let command =
                UpdateGroup { display_name, quota_allowance: Some(quota_allowance), ..UpdateGroup::default() };
            groups::update(ctx, actor, group.id, command).await?;
            Ok("saved")
        }
        "delete" => {
            groups::delete(ctx, actor, group.id).await?;
            Ok("deleted")
        }
        _ => Err(Error::invalid("This form says nothing that can be done.")),
    }
}

/// The ids of the users who are named; every name that leads nowhere is told.
async fn named(call: &Call, actor: &Principal, text: &str) -> Result<Vec<String>, Error> {
    let names: Vec<&str> = text.split([',', ';', '\n', '\r', '\t', ' ']).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Err(Error::invalid_field("users", "Name at least one user."));
    }
    if names.len() > NAMES_MAX {
        let detail = format!("At most {NAMES_MAX} users can be added at once; these are {}.", names.len());
        return Err(Error::invalid_field("users", detail));
    }
    let (mut ids, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        match users::find(call.context(), actor, &UserRef::parse(name)).await {
            Ok(view) if !view.user.deleted => ids.push(view.user.id.to_string()),
            Ok(_) | Err(Error::UserNotFound) => {
                unknown.push(FieldError::new("users", format!("There is no user `{name}` that you can see.")));
            }
            Err(error) => return Err(error),
        }
    }
    if unknown.is_empty() { Ok(ids) } else { Err(Error::invalid_fields("Some users are not there.", unknown)) }
}

fn done_words(done: &str) -> Option<&'static str> {
    Some(match done {
        "made" => "The group is made.",
        "added" => "They are in the group now.",
        "removed" => "They are no longer in the group.",
        "saved" => "The group is changed.",
        _ => return None,
    })
}

async fn page(
    call: &Call,
    actor: &Principal,
    place: &Organization,
    view: &GroupView,
    typed: String,
    mut problems: Vec<String>,
) -> HandlerResult {
    let mut query = call.query();
    let (text, after) = (query.text("q").unwrap_or_default(), query.parsed::<Uuid>("after", "UUID"));
    let done = query.text("done").unwrap_or_default();
    query.done_loosely()?;
    let group = &view.group;
    let members = Page { limit: Some(ROWS), offset: 0, after_id: after };
    let found = match groups::members(call.context(), actor, &GroupRef::Id(group.id), &text, members).await {
        Ok(found) => found,
        Err(error) => {
            problems.extend(told(error)?);
            GroupMemberPage::default()
        }
    };
    let readers = group.readers();
    let object = Object::new(ResourceType::Group).id(group.id.0).organization(place.id.0).group_acl(&readers);
    let here = path(paths::GROUP, &[place.name.as_str(), group.name.as_str()]);
    let shown = found.users.len();
    let last = found.users.last().map(|user| user.id.to_string()).unwrap_or_default();
    let is_more = u64::try_from(shown).is_ok_and(|shown| shown < found.count);
    let look = of_pages(call.context()).await;
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = GroupPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Groups, Some(place)).await?,
        crumb: (format!("Groups in {}", shown_name(place)), path(paths::GROUPS, &[place.name.as_str()])),
        csrf_token: token(call, actor, &group.id.to_string()),
        name: group.name.to_string(),
        display_name: group.display_name.to_string(),
        allowance: group.quota_allowance.to_string(),
        total: view.total_member_count,
        is_everyone: group.is_everyone(),
        is_synced: group.source == GroupSource::Oidc,
        may_update: actor.subject.allows(Action::Update, &object),
        may_delete: actor.subject.allows(Action::Delete, &object) && !group.is_everyone(),
        members: found
            .users
            .iter()
            .map(|user| MemberRow {
                id: user.id.to_string(),
                initial: initial(if user.name.as_str().is_empty() {
                    user.username.as_str()
                } else {
                    user.name.as_str()
                }),
                username: user.username.to_string(),
                name: user.name.as_str().to_owned(),
                href: path(paths::USER, &[user.username.as_str()]),
                status: status_word(user.status),
            })
            .collect(),
        summary: summary(shown, found.count, after.is_some(), "member"),
        first: after.is_some().then(|| with_query(&here, &[("q", &text)])),
        next: is_more.then(|| with_query(&here, &[("q", &text), ("after", &last)])),
        href: here,
        query: text,
        typed,
        notice: done_words(&done).filter(|_| problems.is_empty()),
        problems,
    };
    Ok(render(status, &page, &FormAction::own()))
}
