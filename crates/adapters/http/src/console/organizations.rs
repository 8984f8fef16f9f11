//! The organizations, and making one.

use super::form::{About, Outcome, Report, carry_out, done_at, done_here};
use super::path;
use super::shell::{Screen, Shell, may_make, shell, shown_name};
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::extract::form::Form;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::Brand;
use crate::kit::html::moment::TimeElement;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_domain::entitlements::Feature;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, Object, ResourceType};
use doorward_services::appearance::of_pages;
use doorward_services::organizations::{self, CreateOrganization};
use doorward_services::{Error, Principal};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Console);
    r.user(__path_list, list);
    r.user(__path_new, new).needs(Feature::MultipleOrganizations);
    r.user(__path_create, create).needs(Feature::MultipleOrganizations);
}

/// One organization.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) shown: String,
    pub(crate) description: String,
    pub(crate) href: String,
    pub(crate) is_default: bool,
    pub(crate) made: TimeElement,
}

/// The list.
#[derive(Clone, Debug, Template)]
#[template(path = "console/organizations.html")]
pub(crate) struct OrganizationsPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) rows: Vec<Row>,
    pub(crate) may_make: bool,
    pub(crate) report: Report,
}

only_logo!(OrganizationsPage);

/// What is typed of an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) description: String,
    pub(crate) icon: String,
}

impl Typed {
    pub(super) fn of(place: &Organization) -> Self {
        Self {
            name: place.name.to_string(),
            display_name: place.display_name.to_string(),
            description: place.description.clone(),
            icon: place.icon.clone(),
        }
    }

    /// The fields of a form whose names begin like this; what it lacks is as stored. Browsers send lines as CR and LF.
    pub(super) fn sent(form: &Form, beginning: &str, stored: &Self) -> Self {
        let text = |field: &str, stored: &str| {
            let sent = form.all(&format!("{beginning}{field}")).next();
            sent.unwrap_or(stored).replace("\r\n", "\n")
        };
        Self {
            name: text("name", &stored.name),
            display_name: text("display_name", &stored.display_name),
            description: text("description", &stored.description),
            icon: text("icon", &stored.icon),
        }
    }
}

/// The form of a new one.
#[derive(Clone, Debug, Template)]
#[template(path = "console/organization_new.html")]
pub(crate) struct NewPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) csrf_token: String,
    pub(crate) typed: Typed,
    pub(crate) report: Report,
}

only_logo!(NewPage);

/// Lists the organizations that the caller may read.
#[utoipa::path(
    get, path = paths::ORGANIZATIONS, tag = "pages", operation_id = "organizations_page",
    params(
        ("done" = Option<String>, Query, description = "What has just been done"),
        ("by" = Option<String>, Query, description = "The proof that it was: a link of somebody else says nothing"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let done = done_here(&call, &actor, paths::ORGANIZATIONS);
    let found = organizations::list(call.context(), &actor).await?;
    let now = call.now();
    let is_open = call.context().licensing.allows(Feature::MultipleOrganizations, now);
    let look = of_pages(call.context()).await;
    let row = |place: &Organization| Row {
        name: place.name.to_string(),
        shown: shown_name(place),
        description: place.description.clone(),
        href: path(paths::MEMBERS, &[place.name.as_str()]),
        is_default: place.is_default,
        made: TimeElement::day(place.created_at),
    };
    let page = OrganizationsPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(&call, &actor, Screen::Organizations, None).await?,
        rows: found.iter().map(row).collect(),
        may_make: is_open && may_make(&actor),
        report: Report::done((done.as_deref() == Some("deleted")).then_some("The organization is deleted.")),
    };
    Ok(render(StatusCode::OK, &page, &FormAction::own()))
}

/// Shows the form of a new organization.
#[utoipa::path(
    get, path = paths::NEW_ORGANIZATION, tag = "pages", operation_id = "new_organization_page",
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn new(call: Call, actor: Principal) -> HandlerResult {
    check_may_make(&actor)?;
    new_page(&call, &actor, Typed::default(), Report::default()).await
}

/// The form of a new organization.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewOrganizationPageForm)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub(crate) struct CreateForm {
    csrf_token: String,
    name: String,
    #[schema(required = false)]
    display_name: String,
    #[schema(required = false)]
    description: String,
    #[schema(required = false)]
    icon: String,
}

/// Makes an organization.
#[utoipa::path(
    post, path = paths::NEW_ORGANIZATION, tag = "pages", operation_id = "create_organization_page",
    request_body(content = CreateForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Done, or the user must sign in first"),
    ),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let form = call.form()?;
    check_may_make(&actor)?;
    let typed = Typed::sent(&form, "", &Typed::default());
    let done = async {
        let Typed { name, display_name, description, icon } = typed.clone();
        let command = CreateOrganization { name, display_name, description, icon, default_roles: Vec::new() };
        let made = organizations::create(call.context(), &actor, command).await?;
        Ok::<_, Error>(done_at(&call, &actor, &path(paths::MEMBERS, &[made.name.as_str()]), "made"))
    };
    match carry_out(&call, &actor, (About::NewOrganization, &form), done).await? {
        Outcome::Done(response) => Ok(response),
        Outcome::Again(report) => new_page(&call, &actor, typed, report).await,
    }
}

/// Whoever could not make one sees no form either.
fn check_may_make(actor: &Principal) -> Result<(), Error> {
    Ok(actor.subject.check(Action::Create, &Object::new(ResourceType::Organization))?)
}

async fn new_page(call: &Call, actor: &Principal, typed: Typed, report: Report) -> HandlerResult {
    let look = of_pages(call.context()).await;
    let page = NewPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Organizations, None).await?,
        csrf_token: About::NewOrganization.token(call, actor),
        typed,
        report,
    };
    Ok(render(page.report.status, &page, &FormAction::own()))
}
