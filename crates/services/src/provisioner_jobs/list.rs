//! Jobs, as people list them.

use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::organizations::{OrganizationRef, resolve};
use crate::users::access;
use doorward_domain::ids::{OrganizationId, ProvisionerJobId};
use doorward_domain::roles::{Action, Object, resource};
use doorward_ports::Repositories;
use doorward_ports::provisioner_jobs::{JobFilter, JobView};

/// The jobs of an organization, the newest first.
///
/// Needs `provisioner_jobs:read` in the organization. Errors: `OrganizationNotFound`, `NotFound` (not readable), `Forbidden` (only the scope
/// is too short).
pub async fn list(
    ctx: &Context,
    by: &Principal,
    organization: &OrganizationRef,
    filter: JobFilter,
) -> Result<Vec<JobView>, Error> {
    let organization = organization.clone();
    ctx.look(by, move |look| {
        let place = readable(look.repos, look.by, &organization)?;
        Ok(look.repos.provisioner_jobs().list(place, &filter)?)
    })
    .await
}

/// Shows a job of an organization.
///
/// Needs `provisioner_jobs:read` in the organization. Errors: `OrganizationNotFound`, `NotFound` (missing or not readable), `Forbidden`
/// (only the scope is too short).
pub async fn find(
    ctx: &Context,
    by: &Principal,
    organization: &OrganizationRef,
    id: ProvisionerJobId,
) -> Result<JobView, Error> {
    let organization = organization.clone();
    ctx.look(by, move |look| {
        let place = readable(look.repos, look.by, &organization)?;
        let found = look.repos.provisioner_jobs().view(id)?.filter(|view| view.job.organization_id == place);
        found.ok_or(Error::NotFound)
    })
    .await
}

fn readable(
    repos: &mut dyn Repositories,
    by: &Principal,
    organization: &OrganizationRef,
) -> Result<OrganizationId, Error> {
    let place = resolve(repos, by, organization)?.id;
    let jobs = Object::of::<resource::ProvisionerJobs>().organization(place.0);
    access::may(by, Action::Read, &jobs).map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
    Ok(place)
}
