//! What a connected daemon says of jobs.

use doorward_domain::provisioners::ProvisionerDaemon;
use std::convert::Infallible;
use uuid::Uuid;

/// Why a daemon may say nothing about a job.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// It names none.
    #[error("the id of a job must be a UUID")]
    NotAnId,
    /// There is none of this id.
    #[error("there is no job {0}")]
    Unknown(Uuid),
}

/// The job of this id that the daemon has. Nothing makes jobs yet, so no daemon has one.
pub const fn find(_daemon: &ProvisionerDaemon, id: Option<Uuid>) -> Result<Infallible, JobError> {
    match id {
        Some(id) => Err(JobError::Unknown(id)),
        None => Err(JobError::NotAnId),
    }
}
