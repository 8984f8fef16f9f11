//! One user: profile, roles, organizations and groups, and what can be done with the account.

use super::form::{About, Outcome, Report, carry_out, done_at, done_here, says_nothing};
use super::shell::{Screen, Shell, shell, shown_name};
use super::users::{login_word, status_word};
use super::{access, path};
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::{Brand, initial};
use crate::kit::html::moment::TimeElement;
use crate::kit::routes::Routes;
use askama::Template;
use doorward_domain::ids::OrganizationId;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, Object, ResourceType, RoleNames};
use doorward_domain::users::{User, UserStatus};
use doorward_services::appearance::of_pages;
use doorward_services::users::{self, UserRef, UserRoles, UserView};
use doorward_services::{Error, Principal, groups, organizations, roles};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashMap;
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

/// An organization of the user.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) text: String,
    pub(crate) href: String,
    /// `None` when the caller may not see them.
    pub(crate) roles: Option<String>,
    /// Where it is explained what the user may do there.
    pub(crate) explain: String,
}

/// A link.
#[derive(Clone, Debug)]
pub(crate) struct Linked {
    pub(crate) text: String,
    pub(crate) href: String,
    pub(crate) place: String,
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "console/user.html")]
#[expect(clippy::struct_excessive_bools, reason = "each says whether the page shows something")]
pub(crate) struct UserPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) csrf_token: String,
    pub(crate) report: Report,
    pub(crate) href: String,
    pub(crate) initial: Cow<'static, str>,
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) status: &'static str,
    pub(crate) login_type: &'static str,
    pub(crate) created: TimeElement,
    pub(crate) last_seen: Option<TimeElement>,
    pub(crate) is_deleted: bool,
    pub(crate) is_self: bool,
    pub(crate) may_activate: bool,
    pub(crate) may_suspend: bool,
    pub(crate) may_delete: bool,
    pub(crate) may_give: bool,
    pub(crate) roles: Vec<RoleChoice>,
    pub(crate) places: Vec<Place>,
    pub(crate) groups: Vec<Linked>,
    /// Whether there are more groups than are shown.
    pub(crate) more_groups: bool,
    pub(crate) explain: String,
}

only_logo!(UserPage);

/// Shows a user.
#[utoipa::path(
    get, path = paths::USER, tag = "pages", operation_id = "user_page",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        ("done" = Option<String>, Query, description = "What has just been done"),
        ("by" = Option<String>, Query, description = "The proof that it was: a link of somebody else says nothing"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn show(call: Call, actor: Principal) -> HandlerResult {
    let view = users::find(call.context(), &actor, &call.user()).await?;
    let done = done_here(&call, &actor, &path(paths::USER, &[view.user.username.as_str()]));
    let report = Report::done(done.and_then(|done| done_words(&done, &view.user)));
    page(&call, &actor, view, &Form::default(), report).await
}

/// The form that changes a user.
#[derive(Deserialize, ToSchema)]
#[schema(as = UserPageForm)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub(crate) struct ChangeForm {
    csrf_token: String,
    /// `suspend`, `activate`, `delete` or `roles`.
    r#do: String,
    /// With `roles`: names of the site roles that the user shall have.
    #[schema(required = false)]
    role: Vec<String>,
    /// With `roles`: those that the user had when the form was shown. If they are others by now, nothing is done.
    #[schema(required = false)]
    shown: Vec<String>,
}

/// Suspends, activates or deletes a user, or changes the site roles.
#[utoipa::path(
    post, path = paths::USER, tag = "pages", operation_id = "change_user_page",
    params(("user" = String, Path, description = "Id, name or `me`")),
    request_body(content = ChangeForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Done, or the user must sign in first"),
    ),
)]
pub(crate) async fn change(mut call: Call, actor: Principal) -> HandlerResult {
    let form = call.form()?;
    let view = users::find(call.context(), &actor, &call.user()).await?;
    let done = act(&call, &actor, &view.user, &form);
    match carry_out(&call, &actor, (About::User(view.user.id), &form), done).await? {
        Outcome::Done(response) => Ok(response),
        Outcome::Again(report) => page(&call, &actor, view, &form, report).await,
    }
}

/// Does what the form asks for; answers where it leads.
async fn act(call: &Call, actor: &Principal, user: &User, form: &Form) -> Result<String, Error> {
    let (ctx, reference, name) = (call.context(), UserRef::Id(user.id), user.username.as_str());
    let texts = |field: &str| form.all(field).map(str::to_owned).collect();
    let done = match form.text("do").as_deref() {
        Some("suspend") => users::suspend(ctx, actor, &reference).await.map(|_| "suspended"),
        Some("activate") => users::activate(ctx, actor, &reference).await.map(|_| "activated"),
        Some("delete") => {
            users::delete(ctx, actor, &reference).await?;
            return Ok(done_at(call, actor, paths::USERS, "deleted"));
        }
        Some("roles") => {
            users::update_shown_roles(ctx, actor, &reference, texts("shown"), texts("role")).await.map(|_| "roles")
        }
        Some(_) | None => Err(says_nothing()),
    };
    Ok(done_at(call, actor, &path(paths::USER, &[name]), done?))
}

/// What has been done, if the user is as it says: the address may be an old one.
fn done_words(done: &str, user: &User) -> Option<&'static str> {
    Some(match (done, user.status) {
        ("suspended", UserStatus::Suspended) => "The account is suspended. All sessions, tokens and grants have ended.",
        ("activated", UserStatus::Active) => "The account is active.",
        ("roles", _) => "The site roles are changed.",
        _ => return None,
    })
}

async fn page(call: &Call, actor: &Principal, view: UserView, form: &Form, report: Report) -> HandlerResult {
    let UserView { user, organization_ids, .. } = view;
    let reference = UserRef::Id(user.id);
    let is_self = actor.is(user.id);
    let held = match users::roles(call.context(), actor, &reference).await {
        Ok(held) => Some(held),
        Err(Error::NotFound | Error::Forbidden(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let known = organizations::list(call.context(), actor).await?;
    let in_groups = groups::of_user(call.context(), actor, &reference).await?;
    let may = |action| {
        let object = Object::new(ResourceType::User).id(user.id.0).owner(user.id.0);
        actor.subject.allows(action, &object)
    };
    let roles = role_choices(call, actor, &user.roles, form).await?;
    let may_give = !is_self && !user.deleted && roles.iter().any(|role| role.is_free);
    let may_give = may_give && actor.subject.allows(Action::Assign, &Object::new(ResourceType::AssignRole));
    let may_update = may(Action::Update);
    let shown = if user.name.as_str().is_empty() { user.username.as_str() } else { user.name.as_str() };
    let look = of_pages(call.context()).await;
    let page = UserPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Users, None).await?,
        csrf_token: About::User(user.id).token(call, actor),
        report,
        href: path(paths::USER, &[user.username.as_str()]),
        initial: initial(shown),
        id: user.id.to_string(),
        name: user.name.as_str().to_owned(),
        email: user.shown_email().to_owned(),
        status: if user.deleted { "Deleted" } else { status_word(user.status) },
        login_type: login_word(user.login_type.as_str(), user.is_service_account()),
        created: TimeElement::day(user.created_at),
        last_seen: user.last_seen_at.map(|seen| TimeElement::ago(seen, call.now())),
        is_deleted: user.deleted,
        is_self,
        may_activate: may_update && !user.deleted && user.status != UserStatus::Active,
        may_suspend: may_update && !user.deleted && !is_self && user.status != UserStatus::Suspended,
        may_delete: may(Action::Delete) && !user.deleted && !is_self,
        may_give,
        roles,
        places: places(&organization_ids, &known, held.as_ref(), user.username.as_str()),
        more_groups: in_groups.is_cut,
        groups: in_groups
            .groups
            .iter()
            .map(|found| Linked {
                text: found.group.name.to_string(),
                href: path(paths::GROUP, &[found.organization_name.as_str(), found.group.name.as_str()]),
                place: found.organization_name.to_string(),
            })
            .collect(),
        explain: access::address(user.username.as_str(), "read", "user", ""),
        username: user.username.as_str().to_owned(),
    };
    Ok(render(page.report.status, &page, &FormAction::own()))
}

/// The site roles, with those that are held. Who may not read them sees those that are held.
async fn role_choices(
    call: &Call,
    actor: &Principal,
    held: &RoleNames,
    form: &Form,
) -> Result<Vec<RoleChoice>, Failure> {
    let listed = match roles::list_site(call.context(), actor).await {
        Ok(listed) => listed,
        Err(Error::Forbidden(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let is_again = form.text("do").as_deref() == Some("roles");
    let said = |field: &str, name: &str| form.all(field).any(|said| said == name);
    let choice = |name: &str, text: String, is_free: bool| {
        let is_held = held.contains(name);
        // What was chosen stays chosen; of the rest it is shown what is so by now, not what was when the form was first shown.
        let was_chosen = (is_again && said("role", name) != said("shown", name)).then(|| said("role", name));
        let is_chosen = was_chosen.filter(|_| is_free).unwrap_or(is_held);
        RoleChoice { name: name.to_owned(), text, is_held, is_chosen, is_free }
    };
    let mut choices: Vec<RoleChoice> = listed
        .into_iter()
        .map(|entry| choice(entry.role.name.name(), entry.role.display_name.clone(), entry.assignable))
        .collect();
    let missing = held.iter().filter(|name| !choices.iter().any(|choice| choice.name == **name));
    let missing: Vec<RoleChoice> = missing.map(|name| choice(name, name.clone(), false)).collect();
    choices.extend(missing);
    Ok(choices)
}

fn places(ids: &[OrganizationId], known: &[Organization], held: Option<&UserRoles>, username: &str) -> Vec<Place> {
    let names: HashMap<OrganizationId, &Organization> = known.iter().map(|place| (place.id, place)).collect();
    let roles_in = |id: OrganizationId| {
        let held = held?.organization_roles.iter().find(|(place, _)| *place == id);
        Some(held.map(|(_, roles)| roles.as_slice().join(", ")).unwrap_or_default())
    };
    ids.iter()
        .filter_map(|id| names.get(id))
        .map(|place| Place {
            text: shown_name(place),
            href: path(paths::ROLES, &[place.name.as_str()]),
            roles: roles_in(place.id),
            explain: access::address(username, "read", "template", place.name.as_str()),
        })
        .collect()
}
