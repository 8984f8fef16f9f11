//! The roles of an organization: built-in ones to be read, custom ones to be changed, with a look at what a change means before
//! it is made.

use super::matrix::{Matrix, Said, parsed};
use super::shell::{Screen, Shell, shell, shown_name};
use super::site_roles::{RolePage, RoleRow, RolesPage};
use super::{access, is_fresh, path, token, told, with_query};
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, Illustrated, render};
use crate::kit::html::layout::Brand;
use crate::kit::routes::Routes;
use crate::pages::OUT_OF_DATE;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_domain::entitlements::Feature;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::custom::Draft;
use doorward_domain::roles::{Action, Object, Permission, ResourceType};
use doorward_services::appearance::of_pages;
use doorward_services::roles::{self, AssignableRole, Granted, Review, RoleView};
use doorward_services::{Error, Principal, organizations};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Console);
    r.user(__path_list, list);
    r.user(__path_new, new);
    r.user(__path_create, create).needs(Feature::CustomRoles);
    r.user(__path_show, show);
    r.user(__path_change, change).needs(Feature::CustomRoles);
}

/// A custom role that is being made or changed.
#[derive(Clone, Debug, Template)]
#[template(path = "console/role_form.html")]
pub(crate) struct RoleForm<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) csrf_token: String,
    pub(crate) crumb: (String, String),
    pub(crate) href: String,
    /// Set for a role that is there; one that is to be made says its name itself.
    pub(crate) existing: Option<String>,
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) tables: Vec<Matrix>,
    pub(crate) problems: Vec<String>,
    pub(crate) notice: Option<&'static str>,
    /// Where it is explained who may what.
    pub(crate) explain: String,
    pub(crate) may_delete: bool,
}

impl Illustrated for RoleForm<'_> {
    fn pictures(&self) -> Vec<&str> {
        self.brand.logo_url.into_iter().collect()
    }
}

/// Somebody whom a change means something to.
#[derive(Clone, Debug)]
pub(crate) struct Concerned {
    pub(crate) username: String,
    pub(crate) href: String,
    pub(crate) gains: Vec<Said>,
    pub(crate) loses: Vec<Said>,
}

/// What a change means, before it is made.
#[derive(Clone, Debug, Template)]
#[template(path = "console/role_review.html")]
pub(crate) struct RoleReview<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) csrf_token: String,
    pub(crate) crumb: (String, String),
    pub(crate) href: String,
    pub(crate) title: String,
    pub(crate) is_new: bool,
    pub(crate) renamed: Option<(String, String)>,
    pub(crate) added: Vec<Said>,
    pub(crate) removed: Vec<Said>,
    pub(crate) concerned: Vec<Concerned>,
    /// Names of those who hold it and to whom it means nothing.
    pub(crate) untouched: Vec<String>,
    pub(crate) is_cut: bool,
    /// What the form is sent again with.
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl Illustrated for RoleReview<'_> {
    fn pictures(&self) -> Vec<&str> {
        self.brand.logo_url.into_iter().collect()
    }
}

impl RoleReview<'_> {
    fn is_nothing(&self) -> bool {
        !self.is_new && self.renamed.is_none() && self.added.is_empty() && self.removed.is_empty()
    }
}

/// Lists the roles of an organization.
#[utoipa::path(
    get, path = paths::ROLES, tag = "pages", operation_id = "roles_page",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("done" = Option<String>, Query, description = "What has just been done"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let done = query.text("done");
    query.done_loosely()?;
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    let found = roles::list_organization(call.context(), &actor, &call.organization()).await?;
    let name = place.name.as_str();
    let look = of_pages(call.context()).await;
    let page = RolesPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(&call, &actor, Screen::Roles, Some(&place)).await?,
        title: format!("Roles in {}", shown_name(&place)),
        lead: "Built-in roles are part of the server. Roles of your own give what you choose, and never more than you have.",
        rows: found
            .iter()
            .map(|entry| RoleRow::of(entry, path(paths::ROLE, &[name, entry.role.name.name()])))
            .collect(),
        create: may(&call, &actor, &place, Action::Create).then(|| path(paths::NEW_ROLE, &[name])),
        notice: (done.as_deref() == Some("deleted")).then_some("The role is deleted, and nobody holds it any more."),
    };
    Ok(render(StatusCode::OK, &page, &FormAction::own()))
}

/// Whether the caller may do this to custom roles there.
fn may(call: &Call, actor: &Principal, place: &Organization, action: Action) -> bool {
    let object = Object::new(ResourceType::AssignOrgRole).organization(place.id.0);
    call.context().licensing.allows(Feature::CustomRoles, call.now()) && actor.subject.allows(action, &object)
}

/// Shows the form for a new role.
#[utoipa::path(
    get, path = paths::NEW_ROLE, tag = "pages", operation_id = "new_role_page",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("from" = Option<String>, Query, description = "Name of the role that it begins as"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn new(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let from = query.text("from").unwrap_or_default();
    query.done_loosely()?;
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    let found = roles::list_organization(call.context(), &actor, &call.organization()).await?;
    let model = found.into_iter().find(|entry| entry.role.name.name() == from).map(|entry| entry.role);
    let draft = model.map_or_else(Draft::default, |role| Draft {
        name: String::new(),
        display_name: String::new(),
        organization: single(&role.organization),
        organization_member: single(&role.organization_member),
        ..Draft::default()
    });
    form_page(&call, &actor, &place, &draft, None, (None, Vec::new())).await
}

/// The permissions that a custom role can have of these: each action by its name, and no denials.
fn single(list: &[Permission]) -> Vec<Permission> {
    let table = Matrix::of("", "", "", list, false);
    let given = table.rows.iter().flat_map(|row| &row.cells).filter(|cell| cell.is_given);
    given.map(|cell| parsed(&cell.value)).collect()
}

/// The form of a custom role.
#[derive(Deserialize, ToSchema)]
#[schema(as = RolePageForm)]
#[expect(dead_code, reason = "it describes what the handlers read")]
pub(crate) struct ChangeForm {
    csrf_token: String,
    /// `review`, `edit`, `save` or `delete`.
    r#do: String,
    /// Of a role that is to be made.
    #[schema(required = false)]
    name: String,
    #[schema(required = false)]
    display_name: String,
    /// What the role gives in the organization, each as `template:read`.
    #[schema(required = false)]
    org: Vec<String>,
    /// What it gives on what its holders own there.
    #[schema(required = false)]
    own: Vec<String>,
}

fn draft_of(form: &Form, existing: Option<&str>) -> Draft {
    Draft {
        name: existing.map_or_else(|| form.text("name").unwrap_or_default(), str::to_owned),
        display_name: form.text("display_name").unwrap_or_default(),
        organization: form.all("org").map(parsed).collect(),
        organization_member: form.all("own").map(parsed).collect(),
        ..Draft::default()
    }
}

/// Shows what a new role would give, or makes it.
#[utoipa::path(
    post, path = paths::NEW_ROLE, tag = "pages", operation_id = "create_role_page",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    request_body(content = ChangeForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Done, or the user must sign in first"),
    ),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let form = call.form()?;
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    step(&call, &actor, &place, &form, None).await
}

/// Shows a role: a custom one to be changed, by those who may.
#[utoipa::path(
    get, path = paths::ROLE, tag = "pages", operation_id = "role_page",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("roleName" = String, Path, description = "Name of the role"),
        ("done" = Option<String>, Query, description = "What has just been done"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn show(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let done = query.text("done");
    query.done_loosely()?;
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    let entry = find(&call, &actor).await?;
    if !entry.built_in && may(&call, &actor, &place, Action::Update) {
        let notice = match done.as_deref() {
            Some("saved") => Some("The role is saved. It counts from now on."),
            Some("made") => Some("The role is made. Nobody holds it yet."),
            Some(_) | None => None,
        };
        let name = entry.role.name.name().to_owned();
        let draft = Draft {
            name: name.clone(),
            display_name: entry.role.display_name,
            organization: entry.role.organization,
            organization_member: entry.role.organization_member,
            ..Draft::default()
        };
        return form_page(&call, &actor, &place, &draft, Some(&name), (notice, Vec::new())).await;
    }
    read_page(&call, &actor, &place, &entry).await
}

/// The role that the path names.
async fn find(call: &Call, actor: &Principal) -> Result<AssignableRole, Failure> {
    let name = call.segment("roleName").into_owned();
    let found = roles::list_organization(call.context(), actor, &call.organization()).await?;
    let mut found = found.into_iter();
    Ok(found.find(|entry| entry.role.name.name() == name).ok_or(Error::NotFound)?)
}

/// Shows what a change of a custom role means, makes it, or deletes the role.
#[utoipa::path(
    post, path = paths::ROLE, tag = "pages", operation_id = "change_role_page",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("roleName" = String, Path, description = "Name of the role"),
    ),
    request_body(content = ChangeForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Done, or the user must sign in first"),
    ),
)]
pub(crate) async fn change(mut call: Call, actor: Principal) -> HandlerResult {
    let form = call.form()?;
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    let name = call.segment("roleName").into_owned();
    step(&call, &actor, &place, &form, Some(&name)).await
}

/// What the form of a role asks for: `existing` is the name of one that is there.
async fn step(
    call: &Call,
    actor: &Principal,
    place: &Organization,
    form: &Form,
    existing: Option<&str>,
) -> HandlerResult {
    let draft = draft_of(form, existing);
    if !is_fresh(call, actor, &about(place, existing), form)? {
        return form_page(call, actor, place, &draft, existing, (None, vec![OUT_OF_DATE.to_owned()])).await;
    }
    let (ctx, organization, name) = (call.context(), call.organization(), place.name.as_str());
    let there = |role: &str, done: &str| {
        let role = path(paths::ROLE, &[name, role]);
        redirect(StatusCode::SEE_OTHER, &with_query(&role, &[("done", done)]))
    };
    let asked = form.text("do").unwrap_or_default();
    let outcome = match (asked.as_str(), existing) {
        ("save", None) => {
            roles::create(ctx, actor, &organization, draft.clone()).await.map(|role| there(role.name.name(), "made"))
        }
        ("save", Some(_)) => {
            roles::update(ctx, actor, &organization, draft.clone()).await.map(|role| there(role.name.name(), "saved"))
        }
        ("delete", Some(role)) => roles::delete(ctx, actor, &organization, role).await.map(|()| {
            let list = with_query(&path(paths::ROLES, &[name]), &[("done", "deleted")]);
            redirect(StatusCode::SEE_OTHER, &list)
        }),
        ("edit", _) => return form_page(call, actor, place, &draft, existing, (None, Vec::new())).await,
        _ => match roles::review(ctx, actor, &organization, draft.clone(), existing.is_none()).await {
            Ok(review) => return review_page(call, actor, place, &draft, existing, review).await,
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(response) => Ok(response),
        Err(error) => {
            let problems = told(error)?;
            form_page(call, actor, place, &draft, existing, (None, problems)).await
        }
    }
}

/// What the token of a form is about.
fn about(place: &Organization, existing: Option<&str>) -> String {
    format!("{}/{}", place.id, existing.unwrap_or_default())
}

fn crumb(place: &Organization) -> (String, String) {
    (format!("Roles in {}", shown_name(place)), path(paths::ROLES, &[place.name.as_str()]))
}

async fn form_page(
    call: &Call,
    actor: &Principal,
    place: &Organization,
    draft: &Draft,
    existing: Option<&str>,
    (notice, problems): (Option<&'static str>, Vec<String>),
) -> HandlerResult {
    let look = of_pages(call.context()).await;
    let name = place.name.as_str();
    let me = actor.account()?.user.username.as_str();
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = RoleForm {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Roles, Some(place)).await?,
        csrf_token: token(call, actor, &about(place, existing)),
        crumb: crumb(place),
        href: existing.map_or_else(|| path(paths::NEW_ROLE, &[name]), |role| path(paths::ROLE, &[name, role])),
        existing: existing.map(str::to_owned),
        name: draft.name.clone(),
        display_name: draft.display_name.clone(),
        tables: tables(place, &draft.organization, &draft.organization_member, true),
        problems,
        notice,
        explain: access::address(me, "read", "template", name),
        may_delete: existing.is_some() && may(call, actor, place, Action::Delete),
    };
    Ok(render(status, &page, &FormAction::own()))
}

fn tables(place: &Organization, there: &[Permission], own: &[Permission], all: bool) -> Vec<Matrix> {
    let title = format!("In {}", shown_name(place));
    let hint = "Whosever it is, as long as it belongs to the organization.";
    vec![
        Matrix::of("org", title, hint, there, all),
        Matrix::of("own", "On what they own there", "Only what belongs to the holder of the role.", own, all),
    ]
}

async fn read_page(call: &Call, actor: &Principal, place: &Organization, entry: &AssignableRole) -> HandlerResult {
    let AssignableRole { role, .. } = entry;
    let RoleView { site, organization, organization_member, user, .. } = role;
    let name = role.name.name();
    let holders = match roles::holders(call.context(), actor, &call.organization(), name).await {
        Ok((users, is_cut)) => {
            let names = users.into_iter().map(|user| user.username.to_string());
            let linked = |name: String| (name.clone(), path(paths::USER, &[&name]));
            Some((names.map(linked).collect(), is_cut))
        }
        Err(Error::Forbidden(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let mut shown = tables(place, organization, organization_member, false);
    shown.push(Matrix::of("site", "On the whole site", "In every organization.", site, false));
    shown.push(Matrix::of("theirs", "On what is theirs", "What the holder owns, anywhere.", user, false));
    shown.retain(|table| !table.rows.is_empty() || !table.others.is_empty());
    let look = of_pages(call.context()).await;
    let copy = with_query(&path(paths::NEW_ROLE, &[place.name.as_str()]), &[("from", name)]);
    let page = RolePage {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Roles, Some(place)).await?,
        crumb: crumb(place),
        title: if role.display_name.is_empty() { name.to_owned() } else { role.display_name.clone() },
        name: name.to_owned(),
        tables: shown,
        copy: may(call, actor, place, Action::Create).then_some(copy),
        holders,
    };
    Ok(render(StatusCode::OK, &page, &FormAction::own()))
}

async fn review_page(
    call: &Call,
    actor: &Principal,
    place: &Organization,
    draft: &Draft,
    existing: Option<&str>,
    review: Review,
) -> HandlerResult {
    let said = |list: &[Granted]| list.iter().map(Said::of).collect::<Vec<Said>>();
    let (touched, others): (Vec<_>, Vec<_>) =
        review.holders.into_iter().partition(|holder| !holder.gains.is_empty() || !holder.loses.is_empty());
    let list = |field: &'static str, list: &[Permission]| {
        list.iter().map(|permission| (field, permission.to_string())).collect::<Vec<_>>()
    };
    let mut fields = vec![("display_name", draft.display_name.clone())];
    if existing.is_none() {
        fields.push(("name", draft.name.clone()));
    }
    fields.extend(list("org", &draft.organization));
    fields.extend(list("own", &draft.organization_member));
    let look = of_pages(call.context()).await;
    let name = place.name.as_str();
    let page = RoleReview {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Roles, Some(place)).await?,
        csrf_token: token(call, actor, &about(place, existing)),
        crumb: crumb(place),
        href: existing.map_or_else(|| path(paths::NEW_ROLE, &[name]), |role| path(paths::ROLE, &[name, role])),
        title: if draft.display_name.is_empty() { draft.name.clone() } else { draft.display_name.clone() },
        is_new: existing.is_none(),
        renamed: review.difference.display_name,
        added: said(&review.difference.added),
        removed: said(&review.difference.removed),
        concerned: touched
            .iter()
            .map(|holder| Concerned {
                username: holder.user.username.to_string(),
                href: path(paths::USER, &[holder.user.username.as_str()]),
                gains: said(&holder.gains),
                loses: said(&holder.loses),
            })
            .collect(),
        untouched: others.iter().map(|holder| holder.user.username.to_string()).collect(),
        is_cut: review.is_cut,
        fields,
    };
    Ok(render(StatusCode::OK, &page, &FormAction::own()))
}
