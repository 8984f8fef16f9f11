//! The form of a custom role: what it is to be, a look at what a change means, and only then the change.

use super::form::{About, Report, done_at, done_here};
use super::matrix::{Matrix, parsed};
use super::role_review::{Reviewed, review_page};
use super::roles::{crumb, find, may, read_page, tables};
use super::shell::{Screen, Shell, shell};
use super::{access, path};
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::answer::redirect;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::Brand;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_domain::entitlements::Feature;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::custom::Draft;
use doorward_domain::roles::{Action, Permission};
use doorward_services::appearance::of_pages;
use doorward_services::roles::{self, RoleView};
use doorward_services::{Error, Principal, organizations};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Console);
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
    /// Which version of the role the form was made of; empty for one that is to be made.
    pub(crate) version: String,
    pub(crate) report: Report,
    /// Where it is explained who may what.
    pub(crate) explain: String,
    pub(crate) may_delete: bool,
}

only_logo!(RoleForm);

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
    if !may(&call, &actor, &place, Action::Create) {
        return Err(Error::Refused("You may not make roles in this organization.".to_owned()).into());
    }
    let found = roles::list_organization(call.context(), &actor, &call.organization()).await?;
    let model = found.into_iter().find(|entry| entry.role.name.name() == from).map(|entry| entry.role);
    let draft = model.map_or_else(Draft::default, |role| Draft {
        name: String::new(),
        display_name: String::new(),
        organization: single(&role.organization),
        organization_member: single(&role.organization_member),
        ..Draft::default()
    });
    form_page(&call, &actor, &place, &Drawn::new(draft), Report::default()).await
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
    /// Which version of the role the form was made of, or the change reviewed with. Another one is not changed.
    #[schema(required = false)]
    version: String,
}

/// A role as a form has it.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub(super) draft: Draft,
    /// The name of the role that is there; `None` for one that is to be made.
    pub(super) existing: Option<String>,
    /// Which version of it the form was made of.
    version: String,
}

impl Drawn {
    const fn new(draft: Draft) -> Self {
        Self { draft, existing: None, version: String::new() }
    }

    fn of_stored(role: RoleView) -> Self {
        let version = role.version();
        let name = role.name.name().to_owned();
        let draft = Draft {
            name: name.clone(),
            display_name: role.display_name,
            organization: role.organization,
            organization_member: role.organization_member,
            ..Draft::default()
        };
        Self { draft, existing: Some(name), version }
    }

    fn sent(form: &Form, existing: Option<String>) -> Self {
        let text = |field: &str| form.text(field).unwrap_or_default();
        let draft = Draft {
            name: existing.clone().unwrap_or_else(|| text("name")),
            display_name: text("display_name"),
            organization: form.all("org").map(parsed).collect(),
            organization_member: form.all("own").map(parsed).collect(),
            ..Draft::default()
        };
        Self { draft, existing, version: text("version") }
    }

    /// What the token of a form is about.
    pub(super) fn about(&self, place: &Organization) -> About<'_> {
        self.existing.as_deref().map_or(About::NewRole(place.id), |role| About::Role(place.id, role))
    }

    /// Where a form is sent.
    pub(super) fn href(&self, place: &Organization) -> String {
        let place = place.name.as_str();
        let existing = self.existing.as_deref();
        existing.map_or_else(|| path(paths::NEW_ROLE, &[place]), |role| path(paths::ROLE, &[place, role]))
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
    step(&call, &actor, &place, &form, Drawn::sent(&form, None)).await
}

/// Shows a role: a custom one to be changed, by those who may.
#[utoipa::path(
    get, path = paths::ROLE, tag = "pages", operation_id = "role_page",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("roleName" = String, Path, description = "Name of the role"),
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
    let entry = find(&call, &actor).await?;
    if !entry.built_in && may(&call, &actor, &place, Action::Update) {
        let done = done_here(&call, &actor, &path(paths::ROLE, &[place.name.as_str(), entry.role.name.name()]));
        let notice = match done.as_deref() {
            Some("saved") => Some("The role is saved. It counts from now on."),
            Some("made") => Some("The role is made."),
            Some(_) | None => None,
        };
        let drawn = Drawn::of_stored(entry.role);
        return form_page(&call, &actor, &place, &drawn, Report::done(notice)).await;
    }
    read_page(&call, &actor, &place, &entry).await
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
    step(&call, &actor, &place, &form, Drawn::sent(&form, Some(name))).await
}

/// What the form of a role asks for.
async fn step(call: &Call, actor: &Principal, place: &Organization, form: &Form, drawn: Drawn) -> HandlerResult {
    if let Some(report) = drawn.about(place).stale(call, actor, form)? {
        return form_page(call, actor, place, &drawn, report).await;
    }
    let (ctx, organization, name) = (call.context(), call.organization(), place.name.as_str());
    let draft = drawn.draft.clone();
    let there = |role: &RoleView, done: &str| done_at(call, actor, &path(paths::ROLE, &[name, role.name.name()]), done);
    let asked = form.text("do").unwrap_or_default();
    let outcome = match (asked.as_str(), drawn.existing.as_deref()) {
        ("save", None) => roles::create(ctx, actor, &organization, draft).await.map(|role| there(&role, "made")),
        ("save", Some(_)) => roles::update_reviewed(ctx, actor, &organization, drawn.version.clone(), draft)
            .await
            .map(|role| there(&role, "saved")),
        ("delete", Some(role)) => roles::delete(ctx, actor, &organization, role)
            .await
            .map(|()| done_at(call, actor, &path(paths::ROLES, &[name]), "deleted")),
        ("edit", _) => return form_page(call, actor, place, &drawn, Report::default()).await,
        (_, existing) => match roles::review(ctx, actor, &organization, draft, existing.is_none()).await {
            Ok(review) => {
                let is_other = review.version().is_some_and(|version| version != drawn.version);
                let (about, href) = (drawn.about(place), drawn.href(place));
                let reviewed = Reviewed { draft: &drawn.draft, about, href, review, is_other };
                return review_page(call, actor, place, reviewed).await;
            }
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(path) => Ok(redirect(StatusCode::SEE_OTHER, &path)),
        Err(Error::NotFound) => refused(call, actor, place, drawn).await,
        Err(error) => form_page(call, actor, place, &drawn, Report::of(error)?).await,
    }
}

/// The form again for those who may not change the role, or for whom it is gone. What they chose is not.
async fn refused(call: &Call, actor: &Principal, place: &Organization, drawn: Drawn) -> HandlerResult {
    let is_gone = match (&drawn.existing, find(call, actor).await) {
        (Some(_), Err(Error::NotFound)) => may(call, actor, place, Action::Create),
        _ => false,
    };
    if !is_gone {
        let report = Report::problem(StatusCode::FORBIDDEN, "You may not do this.");
        return form_page(call, actor, place, &drawn, report).await;
    }
    let text = format!(
        "There is no role `{}` any more, so nothing was done. It can be made anew as it stands below.",
        drawn.draft.name
    );
    let report = Report::problem(StatusCode::NOT_FOUND, text);
    form_page(call, actor, place, &Drawn::new(drawn.draft), report).await
}

async fn form_page(
    call: &Call,
    actor: &Principal,
    place: &Organization,
    drawn: &Drawn,
    report: Report,
) -> HandlerResult {
    let Drawn { draft, existing, version } = drawn;
    let look = of_pages(call.context()).await;
    let name = place.name.as_str();
    let me = actor.account()?.user.username.as_str();
    let page = RoleForm {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Roles, Some(place)).await?,
        csrf_token: drawn.about(place).token(call, actor),
        crumb: crumb(place),
        href: drawn.href(place),
        existing: existing.clone(),
        name: draft.name.clone(),
        display_name: draft.display_name.clone(),
        tables: tables(place, &draft.organization, &draft.organization_member, true),
        version: version.clone(),
        report,
        explain: access::address(me, "read", "template", name),
        may_delete: existing.is_some() && may(call, actor, place, Action::Delete),
    };
    Ok(render(page.report.status, &page, &FormAction::own()))
}
