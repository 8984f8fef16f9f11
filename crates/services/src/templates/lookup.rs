//! Finding templates.

use super::TemplateView;
use super::access;
use crate::Principal;
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::organizations::{self, OrganizationRef};
use doorward_domain::ids::{OrganizationId, TemplateId};
use doorward_domain::templates::{TemplateFilter, TemplateQuery, parse_template_query};
use doorward_ports::Repositories;

/// Shows a template.
///
/// Needs `template:read`. Errors: `NotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn find(ctx: &Context, actor: &Principal, id: TemplateId) -> Result<TemplateView, Error> {
    ctx.look(actor, move |look| {
        let view = look.repos.templates().view(id)?.ok_or(Error::NotFound)?;
        access::readable(look.by, Some(view.template.clone()))?;
        Ok(view)
    })
    .await
}

/// Shows the template of an organization that has this name, without regard to letter case.
///
/// Needs `template:read`. Errors: `OrganizationNotFound` and `NotFound` (missing or not readable), `Forbidden` (only
/// the scope is too short).
pub async fn find_by_name(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    name: &str,
) -> Result<TemplateView, Error> {
    let (organization, name) = (organization.clone(), name.to_owned());
    ctx.look(actor, move |look| {
        let organization = organizations::resolve(look.repos, look.by, &organization)?;
        let found = look.repos.templates().find_by_name(organization.id, &name)?;
        let template = access::readable(look.by, found)?;
        look.repos.templates().view(template.id)?.ok_or(Error::NotFound)
    })
    .await
}

/// Lists the templates that the caller may read, narrowed by a search query.
///
/// Shows what `template:read` reaches. Errors: `Invalid` (the query), `Forbidden` (only the scope is too short for the
/// organization in it).
pub async fn list(ctx: &Context, actor: &Principal, query: &str) -> Result<Vec<TemplateView>, Error> {
    let query = parse(query)?;
    ctx.look(actor, move |look| {
        let organization = query.organization.as_deref();
        let organization = organization.map(|name| searched(look.repos, look.by, name)).transpose()?;
        let filter = TemplateFilter { organization, ..query.filter };
        Ok(look.repos.templates().list(&filter, &access::visible(look.by))?)
    })
    .await
}

/// Lists the templates of an organization that the caller may read, narrowed by a search query.
///
/// Shows what `template:read` reaches. Errors: `Invalid` (the query), `OrganizationNotFound` (missing or not readable),
/// `Forbidden` (only the scope is too short for an organization).
pub async fn list_in(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    query: &str,
) -> Result<Vec<TemplateView>, Error> {
    let (organization, query) = (organization.clone(), parse(query)?);
    ctx.look(actor, move |look| {
        let organization = organizations::resolve(look.repos, look.by, &organization)?;
        if let Some(name) = &query.organization
            && searched(look.repos, look.by, name)? != organization.id
        {
            return Ok(Vec::new());
        }
        let filter = TemplateFilter { organization: Some(organization.id), ..query.filter };
        Ok(look.repos.templates().list(&filter, &access::visible(look.by))?)
    })
    .await
}

fn parse(query: &str) -> Result<TemplateQuery, Error> {
    parse_template_query(query).map_err(|errors| Error::bad_query("Invalid template search query.", errors))
}

/// The organization that a search query names by name or id (`identity.md` 1.5).
pub(crate) fn searched(repos: &mut dyn Repositories, actor: &Principal, name: &str) -> Result<OrganizationId, Error> {
    match organizations::resolve(repos, actor, &OrganizationRef::parse(name)) {
        Ok(organization) => Ok(organization.id),
        Err(Error::OrganizationNotFound(name)) => {
            let detail = format!("Query param \"organization\": `{name}` does not exist, or you may not see it.");
            Err(Error::invalid_fields(
                "Query parameters have invalid values.",
                vec![FieldError::new("organization", detail)],
            ))
        }
        Err(error) => Err(error),
    }
}
