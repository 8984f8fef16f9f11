//! The end of a job, whatever came of it.

use crate::deed::{Deed, Done};
use crate::error::Error;
use crate::workspaces;
use doorward_domain::provisioner_jobs::ProvisionerJob;
use doorward_domain::roles::{Permit, action, resource};

/// Ends a job that is held, with this reason if it failed, and the build that it carries out; what the provisioner has left behind replaces
/// what is kept of that, unless it is `None`. The owner and the workspace of a build are held by whoever wants them held.
pub(crate) fn end_job(
    deed: &mut Deed<'_>,
    permit: &Permit<action::Update, resource::ProvisionerJobs>,
    job: ProvisionerJob,
    error: &str,
    error_code: &str,
    sealed_state: Option<Vec<u8>>,
) -> Result<Done<ProvisionerJob>, Error> {
    let ended = job.ended(deed.now, error, error_code);
    if !deed.repos.provisioner_jobs().update(permit, &ended)? {
        return Err(Error::NotFound);
    }
    let Some(build) = ended.workspace_build_id else {
        return Ok(deed.unrecorded("what a version asks for is no change of it", ended));
    };
    match workspaces::end_build(deed, build, &ended, sealed_state)? {
        Some(recorded) => Ok(recorded.answer(ended)),
        None => Ok(deed.unrecorded("the build is not there any more", ended)),
    }
}
