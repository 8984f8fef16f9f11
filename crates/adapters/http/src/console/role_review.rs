//! What a change of a custom role means, before it is made.

use super::form::About;
use super::matrix::Said;
use super::path;
use super::roles::crumb;
use super::shell::{Screen, Shell, shell};
use crate::conventions::page::paths;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::html::headers::{FormAction, only_logo, render};
use crate::kit::html::layout::Brand;
use actix_web::http::StatusCode;
use askama::Template;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::Permission;
use doorward_domain::roles::custom::Draft;
use doorward_services::Principal;
use doorward_services::appearance::of_pages;
use doorward_services::roles::{Granted, Review};

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
    /// Whether the role has been changed since the form was shown.
    pub(crate) is_other: bool,
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

only_logo!(RoleReview);

impl RoleReview<'_> {
    fn is_nothing(&self) -> bool {
        !self.is_new && self.renamed.is_none() && self.added.is_empty() && self.removed.is_empty()
    }
}

/// What the form of a role would do, as it was found out.
pub(super) struct Reviewed<'a> {
    pub(super) draft: &'a Draft,
    /// What the form is about, and where it is sent.
    pub(super) about: About<'a>,
    pub(super) href: String,
    pub(super) review: Review,
    /// Whether the role has been changed since the form was shown.
    pub(super) is_other: bool,
}

/// The page that shows it. Its form names the version that was compared with, so that no other one is changed.
pub(super) async fn review_page(
    call: &Call,
    actor: &Principal,
    place: &Organization,
    reviewed: Reviewed<'_>,
) -> HandlerResult {
    let Reviewed { draft, about, href, review, is_other } = reviewed;
    let version = review.version();
    let said = |list: &[Granted]| list.iter().map(Said::of).collect::<Vec<Said>>();
    let (touched, others): (Vec<_>, Vec<_>) =
        review.holders.into_iter().partition(|holder| !holder.gains.is_empty() || !holder.loses.is_empty());
    let list = |field: &'static str, list: &[Permission]| {
        list.iter().map(|permission| (field, permission.to_string())).collect::<Vec<_>>()
    };
    let mut fields = vec![("display_name", draft.display_name.clone())];
    fields.push(match &version {
        Some(version) => ("version", version.clone()),
        None => ("name", draft.name.clone()),
    });
    fields.extend(list("org", &draft.organization));
    fields.extend(list("own", &draft.organization_member));
    let look = of_pages(call.context()).await;
    let page = RoleReview {
        brand: Brand::of(&call.site, &look),
        shell: shell(call, actor, Screen::Roles, Some(place)).await?,
        csrf_token: about.token(call, actor),
        crumb: crumb(place),
        href,
        title: if draft.display_name.is_empty() { draft.name.clone() } else { draft.display_name.clone() },
        is_new: version.is_none(),
        is_other,
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
