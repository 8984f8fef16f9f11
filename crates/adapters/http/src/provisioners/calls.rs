//! What daemons call.

use crate::kit::closing::Closing;
use doorward_domain::provisioners::ProvisionerDaemon;
use doorward_services::provisioners::jobs;
use doorward_wire::messages::provisionerd::{AcquiredJob, JobReference};
use doorward_wire::messages::{read, write};
use doorward_wire::{Call, End, Service, Status};
use std::time::Duration;
use uuid::Uuid;

/// What all paths begin with.
const SERVICE: &str = "/provisionerd.ProvisionerDaemon/";
/// How long the oldest daemons wait for a job.
const SHORT_WAIT: Duration = Duration::from_secs(5);
/// Longest path that is repeated.
const SHOWN: usize = 128;

/// What one daemon calls.
pub(super) struct Calls {
    pub(super) daemon: ProvisionerDaemon,
    pub(super) closing: Closing,
}

impl Service for Calls {
    async fn call(&self, path: &str, call: &mut Call<'_>) -> Result<End, Status> {
        match path.strip_prefix(SERVICE) {
            Some("AcquireJob") => self.acquire_soon(call).await,
            Some("AcquireJobWithCancel") => acquire(call).await,
            Some("UpdateJob" | "FailJob" | "CompleteJob" | "CommitQuota") => self.about_job(call).await,
            Some(method @ ("UploadFile" | "DownloadFile")) => {
                Err(Status::unimplemented(format!("{method}: this server keeps no files")))
            }
            Some(_) | None => {
                let shown: String = path.chars().take(SHOWN).collect();
                Err(Status::error(format!("there is no call {shown}")))
            }
        }
    }
}

impl Calls {
    /// Waits a little for a job, of which there are none.
    async fn acquire_soon(&self, call: &mut Call<'_>) -> Result<End, Status> {
        call.expect().await?;
        // The end of the server is an end too.
        let _ended = tokio::time::timeout(SHORT_WAIT, self.closing.begun()).await;
        call.send(&write(&AcquiredJob::default())).await?;
        Ok(End::Sent)
    }

    /// A call about a job that the daemon has.
    async fn about_job(&self, call: &mut Call<'_>) -> Result<End, Status> {
        let request = call.expect().await?;
        // The rest may be large, and is nobody's before it is known whose job it is about.
        let reference: JobReference = read(&request).map_err(Status::error)?;
        let id = Uuid::try_parse(&reference.job_id).ok();
        let Err(error) = jobs::find(&self.daemon, id);
        Err(Status::error(error.to_string()))
    }
}

/// Waits for a job until the daemon gives up, and says then that there was none. When the server stops, nothing is said: the daemon
/// asks elsewhere.
async fn acquire(call: &mut Call<'_>) -> Result<End, Status> {
    if call.next_unless_stopping().await.is_ok() {
        call.send(&write(&AcquiredJob::default())).await?;
    }
    Ok(End::Closed)
}
