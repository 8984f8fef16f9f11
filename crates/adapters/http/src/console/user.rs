//! One user: profile, roles, organizations and groups, and what can be done with the account.

use super::shell::{Screen, Shell, shell, shown_name};
use super::users::{login_word, status_word};
use super::{access, is_fresh, path, token, told, with_query};
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, Illustrated, render};
use crate::kit::html::layout::{Brand, initial};
use crate::kit::html::moment::TimeElement;
use crate::kit::routes::Routes;
use crate::pages::OUT_OF_DATE;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, Object, ResourceType, RoleNames};
use doorward_domain::users::UserStatus;
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
    pub(crate) notice: Option<&'a str>,
    pub(crate) problems: Vec<String>,
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

impl Illustrated for UserPage<'_> {
    fn pictures(&self) -> Vec<&str> {
        self.brand.logo_url.into_iter().collect()
    }
}

/// Shows a user.
#[utoipa::path(
    get, path = paths::USER, tag = "pages", operation_id = "user_page",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        ("done" = Option<String>, Query, description = "What has just been done"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn show(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let done = query.text("done").unwrap_or_default();
    query.done_loosely()?;
    let view = users::find(call.context(), &actor, &call.user()).await?;
    page(&call, &actor, view, done_words(&done), Vec::new()).await
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
    if !is_fresh(&call, &actor, &view.user.id.to_string(), &form)? {
        return page(&call, &actor, view, None, vec![OUT_OF_DATE.to_owned()]).await;
    }
    let username = view.user.username.to_string();
    match act(&call, &actor, view.user.id, &form).await {
        Ok("deleted") => {
            let deleted = with_query(paths::USERS, &[("q", &username)]);
            Ok(redirect(StatusCode::SEE_OTHER, &deleted))
        }
        Ok(done) => {
            let there = with_query(&path(paths::USER, &[&username]), &[("done", done)]);
            Ok(redirect(StatusCode::SEE_OTHER, &there))
        }
        Err(error) => {
            let problems = told(error)?;
            page(&call, &actor, view, None, problems).await
        }
    }
}

/// Does what the form asks for; answers what was done.
async fn act(call: &Call, actor: &Principal, id: UserId, form: &Form) -> Result<&'static str, Error> {
    let (ctx, user) = (call.context(), UserRef::Id(id));
    match form.text("do").as_deref() {
        Some("suspend") => users::suspend(ctx, actor, &user).await.map(|_| "suspended"),
        Some("activate") => users::activate(ctx, actor, &user).await.map(|_| "activated"),
        Some("delete") => users::delete(ctx, actor, &user).await.map(|()| "deleted"),
        Some("roles") => {
            let names = form.all("role").map(str::to_owned).collect();
            users::update_roles(ctx, actor, &user, names).await.map(|_| "roles")
        }
        Some(_) | None => Err(Error::invalid("This form says nothing that can be done.")),
    }
}

fn done_words(done: &str) -> Option<&'static str> {
    Some(match done {
        "suspended" => "The account is suspended. All sessions, tokens and grants have ended.",
        "activated" => "The account is active.",
        "roles" => "The site roles are changed.",
        _ => return None,
    })
}

async fn page(
    call: &Call,
    actor: &Principal,
    view: UserView,
    notice: Option<&str>,
    problems: Vec<String>,
) -> HandlerResult {
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
    let may_give = !is_self && actor.subject.allows(Action::Assign, &Object::new(ResourceType::AssignRole));
    let may_update = may(Action::Update);
    let shown = if user.name.as_str().is_empty() { user.username.as_str() } else { user.name.as_str() };
    let look = of_pages(call.context()).await;
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = UserPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Users, None).await?,
        csrf_token: token(call, actor, &user.id.to_string()),
        notice,
        problems,
        href: path(paths::USER, &[user.username.as_str()]),
        initial: initial(shown),
        id: user.id.to_string(),
        name: user.name.as_str().to_owned(),
        email: user.shown_email().to_owned(),
        status: status_word(user.status),
        login_type: login_word(user.login_type.as_str(), user.is_service_account()),
        created: TimeElement::day(user.created_at),
        last_seen: user.last_seen_at.map(|seen| TimeElement::ago(seen, call.now())),
        is_self,
        may_activate: may_update && !user.deleted && user.status != UserStatus::Active,
        may_suspend: may_update && !user.deleted && !is_self && user.status != UserStatus::Suspended,
        may_delete: may(Action::Delete) && !user.deleted && !is_self,
        may_give: may_give && !user.deleted,
        roles: role_choices(call, actor, &user.roles).await?,
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
    Ok(render(status, &page, &FormAction::own()))
}

/// The site roles, with those that are held. Who may not read them sees those that are held.
async fn role_choices(call: &Call, actor: &Principal, held: &RoleNames) -> Result<Vec<RoleChoice>, Failure> {
    let listed = match roles::list_site(call.context(), actor).await {
        Ok(listed) => listed,
        Err(Error::Forbidden(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut choices: Vec<RoleChoice> = listed
        .into_iter()
        .map(|entry| RoleChoice {
            name: entry.role.name.name().to_owned(),
            is_held: held.contains(entry.role.name.name()),
            text: entry.role.display_name,
            is_free: entry.assignable,
        })
        .collect();
    let missing = held.iter().filter(|name| !choices.iter().any(|choice| choice.name == **name));
    let missing: Vec<RoleChoice> = missing
        .map(|name| RoleChoice { name: name.clone(), text: name.clone(), is_held: true, is_free: false })
        .collect();
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
