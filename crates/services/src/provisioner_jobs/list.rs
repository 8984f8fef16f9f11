//! Jobs, as people list them.

use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::organizations::{OrganizationRef, resolve};
use crate::users::access;
use doorward_domain::Instant;
use doorward_domain::ids::{OrganizationId, ProvisionerDaemonId, ProvisionerJobId};
use doorward_domain::provisioner_jobs::JobStatus;
use doorward_domain::provisioners::OFFLINE_AFTER;
use doorward_domain::roles::{Action, Object, resource};
use doorward_ports::provisioner_jobs::{JobFilter, JobView};
use doorward_ports::provisioners::DaemonFilter;
use doorward_ports::{Repositories, StoreError};
use std::collections::BTreeMap;

/// Most daemons that are named beside a job.
const WORKERS_MAX: usize = 100;

/// A job, with the daemons that can take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedJob {
    /// The job.
    pub view: JobView,
    /// While it waits: the daemons that are there and can take it, those first that were first seen first; at most a hundred.
    pub available_workers: Vec<ProvisionerDaemonId>,
}

/// The jobs of an organization, the newest first.
///
/// Needs `provisioner_jobs:read` in the organization. Errors: `OrganizationNotFound`, `NotFound` (not readable), `Forbidden` (only the scope
/// is too short).
pub async fn list(
    ctx: &Context,
    by: &Principal,
    organization: &OrganizationRef,
    filter: JobFilter,
) -> Result<Vec<ListedJob>, Error> {
    let organization = organization.clone();
    ctx.look(by, move |look| {
        let place = readable(look.repos, look.by, &organization)?;
        let views = look.repos.provisioner_jobs().list(place, &filter)?;
        Ok(with_workers(look.repos, look.now, place, views)?)
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
) -> Result<ListedJob, Error> {
    let organization = organization.clone();
    ctx.look(by, move |look| {
        let place = readable(look.repos, look.by, &organization)?;
        let found = look.repos.provisioner_jobs().view(id)?.filter(|view| view.job.organization_id == place);
        let views = vec![found.ok_or(Error::NotFound)?];
        with_workers(look.repos, look.now, place, views)?.pop().ok_or(Error::NotFound)
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

/// The jobs of an organization with the daemons that can take those that wait.
fn with_workers(
    repos: &mut dyn Repositories,
    now: Instant,
    place: OrganizationId,
    views: Vec<JobView>,
) -> Result<Vec<ListedJob>, StoreError> {
    let waits = |view: &JobView| view.job.status() == JobStatus::Pending;
    let mut daemons = Vec::new();
    if views.iter().any(waits) {
        let filter = DaemonFilter { seen_since: Some(now - OFFLINE_AFTER), ..DaemonFilter::default() };
        daemons = repos.provisioner_daemons().list(place, &filter)?;
    }
    // Most jobs want the same.
    let mut known = BTreeMap::new();
    let listed = views.into_iter().map(|view| {
        let available_workers = if waits(&view) {
            let wanted = (view.job.provisioner, view.job.tags.all().clone());
            let able = || {
                let able = daemons.iter().rev().filter(|daemon| {
                    daemon.provisioners.contains(&view.job.provisioner) && daemon.tags.satisfy(&view.job.tags)
                });
                able.take(WORKERS_MAX).map(|daemon| daemon.id).collect::<Vec<_>>()
            };
            known.entry(wanted).or_insert_with(able).clone()
        } else {
            Vec::new()
        };
        ListedJob { view, available_workers }
    });
    Ok(listed.collect())
}
