//! One group: who is in it, and what can be done with it.

use super::form::{About, Outcome, Report, carry_out, done_at, done_here, says_nothing};
use super::group_parts::{self, Parts};
use super::pager::{Asked, Count, Pager};
use super::path;
use super::shell::{Screen, Shell, shell, shown_name};
use super::users::status_word;
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::{Brand, initial};
use crate::kit::routes::Routes;
use askama::Template;
use doorward_domain::entitlements::Feature;
use doorward_domain::groups::{Group, GroupSource};
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, Object, ResourceType};
use doorward_domain::users::User;
use doorward_services::appearance::of_pages;
use doorward_services::groups::{self, GroupMemberPage, GroupRef, GroupView, UpdateGroup};
use doorward_services::users::{self, UserRef, UserView};
use doorward_services::{Error, FieldError, Principal, organizations};
use serde::Deserialize;
use std::borrow::Cow;
use utoipa::ToSchema;

/// So many people can be added at once.
const NAMES_MAX: usize = 100;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Console);
    r.user(__path_show, show).needs(Feature::TemplateRbac);
    r.user(__path_change, change).needs(Feature::TemplateRbac);
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

/// What can be set of a group, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) display_name: String,
    pub(crate) allowance: String,
}

impl Settings {
    fn of(group: &Group) -> Self {
        Self { display_name: group.display_name.to_string(), allowance: group.quota_allowance.to_string() }
    }

    /// Those of a form; what it lacks is as stored.
    fn sent(form: &Form, [display_name, allowance]: [&str; 2], stored: &Self) -> Self {
        let text = |field: &str, stored: &str| form.all(field).next().unwrap_or(stored).to_owned();
        Self { display_name: text(display_name, &stored.display_name), allowance: text(allowance, &stored.allowance) }
    }

    fn typed(form: &Form, stored: &Self) -> Self {
        Self::sent(form, ["display_name", "quota_allowance"], stored)
    }

    fn shown(form: &Form, stored: &Self) -> Self {
        Self::sent(form, ["shown_display_name", "shown_quota_allowance"], stored)
    }

    /// What somebody changed who was shown `shown`: nothing else is sent, so that an old form does not undo what others set.
    fn since(&self, shown: &Self) -> Result<UpdateGroup, Error> {
        let number = || {
            self.allowance.trim().parse().map_err(|_not_a_number| {
                Error::invalid_field("quota_allowance", "The quota allowance must be a whole number.")
            })
        };
        let allowance = (self.allowance != shown.allowance).then(number).transpose()?;
        let display_name = (self.display_name != shown.display_name).then(|| self.display_name.clone());
        Ok(UpdateGroup { display_name, quota_allowance: allowance, ..UpdateGroup::default() })
    }
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
    /// Name for people and allowance, as they are.
    pub(crate) stored: Settings,
    /// The same as the form has them, and what they were when it was first shown.
    pub(crate) typed: Settings,
    pub(crate) shown: Settings,
    pub(crate) total: u64,
    pub(crate) is_everyone: bool,
    /// Whether an identity provider says who is in it.
    pub(crate) is_synced: bool,
    pub(crate) may_update: bool,
    /// Whether members may be added and removed: by managers too.
    pub(crate) may_move: bool,
    pub(crate) may_delete: bool,
    pub(crate) query: String,
    pub(crate) members: Vec<MemberRow>,
    pub(crate) pager: Pager,
    /// The names that were typed, of people to be added.
    pub(crate) names: String,
    pub(crate) parts: Parts,
    pub(crate) report: Report,
}

only_logo!(GroupPage);

/// Shows a group with its members.
#[utoipa::path(
    get, path = paths::GROUP, tag = "pages", operation_id = "group_page",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("groupName" = String, Path, description = "Name, letter case matters"),
        ("q" = Option<String>, Query, description = "Search among members, as in lists of users"),
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
    let (place, view) = find(&call, &actor).await?;
    let done = done_here(&call, &actor, &path(paths::GROUP, &[place.name.as_str(), view.group.name.as_str()]));
    let report = Report::done(done.and_then(|done| done_words(&done)));
    page(&call, &actor, &place, &view, &Form::default(), report).await
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
    /// `add`, `remove`, `settings`, `delete`; `nest`, `part`; `appoint`, `dismiss`.
    r#do: String,
    /// With `add`: names of users, separated by commas, spaces or lines.
    #[schema(required = false)]
    users: String,
    /// With `remove`: the id of the member.
    #[schema(required = false)]
    member: String,
    /// With `nest`: the name of a group of the organization. With `part`: the id of one.
    #[schema(required = false)]
    nested: String,
    #[schema(required = false)]
    inner: String,
    /// With `appoint`: the name of a user who will look after the members. With `dismiss`: the id of one.
    #[schema(required = false)]
    manager: String,
    #[schema(required = false)]
    appointed: String,
    /// With `settings`.
    #[schema(required = false)]
    display_name: String,
    #[schema(required = false)]
    quota_allowance: String,
    /// With `settings`: what the two were when the form was shown. Only what differs from it is changed.
    #[schema(required = false)]
    shown_display_name: String,
    #[schema(required = false)]
    shown_quota_allowance: String,
}

/// Adds or removes members, nested groups or managers, changes the group, or deletes it.
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
    let done = act(&call, &actor, &place, &view.group, &form);
    match carry_out(&call, &actor, (About::Group(view.group.id), &form), done).await? {
        Outcome::Done(response) => Ok(response),
        Outcome::Again(report) => page(&call, &actor, &place, &view, &form, report).await,
    }
}

/// Does what the form asks for; answers where it leads.
async fn act(
    call: &Call,
    actor: &Principal,
    place: &Organization,
    group: &Group,
    form: &Form,
) -> Result<String, Error> {
    let text = |name: &str| form.text(name).unwrap_or_default();
    let update = async |command| groups::update(call.context(), actor, group.id, command).await;
    let done = match text("do").as_str() {
        "add" => {
            let users = named(call, actor, &text("users")).await?;
            let add_users = users.iter().map(|user| user.id.to_string()).collect();
            let added = update(UpdateGroup { add_users, passes_members: true, ..UpdateGroup::default() }).await;
            added.map_err(|error| by_name(error, &users))?;
            "added"
        }
        "remove" => {
            let member = text("member");
            let removed = update(UpdateGroup { remove_users: vec![member.clone()], ..UpdateGroup::default() }).await;
            if let Err(error) = removed {
                let user = users::find(call.context(), actor, &UserRef::parse(&member)).await;
                return Err(match user {
                    Ok(view) => by_name(error, &[view.user]),
                    Err(_) => error,
                });
            }
            "removed"
        }
        "settings" => {
            let stored = Settings::of(group);
            update(Settings::typed(form, &stored).since(&Settings::shown(form, &stored))?).await?;
            "saved"
        }
        "delete" => {
            groups::delete(call.context(), actor, group.id).await?;
            return Ok(done_at(call, actor, &path(paths::GROUPS, &[place.name.as_str()]), "deleted"));
        }
        _ => group_parts::act(call, actor, place, group, form).await?.ok_or_else(says_nothing)?,
    };
    let there = path(paths::GROUP, &[place.name.as_str(), group.name.as_str()]);
    Ok(done_at(call, actor, &there, done))
}

/// The users who are named; every name that leads nowhere is told.
async fn named(call: &Call, actor: &Principal, text: &str) -> Result<Vec<User>, Error> {
    let names: Vec<&str> = text.split([',', ';', '\n', '\r', '\t', ' ']).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Err(Error::invalid_field("users", "Name at least one user."));
    }
    if names.len() > NAMES_MAX {
        let detail = format!("At most {NAMES_MAX} users can be added at once; these are {}.", names.len());
        return Err(Error::invalid_field("users", detail));
    }
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        match users::find(call.context(), actor, &UserRef::parse(name)).await {
            Ok(UserView { user, .. }) if !user.deleted => {
                if !found.iter().any(|known: &User| known.id == user.id) {
                    found.push(user);
                }
            }
            Ok(_) | Err(Error::UserNotFound) => {
                unknown.push(FieldError::new("users", format!("There is no user `{name}` that you can see.")));
            }
            Err(error) => return Err(error),
        }
    }
    if unknown.is_empty() { Ok(found) } else { Err(Error::invalid_fields("Some users are not there.", unknown)) }
}

/// An error about users, with their names instead of their ids.
fn by_name(error: Error, users: &[User]) -> Error {
    let said =
        |text: String| users.iter().fold(text, |text, user| text.replace(&user.id.to_string(), user.username.as_str()));
    let Error::Invalid { message, detail, fields } = error else { return error };
    let fields = fields.into_iter().map(|field| FieldError::new(field.field, said(field.detail))).collect();
    Error::Invalid { message: said(message), detail: said(detail), fields }
}

fn done_words(done: &str) -> Option<&'static str> {
    Some(match done {
        "made" => "The group is made.",
        "added" => "They are in the group now.",
        "removed" => "They are no longer in the group.",
        "saved" => "The group is changed.",
        _ => return group_parts::done_words(done),
    })
}

async fn page(
    call: &Call,
    actor: &Principal,
    place: &Organization,
    view: &GroupView,
    form: &Form,
    mut report: Report,
) -> HandlerResult {
    let mut query = call.query();
    let asked = Asked::read(&mut query);
    query.done_loosely()?;
    let group = &view.group;
    let reference = GroupRef::Id(group.id);
    let found = match groups::members(call.context(), actor, &reference, &asked.text, asked.page()).await {
        Ok(found) => found,
        Err(error) => {
            report = report.and(Report::of(error)?);
            GroupMemberPage::default()
        }
    };
    let readers = group.readers();
    let object = Object::new(ResourceType::Group).id(group.id.0).organization(place.id.0).group_acl(&readers);
    let here = path(paths::GROUP, &[place.name.as_str(), group.name.as_str()]);
    let ids: Vec<String> = found.users.iter().map(|user| user.id.to_string()).collect();
    let stored = Settings::of(group);
    let look = of_pages(call.context()).await;
    let page = GroupPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Groups, Some(place)).await?,
        crumb: (format!("Groups in {}", shown_name(place)), path(paths::GROUPS, &[place.name.as_str()])),
        csrf_token: About::Group(group.id).token(call, actor),
        name: group.name.to_string(),
        typed: Settings::typed(form, &stored),
        shown: Settings::shown(form, &stored),
        stored,
        total: view.total_member_count,
        is_everyone: group.is_everyone(),
        is_synced: group.source == GroupSource::Oidc,
        may_update: actor.subject.allows(Action::Update, &object),
        may_move: !group.is_everyone() && groups::may_update(call.context(), actor, group.id).await.is_ok(),
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
        pager: Pager::of(&here, &asked, &ids, Count::FromHere(found.count), "member"),
        href: here,
        query: asked.text,
        names: form.text("users").unwrap_or_default(),
        parts: Parts::of(call, actor, place, group, form).await?,
        report,
    };
    Ok(render(page.report.status, &page, &FormAction::own()))
}
