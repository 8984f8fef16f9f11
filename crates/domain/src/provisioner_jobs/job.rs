//! A job and what may become of it.

use crate::Instant;
use crate::ids::{BuildId, FileId, OrganizationId, ProvisionerDaemonId, ProvisionerJobId, TemplateVersionId, UserId};
use crate::provisioners::{ProvisionerType, Tags};
use crate::text_enum::text_enum;
use crate::workspaces::{Outcome, Transition};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use time::Duration;
use uuid::Uuid;

/// A running job of which nothing was heard for so long is given up.
pub const HUNG_AFTER: Duration = Duration::minutes(5);
/// A daemon that says nothing for so long about a job that it was given, and asks for another one, has not got it.
pub const UNHEARD_AFTER: Duration = Duration::seconds(10);
/// A job that nobody took for so long is given up.
pub const PENDING_FOR: Duration = Duration::minutes(30);
/// For so long trials of versions are kept.
pub const TRIALS_KEPT: Duration = Duration::days(7);
/// Most jobs of an organization that wait.
pub const PENDING_MAX: u64 = 10_000;
/// Longest reason of a failure that is kept, in bytes.
pub const ERROR_MAX: usize = 16 * 1024;
/// Longest code of a failure, in bytes.
pub const ERROR_CODE_MAX: usize = 64;
/// What is told to a daemon that ends a job twice.
pub const ALREADY_COMPLETED: &str = "job already completed";

text_enum! {
    /// What a job does.
    JobType {
        /// Reads what a version of a template needs and makes.
        TemplateVersionImport = "template_version_import",
        /// Tries what a version would make with some parameters.
        TemplateVersionDryRun = "template_version_dry_run",
        /// Builds a workspace.
        WorkspaceBuild = "workspace_build",
    }
}

text_enum! {
    /// What has become of a job.
    JobStatus {
        /// Nobody has taken it yet.
        Pending = "pending",
        /// A daemon has it.
        Running = "running",
        /// It did what it was to do.
        Succeeded = "succeeded",
        /// A daemon has it and is to stop.
        Canceling = "canceling",
        /// It was stopped.
        Canceled = "canceled",
        /// It did not what it was to do.
        Failed = "failed",
    }
}

impl JobStatus {
    /// How a build has ended whose job has this status.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Pending | Self::Running | Self::Canceling => Outcome::Pending,
            Self::Succeeded => Outcome::Succeeded,
            Self::Canceled => Outcome::Canceled,
            Self::Failed => Outcome::Failed,
        }
    }

    /// The state of a workspace that is built by such a job, in one word.
    ///
    /// ```
    /// use doorward_domain::{provisioner_jobs::JobStatus, workspaces::Transition};
    /// assert_eq!(JobStatus::Running.of_workspace(Transition::Start), "starting");
    /// assert_eq!(JobStatus::Succeeded.of_workspace(Transition::Start), "running");
    /// ```
    #[must_use]
    pub const fn of_workspace(self, transition: Transition) -> &'static str {
        match (self, transition) {
            (Self::Running, Transition::Start) => "starting",
            (Self::Running, Transition::Stop) => "stopping",
            (Self::Running, Transition::Delete) => "deleting",
            (Self::Canceling, _) => "canceling",
            (Self::Pending | Self::Succeeded | Self::Failed | Self::Canceled, _) => {
                crate::workspaces::status(transition, self.outcome())
            }
        }
    }
}

/// What a job needs besides the file, as it was asked for. It is kept sealed, for values may be secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobInput {
    /// Values of the variables of a template.
    pub variables: BTreeMap<String, String>,
    /// Values of parameters, of a trial.
    pub parameters: BTreeMap<String, String>,
    /// What a trial calls the workspace.
    pub workspace_name: String,
    /// How much the daemon is to log; empty: as usual.
    pub log_level: String,
}

/// Who takes jobs, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// The daemon.
    pub id: ProvisionerDaemonId,
    /// The organization whose jobs it takes.
    pub organization_id: OrganizationId,
    /// What it provisions with.
    pub provisioners: BTreeSet<ProvisionerType>,
    /// Its tags.
    pub tags: Tags,
}

impl Worker {
    /// Whether it may take the job, as far as kind and tags are concerned.
    #[must_use]
    pub fn takes(&self, job: &ProvisionerJob) -> bool {
        self.organization_id == job.organization_id
            && self.provisioners.contains(&job.provisioner)
            && self.tags.satisfy(&job.tags)
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionerJob {
    /// Its id.
    pub id: ProvisionerJobId,
    /// The organization whose daemons may take it.
    pub organization_id: OrganizationId,
    /// When it was asked for.
    pub created_at: Instant,
    /// When its daemon was heard of last.
    pub updated_at: Instant,
    /// When a daemon took it.
    pub started_at: Option<Instant>,
    /// When it was over.
    pub completed_at: Option<Instant>,
    /// When somebody asked to stop it.
    pub canceled_at: Option<Instant>,
    /// The daemon that has it, or had.
    pub worker_id: Option<ProvisionerDaemonId>,
    /// Who asked for it.
    pub initiator_id: UserId,
    /// What it is provisioned with.
    pub provisioner: ProvisionerType,
    /// What it does.
    pub kind: JobType,
    /// The source of the template.
    pub file_id: FileId,
    /// Which daemons may take it.
    pub tags: Tags,
    /// The version that it imports, tries or builds from.
    pub template_version_id: TemplateVersionId,
    /// The build, if it builds.
    pub workspace_build_id: Option<BuildId>,
    /// Why it failed; empty otherwise.
    pub error: String,
    /// One of the reasons that programs know, or empty.
    pub error_code: String,
    /// How many bytes of its log are kept.
    pub log_size: i64,
}

/// Why a daemon may say nothing about a job. Daemons and their tests look for the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JobRefusal {
    /// No daemon has it.
    #[error("job isn't running yet")]
    NotRunning,
    /// Another daemon has it.
    #[error("you don't own this job")]
    NotYours,
    /// It is over.
    #[error("{ALREADY_COMPLETED}")]
    Completed,
    /// It is a job of another kind than the daemon says.
    #[error("the job is of another kind")]
    OtherKind,
}

impl ProvisionerJob {
    /// What has become of it.
    #[must_use]
    pub const fn status(&self) -> JobStatus {
        let has_failed = !self.error.is_empty();
        match (self.completed_at, self.canceled_at, self.started_at) {
            _ if has_failed => JobStatus::Failed,
            (Some(_), Some(_), _) => JobStatus::Canceled,
            (Some(_), None, _) => JobStatus::Succeeded,
            (None, Some(_), _) => JobStatus::Canceling,
            (None, None, None) => JobStatus::Pending,
            (None, None, Some(_)) => JobStatus::Running,
        }
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.completed_at.is_some()
    }

    /// Whether this daemon may speak of it.
    pub fn of_worker(&self, worker: ProvisionerDaemonId) -> Result<(), JobRefusal> {
        match self.worker_id {
            None => Err(JobRefusal::NotRunning),
            Some(known) if known != worker => Err(JobRefusal::NotYours),
            Some(_) => Ok(()),
        }
    }

    /// Whether this daemon may go on with it or end it.
    pub fn running_at(&self, worker: ProvisionerDaemonId) -> Result<(), JobRefusal> {
        self.of_worker(worker)?;
        if self.is_over() { Err(JobRefusal::Completed) } else { Ok(()) }
    }

    /// The same job, which is over, for this reason if it failed.
    #[must_use]
    pub fn ended(self, now: Instant, error: &str, error_code: &str) -> Self {
        Self {
            completed_at: Some(now),
            updated_at: now,
            error: kept(error, ERROR_MAX),
            error_code: kept(error_code, ERROR_CODE_MAX),
            ..self
        }
    }

    /// The same job, which somebody asked to stop. One that nobody has taken is over.
    #[must_use]
    pub fn canceled(self, now: Instant) -> Self {
        let completed_at = if self.started_at.is_none() { Some(now) } else { self.completed_at };
        Self { canceled_at: Some(now), completed_at, ..self }
    }

    /// Why it is to be given up by now, if it is.
    #[must_use]
    pub fn is_hung(&self, now: Instant) -> Option<&'static str> {
        match (self.completed_at, self.started_at) {
            (None, None) if now - self.updated_at >= PENDING_FOR => {
                Some("No provisioner daemon has taken the job within 30 minutes.")
            }
            (None, Some(_)) if now - self.updated_at >= HUNG_AFTER => {
                Some("The provisioner daemon has said nothing about the job for 5 minutes.")
            }
            _ => None,
        }
    }

    /// The id by which records of what it does are found.
    #[must_use]
    pub const fn uuid(&self) -> Uuid {
        self.id.0
    }
}

/// A text without what no database can store, and no longer than is kept.
fn kept(text: &str, max: usize) -> String {
    let mut kept: String = text.chars().filter(|c| *c != '\0').collect();
    kept.truncate(kept.floor_char_boundary(max));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Instant = Instant::UNIX_EPOCH;
    const RACK: ProvisionerDaemonId = ProvisionerDaemonId(Uuid::from_u128(7));

    fn job() -> ProvisionerJob {
        ProvisionerJob {
            id: ProvisionerJobId::NIL,
            organization_id: OrganizationId::NIL,
            created_at: NOW,
            updated_at: NOW,
            started_at: None,
            completed_at: None,
            canceled_at: None,
            worker_id: None,
            initiator_id: UserId::NIL,
            provisioner: ProvisionerType::Echo,
            kind: JobType::TemplateVersionImport,
            file_id: FileId::NIL,
            tags: Tags::default(),
            template_version_id: TemplateVersionId::NIL,
            workspace_build_id: None,
            error: String::new(),
            error_code: String::new(),
            log_size: 0,
        }
    }

    fn running() -> ProvisionerJob {
        ProvisionerJob { started_at: Some(NOW), worker_id: Some(RACK), ..job() }
    }

    #[test]
    fn what_has_become_of_a_job_is_told_by_its_times() {
        assert_eq!(job().status(), JobStatus::Pending);
        assert_eq!(running().status(), JobStatus::Running);
        assert_eq!(running().canceled(NOW).status(), JobStatus::Canceling);
        assert_eq!(running().canceled(NOW).ended(NOW, "", "").status(), JobStatus::Canceled);
        assert_eq!(running().ended(NOW, "", "").status(), JobStatus::Succeeded);
        assert_eq!(running().ended(NOW, "no", "").status(), JobStatus::Failed);
        let never_begun = job().canceled(NOW);
        assert!(never_begun.is_over() && never_begun.status() == JobStatus::Canceled);
    }

    #[test]
    fn a_daemon_speaks_of_its_own_job_until_it_is_over() {
        let other = ProvisionerDaemonId(Uuid::from_u128(8));
        assert_eq!(job().running_at(RACK), Err(JobRefusal::NotRunning));
        assert_eq!(running().running_at(other), Err(JobRefusal::NotYours));
        assert_eq!(running().running_at(RACK), Ok(()));
        let over = running().ended(NOW, "", "");
        assert_eq!((over.running_at(RACK), over.of_worker(RACK)), (Err(JobRefusal::Completed), Ok(())));
        let words = [JobRefusal::NotRunning, JobRefusal::NotYours].map(|refusal| refusal.to_string());
        assert_eq!(words, ["job isn't running yet", "you don't own this job"]);
    }

    #[test]
    fn jobs_of_which_nothing_is_heard_are_given_up() {
        let moment = Duration::MILLISECOND;
        assert!(job().is_hung(NOW + PENDING_FOR - moment).is_none() && job().is_hung(NOW + PENDING_FOR).is_some());
        assert!(
            running().is_hung(NOW + HUNG_AFTER - moment).is_none() && running().is_hung(NOW + HUNG_AFTER).is_some()
        );
        assert_eq!(running().ended(NOW, "", "").is_hung(NOW + Duration::DAY), None);
    }

    proptest! {
        #[test]
        fn reasons_can_be_stored_whatever_they_are(error in any::<String>(), times in 0_usize..3000) {
            let ended = running().ended(NOW, &error.repeat(times), "a\0b");
            prop_assert!(ended.error.len() <= ERROR_MAX && !ended.error.contains('\0'));
            prop_assert_eq!(ended.error_code, "ab");
        }
    }
}
