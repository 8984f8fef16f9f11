//! What daemons call (`provisioner-wire.md` 6).

use super::acquiring::Acquiring;
use super::told::told;
use super::translate::{completed, updated};
use super::uploading;
use crate::kit::closing::Closing;
use doorward_domain::Digest;
use doorward_domain::ids::ProvisionerJobId;
use doorward_services::files::{self, Announced};
use doorward_services::provisioner_jobs::{self, Commitment, Left};
use doorward_services::provisioners::serving::Connected;
use doorward_services::{Context, Error, Principal};
use doorward_wire::messages::provisionerd::{
    CommitQuotaRequest, CommitQuotaResponse, CompletedJob, CompletedTemplateImport, CompletedType, Empty, FailedJob,
    FailedType, JobReference, UpdateJobRequest,
};
use doorward_wire::messages::{read, write};
use doorward_wire::{Call, End, Message, Service, Status};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// What all paths begin with.
const SERVICE: &str = "/provisionerd.ProvisionerDaemon/";
/// How long the oldest daemons wait for a job.
const SHORT_WAIT: Duration = Duration::from_secs(5);
/// Longest path that is repeated.
const SHOWN: usize = 128;
/// A longer request is read only by the daemon that has the job: it may be many times as large in memory.
const READ_AT_ONCE: usize = 64 * 1024;
/// Pauses before what the database could not do is tried again.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// What one daemon calls.
pub(super) struct Calls {
    pub(super) context: Context,
    pub(super) connected: Connected,
    pub(super) closing: Closing,
    pub(super) acquiring: Acquiring,
    pub(super) turns: Turns,
}

/// Of what may be large in memory, one is done at a time for each daemon.
pub(super) struct Turns {
    requests: Semaphore,
    uploads: Semaphore,
}

impl Default for Turns {
    fn default() -> Self {
        Self { requests: Semaphore::new(1), uploads: Semaphore::new(1) }
    }
}

/// A request about a job that the daemon may have.
struct Request<'a> {
    message: Message,
    job: ProvisionerJobId,
    _turn: Option<SemaphorePermit<'a>>,
}

impl Service for Calls {
    async fn call(&self, path: &str, call: &mut Call<'_>) -> Result<End, Status> {
        match path.strip_prefix(SERVICE) {
            Some("AcquireJob") => self.acquire_soon(call).await,
            Some("AcquireJobWithCancel") => self.acquiring.acquire(call).await,
            Some("UpdateJob") => self.update(call).await,
            Some("CommitQuota") => self.commit_quota(call).await,
            Some("FailJob") => self.fail(call).await,
            Some("CompleteJob") => self.complete(call).await,
            Some("UploadFile") => {
                let _turn = self.turns.uploads.acquire().await;
                uploading::upload(&self.context, self.by(), call).await?;
                call.send(&write(&Empty {})).await?;
                Ok(End::Sent)
            }
            Some("DownloadFile") => Err(Status::unimplemented("DownloadFile: the files of a job come with the job")),
            Some(_) | None => {
                let shown: String = path.chars().take(SHOWN).collect();
                Err(Status::error(format!("there is no call {shown}")))
            }
        }
    }
}

impl Calls {
    fn by(&self) -> &Principal {
        &self.connected.principal
    }

    /// Waits a little for a job.
    async fn acquire_soon(&self, call: &mut Call<'_>) -> Result<End, Status> {
        call.expect().await?;
        let soon = async {
            // The end of the server is an end too.
            let _ended = tokio::time::timeout(SHORT_WAIT, self.closing.begun()).await;
        };
        self.acquiring.acquire_until(call, soon).await?;
        Ok(End::Sent)
    }

    async fn about_job(&self, call: &mut Call<'_>) -> Result<Request<'_>, Status> {
        let message = call.expect().await?;
        let reference: JobReference = read(&message).map_err(Status::error)?;
        let job = provisioner_jobs::job_id(&reference.job_id).map_err(told)?;
        let mut turn = None;
        if message.len() > READ_AT_ONCE {
            provisioner_jobs::check_own(&self.context, self.by(), job).await.map_err(told)?;
            // It is never closed.
            turn = self.turns.requests.acquire().await.ok();
        }
        Ok(Request { message, job, _turn: turn })
    }

    async fn update(&self, call: &mut Call<'_>) -> Result<End, Status> {
        let request = self.about_job(call).await?;
        let told: UpdateJobRequest = read(&request.message).map_err(Status::error)?;
        let update = updated::job_update(told)?;
        let answer = again(|| provisioner_jobs::update(&self.context, self.by(), request.job, update.clone())).await?;
        call.send(&write(&updated::answer(answer))).await?;
        Ok(End::Sent)
    }

    async fn commit_quota(&self, call: &mut Call<'_>) -> Result<End, Status> {
        let request = self.about_job(call).await?;
        let CommitQuotaRequest { daily_cost, .. } = read(&request.message).map_err(Status::error)?;
        let commit = || provisioner_jobs::commit_quota(&self.context, self.by(), request.job, daily_cost);
        let Commitment { ok, credits_consumed, budget } = again(commit).await?;
        let number = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
        let answer = CommitQuotaResponse { ok, credits_consumed: number(credits_consumed), budget: number(budget) };
        call.send(&write(&answer)).await?;
        Ok(End::Sent)
    }

    async fn fail(&self, call: &mut Call<'_>) -> Result<End, Status> {
        let request = self.about_job(call).await?;
        let FailedJob { error, error_code, r#type, .. } = read(&request.message).map_err(Status::error)?;
        let left = match r#type {
            Some(FailedType::WorkspaceBuild(build)) => Left {
                // Nothing is no state: what is kept stays.
                state: Some(build.state).filter(|state| !state.is_empty()),
                timings: completed::timings(build.timings),
            },
            Some(FailedType::TemplateImport(_) | FailedType::TemplateDryRun(_)) | None => Left::default(),
        };
        let fail = || {
            let (error, code, left) = (error.clone(), error_code.clone(), left.clone());
            provisioner_jobs::fail(&self.context, self.by(), request.job, error, code, left)
        };
        again(fail).await?;
        call.send(&write(&Empty {})).await?;
        Ok(End::Sent)
    }

    async fn complete(&self, call: &mut Call<'_>) -> Result<End, Status> {
        let request = self.about_job(call).await?;
        let CompletedJob { r#type, .. } = read(&request.message).map_err(Status::error)?;
        let id = request.job;
        let (context, by) = (&self.context, self.by());
        match r#type {
            Some(CompletedType::WorkspaceBuild(build)) => {
                let done = completed::build(build)?;
                again(|| provisioner_jobs::complete_build(context, by, id, done.clone())).await?;
            }
            Some(CompletedType::TemplateImport(mut import)) => {
                self.keep_module_files(id, &mut import).await?;
                let done = completed::import(import)?;
                again(|| provisioner_jobs::complete_import(context, by, id, done.clone())).await?;
            }
            Some(CompletedType::TemplateDryRun(run)) => {
                let done = completed::dry_run(run)?;
                again(|| provisioner_jobs::complete_dry_run(context, by, id, done.clone())).await?;
            }
            None => {
                provisioner_jobs::check_own(context, by, id).await.map_err(told)?;
                return Err(Status::error("it is not said what kind of job is complete"));
            }
        }
        call.send(&write(&Empty {})).await?;
        Ok(End::Sent)
    }

    /// Keeps the files of modules that come with an import; those that came before, by another call, must be there.
    async fn keep_module_files(
        &self,
        id: ProvisionerJobId,
        import: &mut CompletedTemplateImport,
    ) -> Result<(), Status> {
        let (context, by) = (&self.context, self.by());
        let module_files = std::mem::take(&mut import.module_files);
        let sha256 = std::mem::take(&mut import.module_files_hash);
        if !module_files.is_empty() {
            provisioner_jobs::check_own(context, by, id).await.map_err(told)?;
            let announced = Announced { digest: Digest::of(&module_files), size: module_files.len() as u64 };
            let mut upload = files::begin(context, by).await.map_err(told)?;
            if let Err(error) = files::append(context, by, &mut upload, &module_files).await {
                return Err(uploading::given_up(context, by, upload, error).await);
            }
            files::finish(context, by, upload, Some(announced)).await.map_err(told)?;
        }
        // The hash is looked at only where there is something for it to be of.
        if sha256.is_empty() || (module_files.is_empty() && import.plan.is_empty()) {
            return Ok(());
        }
        let digest = Digest::from_slice(&sha256)
            .ok_or_else(|| Status::error("the hash of the module files has not 32 bytes"))?;
        if digest == Digest::of(&module_files) || files::is_known(context, by, digest).await.map_err(told)? {
            return Ok(());
        }
        Err(Status::error("no file with the hash of the module files was uploaded"))
    }
}

/// Does what the database could not do a moment ago: a daemon gives its job up when it is refused.
async fn again<T, F: Future<Output = Result<T, Error>>>(act: impl Fn() -> F) -> Result<T, Status> {
    for pause in PAUSES {
        match act().await {
            Err(Error::Unavailable { .. }) => tokio::time::sleep(pause).await,
            ended => return ended.map_err(told),
        }
    }
    act().await.map_err(told)
}
