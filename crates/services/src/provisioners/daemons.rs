//! Daemons, as people list them.

use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::organizations::{OrganizationRef, resolve};
use crate::users::access;
use doorward_domain::ids::{ProvisionerDaemonId, ProvisionerKeyId};
use doorward_domain::provisioners::{DaemonStatus, OFFLINE_AFTER, ProvisionerDaemon, ReservedKey, Tags};
use doorward_domain::roles::{Action, Object, resource};
pub use doorward_ports::provisioner_jobs::WorkerJob;
use doorward_ports::provisioners::DaemonFilter;
use std::collections::{BTreeMap, BTreeSet};
use time::Duration;

/// Which daemons are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonQuery {
    /// At most so many; `None` means all.
    pub limit: Option<u32>,
    /// Only these.
    pub ids: Option<Vec<ProvisionerDaemonId>>,
    /// Only those that take what wants these tags.
    pub tags: Option<Tags>,
    /// Whether those that are offline are listed too. When neither this nor the following two are said, they are.
    pub offline: Option<bool>,
    /// Only those that are doing this.
    pub statuses: Option<BTreeSet<DaemonStatus>>,
    /// Only those that were seen within this time.
    pub max_age: Option<Duration>,
}

/// A daemon in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedDaemon {
    /// The daemon.
    pub daemon: ProvisionerDaemon,
    /// The name of the key with which it came in, or of what stands in the place of one.
    pub key_name: String,
    /// What it is doing.
    pub status: DaemonStatus,
    /// The job that it has.
    pub current_job: Option<WorkerJob>,
    /// The job that it ended last.
    pub previous_job: Option<WorkerJob>,
}

/// The daemons of an organization, those first that were first seen last.
///
/// Needs `provisioner_jobs:read` in the organization. Errors: `OrganizationNotFound`, `NotFound` (not readable), `Forbidden` (only
/// the scope is too short).
pub async fn list(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    query: DaemonQuery,
) -> Result<Vec<ListedDaemon>, Error> {
    let reference = organization.clone();
    ctx.look(actor, move |look| {
        let place = resolve(look.repos, look.by, &reference)?.id;
        let jobs = Object::of::<resource::ProvisionerJobs>().organization(place.0);
        access::may(look.by, Action::Read, &jobs).map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        let now = look.now;
        let is_narrowed = query.offline.is_some() || query.statuses.is_some() || query.max_age.is_some();
        let names_offline = query.statuses.as_ref().is_some_and(|wanted| wanted.contains(&DaemonStatus::Offline));
        let shows_offline = !is_narrowed || query.offline == Some(true) || names_offline;
        let online = (!shows_offline).then(|| now - OFFLINE_AFTER);
        let seen_since = online.max(query.max_age.map(|age| now - age));
        let filter = DaemonFilter { ids: query.ids, seen_since };
        let found = look.repos.provisioner_daemons().list(place, &filter)?;
        let mut names: BTreeMap<ProvisionerKeyId, String> =
            ReservedKey::ALL.into_iter().map(|key| (key.id(), key.name().to_owned())).collect();
        if !found.is_empty() {
            let keys = look.repos.provisioner_keys().list(place)?;
            names.extend(keys.into_iter().map(|key| (key.id, key.name.to_string())));
        }
        let ids: Vec<ProvisionerDaemonId> = found.iter().map(|daemon| daemon.id).collect();
        let (mut current, mut previous) = (BTreeMap::new(), BTreeMap::new());
        if !ids.is_empty() {
            let by_worker = |known: WorkerJob| (known.worker_id, known);
            current.extend(look.repos.provisioner_jobs().current_of(&ids)?.into_iter().map(by_worker));
            previous.extend(look.repos.provisioner_jobs().previous_of(&ids)?.into_iter().map(by_worker));
        }
        let wanted = |listed: &ListedDaemon| {
            query.tags.as_ref().is_none_or(|tags| listed.daemon.tags.satisfy(tags))
                && query.statuses.as_ref().is_none_or(|statuses| statuses.contains(&listed.status))
        };
        let view = |daemon: ProvisionerDaemon| {
            let key_name = names.get(&daemon.key_id).cloned().unwrap_or_default();
            let (current_job, previous_job) = (current.remove(&daemon.id), previous.remove(&daemon.id));
            let status = daemon.status(now, current_job.is_some());
            ListedDaemon { daemon, key_name, status, current_job, previous_job }
        };
        let limit = query.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found.into_iter().map(view).filter(wanted).take(limit).collect())
    })
    .await
}
