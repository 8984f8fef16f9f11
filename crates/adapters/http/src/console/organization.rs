//! How an organization is called, and its end.

use super::form::{About, Outcome, Report, carry_out, done_at, done_here, says_nothing};
use super::organizations::Typed;
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
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, Object, ResourceType};
use doorward_services::appearance::of_pages;
use doorward_services::organizations::{self, OrganizationRef, UpdateOrganization};
use doorward_services::{Error, Principal};
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Console);
    r.user(__path_show, show);
    r.user(__path_change, change).needs(Feature::MultipleOrganizations);
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "console/organization.html")]
#[expect(clippy::struct_excessive_bools, reason = "each says whether the page shows something")]
pub(crate) struct OrganizationPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) csrf_token: String,
    pub(crate) href: String,
    /// The list of members.
    pub(crate) members: String,
    pub(crate) title: String,
    pub(crate) id: String,
    pub(crate) name: String,
    /// As the form has them, and what they were when it was first shown.
    pub(crate) typed: Typed,
    pub(crate) shown: Typed,
    pub(crate) default_roles: String,
    pub(crate) is_default: bool,
    /// Whether several organizations are a part of the licence.
    pub(crate) is_open: bool,
    pub(crate) may_update: bool,
    pub(crate) may_delete: bool,
    /// What must go before it can be deleted.
    pub(crate) blockers: Vec<String>,
    pub(crate) report: Report,
}

only_logo!(OrganizationPage);

/// Shows how an organization is called.
#[utoipa::path(
    get, path = paths::ORGANIZATION_SETTINGS, tag = "pages", operation_id = "organization_page",
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
pub(crate) async fn show(call: Call, actor: Principal) -> HandlerResult {
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    let done = done_here(&call, &actor, &path(paths::ORGANIZATION_SETTINGS, &[place.name.as_str()]));
    let report = Report::done((done.as_deref() == Some("saved")).then_some("The organization is changed."));
    page(&call, &actor, &place, &Form::default(), report).await
}

/// The form that changes an organization.
#[derive(Deserialize, ToSchema)]
#[schema(as = OrganizationPageForm)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub(crate) struct ChangeForm {
    csrf_token: String,
    /// `settings` or `delete`.
    r#do: String,
    /// With `settings`.
    #[schema(required = false)]
    name: String,
    #[schema(required = false)]
    display_name: String,
    #[schema(required = false)]
    description: String,
    #[schema(required = false)]
    icon: String,
    /// With `settings`: what these were when the form was shown. Only what differs from it is changed.
    #[schema(required = false)]
    shown_name: String,
    #[schema(required = false)]
    shown_display_name: String,
    #[schema(required = false)]
    shown_description: String,
    #[schema(required = false)]
    shown_icon: String,
    /// With `delete`: the name, once more.
    #[schema(required = false)]
    confirm: String,
}

/// Changes or deletes an organization.
#[utoipa::path(
    post, path = paths::ORGANIZATION_SETTINGS, tag = "pages", operation_id = "change_organization_page",
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
    match carry_out(&call, &actor, (About::Organization(place.id), &form), done).await? {
        Outcome::Done(response) => Ok(response),
        Outcome::Again(report) => page(&call, &actor, &place, &form, report).await,
    }
}

/// Does what the form asks for; answers where it leads.
async fn act(call: &Call, actor: &Principal, place: &Organization, form: &Form) -> Result<String, Error> {
    let (ctx, reference) = (call.context(), OrganizationRef::Id(place.id));
    match form.text("do").as_deref() {
        Some("settings") => {
            let stored = Typed::of(place);
            let typed = Typed::sent(form, "", &stored);
            let command = since(&typed, &Typed::sent(form, "shown_", &stored))?;
            let after = organizations::update(ctx, actor, &reference, command).await?;
            let there = path(paths::ORGANIZATION_SETTINGS, &[after.name.as_str()]);
            Ok(done_at(call, actor, &there, "saved"))
        }
        Some("delete") => {
            if form.text("confirm").as_deref().map(str::trim) != Some(place.name.as_str()) {
                let message = format!("Nothing was deleted: type `{}`, the name of the organization.", place.name);
                return Err(Error::invalid(message));
            }
            organizations::delete(ctx, actor, &reference).await?;
            Ok(done_at(call, actor, paths::ORGANIZATIONS, "deleted"))
        }
        Some(_) | None => Err(says_nothing()),
    }
}

/// What somebody changed who was shown `shown`: nothing else is sent, so that an old form does not undo what others set.
fn since(typed: &Typed, shown: &Typed) -> Result<UpdateOrganization, Error> {
    let changed = |new: &str, old: &str| (new != old).then(|| new.to_owned());
    let name = changed(&typed.name, &shown.name);
    if name.as_deref() == Some("") {
        return Err(Error::invalid_field("name", "must be filled in"));
    }
    // An empty one is as good as the name.
    let display_name = changed(&typed.display_name, &shown.display_name)
        .map(|text| if text.is_empty() { typed.name.clone() } else { text });
    Ok(UpdateOrganization {
        name: name.unwrap_or_default(),
        display_name: display_name.unwrap_or_default(),
        description: changed(&typed.description, &shown.description),
        icon: changed(&typed.icon, &shown.icon),
        default_roles: None,
    })
}

async fn page(call: &Call, actor: &Principal, place: &Organization, form: &Form, report: Report) -> HandlerResult {
    let object = Object::new(ResourceType::Organization).id(place.id.0).organization(place.id.0);
    let may = |action| actor.subject.allows(action, &object);
    let is_open = call.context().licensing.allows(Feature::MultipleOrganizations, call.now());
    let may_delete = is_open && !place.is_default && may(Action::Delete);
    let blockers = if may_delete {
        organizations::delete_blockers(call.context(), actor, &OrganizationRef::Id(place.id)).await?
    } else {
        Vec::new()
    };
    let stored = Typed::of(place);
    let name = place.name.as_str();
    let look = of_pages(call.context()).await;
    let page = OrganizationPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Settings, Some(place)).await?,
        csrf_token: About::Organization(place.id).token(call, actor),
        href: path(paths::ORGANIZATION_SETTINGS, &[name]),
        members: path(paths::MEMBERS, &[name]),
        title: shown_name(place),
        id: place.id.to_string(),
        name: name.to_owned(),
        typed: Typed::sent(form, "", &stored),
        shown: Typed::sent(form, "shown_", &stored),
        default_roles: place.default_roles.names().join(", "),
        is_default: place.is_default,
        is_open,
        may_update: is_open && may(Action::Update),
        may_delete,
        blockers: blockers.iter().map(ToString::to_string).collect(),
        report,
    };
    Ok(render(page.report.status, &page, &FormAction::own()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_typed_anew_is_changed() {
        let shown = Typed { name: "acme".into(), display_name: "Acme".into(), ..Typed::default() };
        let same = since(&shown, &shown).unwrap();
        assert!(same.name.is_empty() && same.display_name.is_empty() && same.description.is_none());
        let typed = Typed { display_name: String::new(), description: "x".into(), ..shown.clone() };
        let change = since(&typed, &shown).unwrap();
        assert_eq!((change.display_name.as_str(), change.description.as_deref()), ("acme", Some("x")));
        assert!(change.name.is_empty() && change.icon.is_none());
        assert!(since(&Typed { name: String::new(), ..shown.clone() }, &shown).is_err());
    }
}
