//! The roles of the site, to be read: they are part of the server.

use super::form::Report;
use super::matrix::Matrix;
use super::path;
use super::shell::{Screen, Shell, shell};
use crate::conventions::Console;
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::Brand;
use crate::kit::routes::Routes;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_services::appearance::of_pages;
use doorward_services::roles::{self, AssignableRole};
use doorward_services::{Error, Principal};

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Console);
    r.user(__path_list, list);
    r.user(__path_show, show);
}

/// A role in a list.
#[derive(Clone, Debug)]
pub(crate) struct RoleRow {
    pub(crate) name: String,
    pub(crate) shown: String,
    pub(crate) href: String,
    pub(crate) built_in: bool,
    /// What it gives, in numbers.
    pub(crate) gives: String,
    pub(crate) assignable: bool,
}

impl RoleRow {
    pub(crate) fn of(entry: &AssignableRole, href: String) -> Self {
        let role = &entry.role;
        let lists = [&role.site, &role.organization, &role.user, &role.organization_member];
        let tables = lists.map(|list| Matrix::of("", "", "", list, false).given);
        let [site, organization, user, own] = tables;
        let parts = [(site, "on the site"), (organization, "in the organization"), (user + own, "on what is theirs")];
        let parts = parts.into_iter().filter(|(count, _)| *count > 0);
        let gives = parts.map(|(count, where_to)| format!("{count} {where_to}")).collect::<Vec<_>>().join(", ");
        Self {
            name: role.name.name().to_owned(),
            shown: if role.display_name.is_empty() { role.name.name().to_owned() } else { role.display_name.clone() },
            href,
            built_in: entry.built_in,
            gives: if gives.is_empty() { "nothing".to_owned() } else { gives },
            assignable: entry.assignable,
        }
    }
}

/// The list, of the site or of an organization.
#[derive(Clone, Debug, Template)]
#[template(path = "console/roles.html")]
pub(crate) struct RolesPage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) title: String,
    pub(crate) lead: &'static str,
    pub(crate) rows: Vec<RoleRow>,
    /// Where one is made, if the caller may.
    pub(crate) create: Option<String>,
    pub(crate) report: Report,
}

only_logo!(RolesPage);

/// One role, to be read.
#[derive(Clone, Debug, Template)]
#[template(path = "console/role.html")]
pub(crate) struct RolePage<'a> {
    pub(crate) brand: Brand<'a>,
    pub(crate) shell: Shell<'a>,
    pub(crate) crumb: (String, String),
    pub(crate) title: String,
    pub(crate) name: String,
    pub(crate) tables: Vec<Matrix>,
    /// Where a custom role begins as this one.
    pub(crate) copy: Option<String>,
    /// Names of those who hold it, with links; and whether there are more.
    pub(crate) holders: Option<(Vec<(String, String)>, bool)>,
}

only_logo!(RolePage);

/// Lists the roles of the site.
#[utoipa::path(
    get, path = paths::SITE_ROLES, tag = "pages", operation_id = "site_roles_page",
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let found = roles::list_site(call.context(), &actor).await?;
    let look = of_pages(call.context()).await;
    let page = RolesPage {
        brand: Brand::of(&call.site, &look),
        shell: shell(&call, &actor, Screen::SiteRoles, None).await?,
        title: "Site roles".to_owned(),
        lead: "They count everywhere. They are part of the server; roles of your own belong to an organization.",
        rows: found.iter().map(|entry| RoleRow::of(entry, path(paths::SITE_ROLE, &[entry.role.name.name()]))).collect(),
        create: None,
        report: Report::default(),
    };
    Ok(render(StatusCode::OK, &page, &FormAction::own()))
}

/// Shows a role of the site.
#[utoipa::path(
    get, path = paths::SITE_ROLE, tag = "pages", operation_id = "site_role_page",
    params(("roleName" = String, Path, description = "Name of the role")),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = 303, description = "The user must sign in first"),
    ),
)]
pub(crate) async fn show(call: Call, actor: Principal) -> HandlerResult {
    let name = call.segment("roleName").into_owned();
    let found = roles::list_site(call.context(), &actor).await?;
    let role = found.into_iter().find(|entry| entry.role.name.name() == name).ok_or(Error::NotFound)?.role;
    let look = of_pages(call.context()).await;
    let page = RolePage {
        brand: Brand::of(&call.site, &look),
        shell: shell(&call, &actor, Screen::SiteRoles, None).await?,
        crumb: ("Site roles".to_owned(), paths::SITE_ROLES.to_owned()),
        title: if role.display_name.is_empty() { name.clone() } else { role.display_name.clone() },
        tables: [
            Matrix::of("site", "On the whole site", "Whosever it is, and in every organization.", &role.site, false),
            Matrix::of("own", "On what is theirs", "What the holder owns.", &role.user, false),
        ]
        .into_iter()
        .filter(|table| !table.rows.is_empty() || !table.others.is_empty())
        .collect(),
        name,
        copy: None,
        holders: None,
    };
    Ok(render(StatusCode::OK, &page, &FormAction::own()))
}
