//! The roles of an organization, to be read.

use super::form::{Report, done_here};
use super::matrix::Matrix;
use super::shell::{Screen, shell, shown_name};
use super::site_roles::{RolePage, RoleRow, RolesPage};
use super::{path, with_query};
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::html::headers::{FormAction, render};
use crate::kit::html::layout::Brand;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use doorward_domain::entitlements::Feature;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, Object, Permission, ResourceType};
use doorward_services::appearance::of_pages;
use doorward_services::roles::{self, AssignableRole, RoleView};
use doorward_services::{Error, Principal, organizations};

pub(crate) fn routes(routes: &mut Routes) {
    routes.of(&Console).user(__path_list, list);
}

/// Lists the roles of an organization.
#[utoipa::path(
    get, path = paths::ROLES, tag = "pages", operation_id = "roles_page",
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
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let place = organizations::find(call.context(), &actor, &call.organization()).await?;
    let done = done_here(&call, &actor, &path(paths::ROLES, &[place.name.as_str()]));
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
        report: Report::done(
            (done.as_deref() == Some("deleted"))
                .then_some("The role is deleted: who held it does not hold it any more."),
        ),
    };
    Ok(render(StatusCode::OK, &page, &FormAction::own()))
}

/// Whether the caller may do this to custom roles there.
pub(super) fn may(call: &Call, actor: &Principal, place: &Organization, action: Action) -> bool {
    let object = Object::new(ResourceType::AssignOrgRole).organization(place.id.0);
    call.context().licensing.allows(Feature::CustomRoles, call.now()) && actor.subject.allows(action, &object)
}

/// The role that the path names.
pub(super) async fn find(call: &Call, actor: &Principal) -> Result<AssignableRole, Error> {
    let name = call.segment("roleName").into_owned();
    let found = roles::list_organization(call.context(), actor, &call.organization()).await?;
    let mut found = found.into_iter();
    found.find(|entry| entry.role.name.name() == name).ok_or(Error::NotFound)
}

pub(super) fn crumb(place: &Organization) -> (String, String) {
    (format!("Roles in {}", shown_name(place)), path(paths::ROLES, &[place.name.as_str()]))
}

pub(super) fn tables(place: &Organization, there: &[Permission], own: &[Permission], all: bool) -> Vec<Matrix> {
    let title = format!("In {}", shown_name(place));
    let hint = "Whosever it is, as long as it belongs to the organization.";
    vec![
        Matrix::of("org", title, hint, there, all),
        Matrix::of("own", "On what they own there", "Only what belongs to the holder of the role.", own, all),
    ]
}

/// A role that the caller may only read.
pub(super) async fn read_page(
    call: &Call,
    actor: &Principal,
    place: &Organization,
    entry: &AssignableRole,
) -> HandlerResult {
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
