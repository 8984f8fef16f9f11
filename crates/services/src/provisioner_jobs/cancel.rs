//! Stopping a job.

use super::end::end_job;
use crate::deed::{Deed, Done};
use crate::error::Error;
use doorward_domain::ids::ProvisionerJobId;
use doorward_domain::provisioner_jobs::ProvisionerJob;
use doorward_domain::roles::System;

/// Asks for the end of a job, on behalf of somebody who may; the owner and the workspace of a build are held. One that nobody has taken is over
/// at once; the daemon that has another learns of it when it next tells something. Errors: `WrongState` (over, or asked for already),
/// `NotFound`.
pub(crate) fn cancel_in(deed: &mut Deed<'_>, id: ProvisionerJobId) -> Result<Done<ProvisionerJob>, Error> {
    let job = deed.repos.provisioner_jobs().find_for_update(id)?.ok_or(Error::NotFound)?;
    if job.is_over() {
        return Err(Error::WrongState("Job has already completed!".to_owned()));
    }
    if job.canceled_at.is_some() {
        return Err(Error::WrongState("Job has already been marked as canceled!".to_owned()));
    }
    let why = System::because("whoever asks for it may have what the job carries out stopped").permit();
    let canceled = job.canceled(deed.now);
    if canceled.is_over() {
        return end_job(deed, &why, canceled, "", "", None);
    }
    deed.repos.provisioner_jobs().update(&why, &canceled)?;
    Ok(deed.unrecorded("what comes of it is recorded at its end", canceled))
}
