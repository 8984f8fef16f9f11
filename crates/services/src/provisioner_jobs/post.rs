//! Posting a job.

use super::seal::{Seal, seal_json};
use crate::deed::Deed;
use crate::error::{Error, FieldError, VALIDATION_FAILED};
use doorward_domain::ids::{BuildId, FileId, OrganizationId, ProvisionerJobId, TemplateVersionId, UserId};
use doorward_domain::provisioner_jobs::{JobInput, JobType, PENDING_MAX, ProvisionerJob, TRIALS_KEPT};
use doorward_domain::provisioners::{ProvisionerType, Tags};
use doorward_domain::roles::System;

/// What a job is made of.
#[derive(Clone, Debug)]
pub(crate) struct NewJob {
    pub(crate) organization_id: OrganizationId,
    pub(crate) initiator_id: UserId,
    pub(crate) provisioner: ProvisionerType,
    pub(crate) kind: JobType,
    pub(crate) file_id: FileId,
    pub(crate) tags: Tags,
    pub(crate) template_version_id: TemplateVersionId,
    pub(crate) workspace_build_id: Option<BuildId>,
    pub(crate) input: JobInput,
}

/// Posts a job, in the transaction of whoever is permitted to do what it carries out. After the commit,
/// [`told_of_post`](super::told_of_post) wakes daemons. Errors: `Invalid` (`file_id`), `Conflict` (too many wait).
pub(crate) fn post(
    deed: &mut Deed<'_>,
    seal: &Seal,
    id: ProvisionerJobId,
    new: NewJob,
) -> Result<ProvisionerJob, Error> {
    let job = ProvisionerJob {
        id,
        organization_id: new.organization_id,
        created_at: deed.now,
        updated_at: deed.now,
        started_at: None,
        completed_at: None,
        canceled_at: None,
        worker_id: None,
        initiator_id: new.initiator_id,
        provisioner: new.provisioner,
        kind: new.kind,
        file_id: new.file_id,
        tags: new.tags,
        template_version_id: new.template_version_id,
        workspace_build_id: new.workspace_build_id,
        error: String::new(),
        error_code: String::new(),
        log_size: 0,
    };
    if deed.repos.provisioner_jobs().count_pending(job.organization_id)? >= PENDING_MAX {
        return Err(Error::conflict(format!(
            "{PENDING_MAX} jobs of the organization wait for provisioner daemons already. Start daemons, or cancel some of them."
        )));
    }
    let sealed = seal_json(seal, &job.id, &new.input)?;
    let expires_at = (job.kind == JobType::TemplateVersionDryRun).then(|| deed.now + TRIALS_KEPT);
    let permit = System::because("whoever asks for it may have what the job carries out").permit();
    if !deed.repos.provisioner_jobs().insert(&permit, &job, &sealed, expires_at)? {
        let detail = format!("File \"{}\" doesn't exist.", job.file_id);
        return Err(Error::invalid_fields(VALIDATION_FAILED, vec![FieldError::new("file_id", detail)]));
    }
    Ok(job)
}
