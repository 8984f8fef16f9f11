//! The daemon that speaks, and its job.

use crate::Principal;
use crate::deed::Deed;
use crate::error::Error;
use crate::principal::Who;
use doorward_domain::ids::{OrganizationId, ProvisionerDaemonId, ProvisionerJobId};
use doorward_domain::provisioner_jobs::{JobRefusal, JobType, ProvisionerJob};
use doorward_domain::provisioners::Tags;
use doorward_domain::roles::{Object, Permit, action, resource};
use doorward_ports::Repositories;

/// Who the daemon is. Errors: `Refused` for whoever is none.
pub(super) fn daemon_of(by: &Principal) -> Result<(ProvisionerDaemonId, OrganizationId, Tags), Error> {
    match &by.who {
        Who::Provisioner { id, organization, tags } => {
            Ok((ProvisionerDaemonId(*id), *organization, Tags::from_storage((**tags).clone())))
        }
        Who::User(_)
        | Who::ServiceAccount(_)
        | Who::ScimClient { .. }
        | Who::Proxy(_)
        | Who::Replica(_)
        | Who::Operator
        | Who::System(_)
        | Who::Anonymous => Err(Error::Refused("Only a provisioner daemon can do this.".to_owned())),
    }
}

/// The permit of a daemon to go on with jobs of an organization.
pub(super) fn permit(
    by: &Principal,
    organization: OrganizationId,
) -> Result<Permit<action::Update, resource::ProvisionerJobs>, Error> {
    Ok(by.permit(&Object::of::<resource::ProvisionerJobs>().organization(organization.0))?)
}

/// Why a daemon may not say this about a job, in the words that it looks for.
pub(super) fn refused(refusal: JobRefusal) -> Error {
    let told = refusal.to_string();
    if refusal == JobRefusal::NotYours { Error::Refused(told) } else { Error::conflict(told) }
}

/// A job that this daemon has, which is held until the transaction ends, with the permit to change it.
pub(super) struct Held {
    pub(super) job: ProvisionerJob,
    pub(super) permit: Permit<action::Update, resource::ProvisionerJobs>,
}

/// The job of this id, if the daemon has it and it is not over. Errors: `Refused` (it has another daemon), `Conflict` (no daemon has it, or it
/// is over), `NoSuch`.
pub(super) fn hold(deed: &mut Deed<'_>, id: ProvisionerJobId) -> Result<Held, Error> {
    let (daemon, organization, _) = daemon_of(deed.by)?;
    let permit = permit(deed.by, organization)?;
    let job = deed.repos.provisioner_jobs().find_for_update(id)?.ok_or_else(|| unknown(id))?;
    job.running_at(daemon).map_err(refused)?;
    Ok(Held { job, permit })
}

/// The same job, which is not held: to find out what else has to be held before it.
pub(super) fn look_at(
    repos: &mut dyn Repositories,
    by: &Principal,
    id: ProvisionerJobId,
    kind: Option<JobType>,
) -> Result<ProvisionerJob, Error> {
    let (daemon, organization, _) = daemon_of(by)?;
    let _may_go_on = permit(by, organization)?;
    let job = repos.provisioner_jobs().find(id)?.ok_or_else(|| unknown(id))?;
    job.running_at(daemon).map_err(refused)?;
    if kind.is_some_and(|kind| kind != job.kind) {
        return Err(refused(JobRefusal::OtherKind));
    }
    Ok(job)
}

fn unknown(id: ProvisionerJobId) -> Error {
    Error::NoSuch(format!("there is no job {id}"))
}
