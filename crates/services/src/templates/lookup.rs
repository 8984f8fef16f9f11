//! Finding templates.

use super::TemplateView;
use super::access;
use crate::context::{Actor, Context};
use crate::error::{Error, FieldError};
use crate::organizations::{self, OrganizationRef};
use doorward_domain::ids::{OrganizationId, TemplateId};
use doorward_domain::templates::{TemplateFilter, TemplateQuery, parse_template_query};
use doorward_ports::Repositories;

/// Shows a template.
pub async fn find(ctx: &Context, actor: &Actor, id: TemplateId) -> Result<TemplateView, Error> {
    let actor = actor.clone();
    ctx.store
        .read(move |repos| {
            let view = repos.templates().view(id)?.ok_or(Error::NotFound)?;
            access::readable(&actor, Some(view.template.clone()))?;
            Ok(view)
        })
        .await
}

/// Shows the template of an organization that has this name, without regard to letter case.
pub async fn find_by_name(
    ctx: &Context,
    actor: &Actor,
    organization: &OrganizationRef,
    name: &str,
) -> Result<TemplateView, Error> {
    let (actor, organization, name) = (actor.clone(), organization.clone(), name.to_owned());
    ctx.store
        .read(move |repos| {
            let organization = organizations::resolve(repos, &actor, &organization)?;
            let found = repos.templates().find_by_name(organization.id, &name)?;
            let template = access::readable(&actor, found)?;
            repos.templates().view(template.id)?.ok_or(Error::NotFound)
        })
        .await
}

/// Lists the templates that the caller may read, narrowed by a search query.
pub async fn list(ctx: &Context, actor: &Actor, query: &str) -> Result<Vec<TemplateView>, Error> {
    let (actor, query) = (actor.clone(), parse(query)?);
    ctx.store
        .read(move |repos| {
            let organization = query.organization.as_deref().map(|name| searched(repos, &actor, name)).transpose()?;
            let filter = TemplateFilter { organization, ..query.filter };
            Ok(repos.templates().list(&filter, &access::visible(&actor))?)
        })
        .await
}

/// Lists the templates of an organization that the caller may read, narrowed by a search query.
pub async fn list_in(
    ctx: &Context,
    actor: &Actor,
    organization: &OrganizationRef,
    query: &str,
) -> Result<Vec<TemplateView>, Error> {
    let (actor, organization, query) = (actor.clone(), organization.clone(), parse(query)?);
    ctx.store
        .read(move |repos| {
            let organization = organizations::resolve(repos, &actor, &organization)?;
            if let Some(name) = &query.organization
                && searched(repos, &actor, name)? != organization.id
            {
                return Ok(Vec::new());
            }
            let filter = TemplateFilter { organization: Some(organization.id), ..query.filter };
            Ok(repos.templates().list(&filter, &access::visible(&actor))?)
        })
        .await
}

fn parse(query: &str) -> Result<TemplateQuery, Error> {
    parse_template_query(query).map_err(|errors| Error::bad_query("Invalid template search query.", errors))
}

/// The organization that a search query names by name or id (`identity.md` 1.5).
pub(crate) fn searched(repos: &mut dyn Repositories, actor: &Actor, name: &str) -> Result<OrganizationId, Error> {
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
