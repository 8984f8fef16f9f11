//! How members, groups and roles follow identity providers: the claims, their mappings, and what a sign-in would change.

use super::form::{About, Outcome, Report, carry_out, done_at, done_here};
use super::idp_sync_form::{act, try_out};
use super::idp_sync_section::{Section, of_groups, of_organizations, of_roles};
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
use doorward_domain::idp_sync::{Effect, Plan};
use doorward_domain::ids::OrganizationId;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, Object, ResourceType};
use doorward_services::appearance::of_pages;
use doorward_services::idp_sync::{self, DryRunResult};
use doorward_services::organizations::{self, OrganizationRef};
use doorward_services::{Error, Principal};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Console);
    r.user(__path_show_site, show_site).no_store();
    r.user(__path_change_site, change_site).no_store();
    r.user(__path_show_place, show_place).no_store();
    r.user(__path_change_place, change_place).no_store();
}

/// What a sign-in would change, in words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outlook {
    /// Why nobody would be signed in; empty if somebody would be.
    pub(crate) refused: String,
    pub(crate) gained: Vec<String>,
    pub(crate) lost: Vec<String>,
    pub(crate) ignored: Vec<String>,
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "console/idp_sync.html")]
pub(crate) struct SyncPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) csrf_token: String,
    pub(crate) title: String,
    pub(crate) href: String,
    pub(crate) may_update: bool,
    /// Whether the caller may ask what a sign-in would change.
    pub(crate) may_try: bool,
    /// Names of claims that were seen.
    pub(crate) fields: Vec<String>,
    pub(crate) sections: Vec<Section>,
    /// What was typed for a trial.
    pub(crate) user: String,
    pub(crate) claims: String,
    pub(crate) outlook: Option<Outlook>,
    pub(crate) report: Report,
}

only_logo!(SyncPage);

/// The form that changes how something follows, or tries it.
#[derive(Deserialize, ToSchema)]
#[schema(as = IdpSyncPageForm)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub(crate) struct ChangeForm {
    csrf_token: String,
    /// `config`, `add`, `remove` or `try`, which changes nothing.
    r#do: String,
    /// `organizations`, `groups` or `roles`; none with `try`.
    #[schema(required = false)]
    kind: String,
    /// With `config`: the name of the claim, and what it was when the form was shown. If it is another by now, nothing is done.
    #[schema(required = false)]
    field: String,
    #[schema(required = false)]
    shown_field: String,
    /// With `config`: `on` if everybody belongs to the default organization, or if missing groups are made.
    #[schema(required = false)]
    flag: String,
    #[schema(required = false)]
    shown_flag: String,
    /// With `config`, of groups: only values in which this regular expression is found count.
    #[schema(required = false)]
    filter: String,
    #[schema(required = false)]
    shown_filter: String,
    /// With `add` and `remove`: a value of the claim, and what it gives.
    #[schema(required = false)]
    given: String,
    #[schema(required = false)]
    gets: String,
    /// With `try`: who would sign in, and the claims as a JSON object. One of both is enough.
    #[schema(required = false)]
    user: String,
    #[schema(required = false)]
    claims: String,
}

/// Shows how members of organizations follow a claim.
#[utoipa::path(
    get, path = paths::IDP_SYNC, tag = "pages", operation_id = "idp_sync_page",
    params(
        ("done" = Option<String>, Query, description = "What has just been done"),
        ("by" = Option<String>, Query, description = "The proof that it was: a link of somebody else says nothing"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn show_site(call: Call, actor: Principal) -> HandlerResult {
    let report = done(&call, &actor, paths::IDP_SYNC);
    page(&call, &actor, None, (&Form::default(), None), report).await
}

/// Changes how members of organizations follow a claim, or tries it.
#[utoipa::path(
    post, path = paths::IDP_SYNC, tag = "pages", operation_id = "change_idp_sync_page",
    request_body(content = ChangeForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Done, or the user must sign in first"),
    ),
)]
pub(crate) async fn change_site(call: Call, actor: Principal) -> HandlerResult {
    change(call, actor, None).await
}

/// Shows how groups and roles of an organization follow claims.
#[utoipa::path(
    get, path = paths::PLACE_IDP_SYNC, tag = "pages", operation_id = "organization_idp_sync_page",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("done" = Option<String>, Query, description = "What has just been done"),
        ("by" = Option<String>, Query, description = "The proof that it was: a link of somebody else says nothing"),
    ),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn show_place(call: Call, actor: Principal) -> HandlerResult {
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    let report = done(&call, &actor, &address(Some(&place)));
    page(&call, &actor, Some(&place), (&Form::default(), None), report).await
}

/// Changes how groups or roles of an organization follow claims, or tries it.
#[utoipa::path(
    post, path = paths::PLACE_IDP_SYNC, tag = "pages", operation_id = "change_organization_idp_sync_page",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    request_body(content = ChangeForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "Done, or the user must sign in first"),
    ),
)]
pub(crate) async fn change_place(call: Call, actor: Principal) -> HandlerResult {
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    change(call, actor, Some(place)).await
}

async fn change(mut call: Call, actor: Principal, place: Option<Organization>) -> HandlerResult {
    let form = call.form()?;
    let about = About::Sync(place.as_ref().map(|place| place.id));
    if form.text("do").as_deref() == Some("try") {
        // It changes nothing, but is as secret as what it tells.
        let (report, outlook) = match about.stale(&call, &actor, &form)? {
            Some(report) => (report, None),
            None => match try_out(&call, &actor, &form).await {
                Ok(result) => (Report::default(), Some(outlook(result))),
                Err(error) => (Report::of(error)?, None),
            },
        };
        return page(&call, &actor, place.as_ref(), (&form, outlook), report).await;
    }
    let done = async {
        let done = act(&call, &actor, place.as_ref(), &form).await?;
        Ok::<_, Error>(done_at(&call, &actor, &address(place.as_ref()), done))
    };
    match carry_out(&call, &actor, (about, &form), done).await? {
        Outcome::Done(response) => Ok(response),
        Outcome::Again(report) => page(&call, &actor, place.as_ref(), (&form, None), report).await,
    }
}

fn address(place: Option<&Organization>) -> String {
    place.map_or_else(|| paths::IDP_SYNC.to_owned(), |place| path(paths::PLACE_IDP_SYNC, &[place.name.as_str()]))
}

fn done(call: &Call, actor: &Principal, here: &str) -> Report {
    Report::done(match done_here(call, actor, here).as_deref() {
        Some("saved") => Some("It is changed, and counts from the next sign-in on."),
        Some("added") => Some("The value is mapped."),
        Some("removed") => Some("The value does not give this any more."),
        _ => None,
    })
}

/// What a sign-in would change, in words.
fn outlook(result: DryRunResult) -> Outlook {
    let DryRunResult { plan, organizations, .. } = result;
    let (plan, refused) = match plan {
        Ok(plan) => (plan, String::new()),
        Err(refused) => (Plan::default(), refused.to_string()),
    };
    let kind = |kind: &str| kind.replace('_', " ");
    let inside = |id: Option<OrganizationId>| {
        let name = id.and_then(|id| organizations.get(&id));
        name.map(|name| format!(" in {name}")).unwrap_or_default()
    };
    let effects = |effects: &[Effect]| {
        let words = effects.iter().map(|effect| {
            let place =
                if effect.kind.as_str() == "organization" { String::new() } else { inside(effect.organization_id) };
            format!("{} {}{place}: {}", kind(effect.kind.as_str()), effect.name, effect.because)
        });
        words.collect::<Vec<_>>()
    };
    let mut ignored: Vec<String> = plan
        .ignored
        .iter()
        .map(|note| {
            let value = note.value.as_deref().map(|value| format!(", `{value}`")).unwrap_or_default();
            format!("{}{}{value}: {}", kind(note.kind.as_str()), inside(note.organization_id), note.because)
        })
        .collect();
    if plan.ignored_more > 0 {
        ignored.push(format!("{} more", plan.ignored_more));
    }
    Outlook { refused, gained: effects(&plan.gained), lost: effects(&plan.lost), ignored }
}

async fn page(
    call: &Call,
    actor: &Principal,
    place: Option<&Organization>,
    (form, outlook): (&Form, Option<Outlook>),
    report: Report,
) -> HandlerResult {
    let object = Object::new(ResourceType::IdpsyncSettings);
    let here = place.map_or_else(|| object.clone(), |place| object.clone().organization(place.id.0));
    let reference = place.map(|place| OrganizationRef::Id(place.id));
    let sections = match &reference {
        None => vec![of_organizations(call, actor, form).await?],
        Some(reference) => {
            vec![of_groups(call, actor, reference, form).await?, of_roles(call, actor, reference, form).await?]
        }
    };
    let fields = match idp_sync::available_fields(call.context(), actor, reference.as_ref()).await {
        Ok(fields) => fields,
        Err(Error::Forbidden(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let look = of_pages(call.context()).await;
    let page = SyncPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, if place.is_some() { Screen::PlaceSync } else { Screen::Sync }, place).await?,
        csrf_token: About::Sync(place.map(|place| place.id)).token(call, actor),
        title: place.map_or_else(
            || "Organizations from identity providers".to_owned(),
            |place| format!("Groups and roles of {} from identity providers", shown_name(place)),
        ),
        href: address(place),
        may_update: actor.subject.allows(Action::Update, &here),
        may_try: actor.subject.allows(Action::Read, &object),
        fields,
        sections,
        user: form.text("user").unwrap_or_default(),
        claims: form.text("claims").unwrap_or_default(),
        outlook,
        report,
    };
    Ok(render(page.report.status, &page, &FormAction::own()))
}
