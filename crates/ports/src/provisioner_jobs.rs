//! Jobs of provisioner daemons.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::ids::{OrganizationId, ProvisionerDaemonId, ProvisionerJobId, TemplateId, UserId, WorkspaceId};
use doorward_domain::provisioner_jobs::{JobLog, JobStatus, JobTiming, NewLog, ProvisionerJob, Resource, Worker};
use doorward_domain::provisioners::Tags;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::workspaces::Transition;
use std::collections::BTreeSet;
use uuid::Uuid;

/// A job with what is shown of its surroundings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobView {
    /// The job.
    pub job: ProvisionerJob,
    /// Name of the daemon that has it, or had; empty when that is not remembered.
    pub worker_name: String,
    /// Its place among those that wait, from 1 on; 0 when it does not wait.
    pub queue_position: u64,
    /// How many wait for the same kind of daemon in its organization.
    pub queue_size: u64,
    /// Name of the version.
    pub template_version_name: String,
    /// The template, once there is one.
    pub template: Option<JobTemplate>,
    /// The workspace that it builds.
    pub workspace: Option<(WorkspaceId, String)>,
}

/// The template that a job is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobTemplate {
    /// Its id.
    pub id: TemplateId,
    /// Its name.
    pub name: String,
    /// What people see, may be empty.
    pub display_name: String,
    /// URL or path of a picture, or empty.
    pub icon: String,
}

/// Which jobs are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// At most so many; `None` means all.
    pub limit: Option<u32>,
    /// Only these.
    pub ids: Option<Vec<ProvisionerJobId>>,
    /// Only those of which this has become.
    pub statuses: Option<BTreeSet<JobStatus>>,
    /// Only those whose tags have all of these; where nothing particular is asked for, only those that ask for nothing particular.
    pub tags: Option<Tags>,
    /// Only those that this user asked for.
    pub initiator: Option<UserId>,
}

/// The job that a daemon has, or had last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerJob {
    /// The daemon.
    pub worker_id: ProvisionerDaemonId,
    /// The job.
    pub job: ProvisionerJob,
    /// The template, once there is one.
    pub template: Option<JobTemplate>,
}

/// A resource of a job, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResource {
    /// Its id.
    pub id: Uuid,
    /// The job that made it.
    pub job_id: ProvisionerJobId,
    /// When.
    pub created_at: Instant,
    /// In which state of a workspace it is there: started or stopped.
    pub transition: Transition,
    /// The resource.
    pub resource: Resource,
}

/// Stores jobs, their logs and what they make.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ProvisionerJobRepository {
    /// The job with this id.
    fn find(&mut self, id: ProvisionerJobId) -> Result<Option<ProvisionerJob>, StoreError>;
    /// The job with this id, and a row lock (`FOR NO KEY UPDATE`) until the transaction ends.
    fn find_for_update(&mut self, id: ProvisionerJobId) -> Result<Option<ProvisionerJob>, StoreError>;
    /// What a job was given, sealed.
    fn input(&mut self, id: ProvisionerJobId) -> Result<Option<Vec<u8>>, StoreError>;
    /// The job with this id and what is shown with it.
    fn view(&mut self, id: ProvisionerJobId) -> Result<Option<JobView>, StoreError>;
    /// Jobs of an organization, the newest first.
    fn list(&mut self, organization: OrganizationId, filter: &JobFilter) -> Result<Vec<JobView>, StoreError>;
    /// How many jobs of an organization wait.
    fn count_pending(&mut self, organization: OrganizationId) -> Result<u64, StoreError>;
    /// The jobs that these daemons have.
    fn current_of(&mut self, workers: &[ProvisionerDaemonId]) -> Result<Vec<WorkerJob>, StoreError>;
    /// The job that each of these daemons ended last.
    fn previous_of(&mut self, workers: &[ProvisionerDaemonId]) -> Result<Vec<WorkerJob>, StoreError>;
    /// Jobs of which nothing was heard: that run and were not heard of since `running`, or that wait since `pending`; at most so many, the
    /// longest silent first.
    fn list_silent(
        &mut self,
        running: Instant,
        pending: Instant,
        limit: u32,
    ) -> Result<Vec<ProvisionerJobId>, StoreError>;
    /// The lines of a log behind the one of this number, in their order; at most so many.
    fn list_logs(&mut self, id: ProvisionerJobId, after: i64, limit: u32) -> Result<Vec<JobLog>, StoreError>;
    /// How long the steps of a job took, in the order in which it was told.
    fn list_timings(&mut self, id: ProvisionerJobId) -> Result<Vec<JobTiming>, StoreError>;
    /// What a job made, in the order in which it was told.
    fn list_resources(&mut self, id: ProvisionerJobId) -> Result<Vec<StoredResource>, StoreError>;

    /// Adds a job with what it is given, which is sealed, and keeps its file for ever. One of a trial goes at `expires_at`. `false` when there
    /// is no such file.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::ProvisionerJobs>,
        job: &ProvisionerJob,
        sealed: &[u8],
        expires_at: Option<Instant>,
    ) -> Result<bool, StoreError>;
    /// Gives the job that waits longest, of those that it may take, to a daemon. One statement: of several daemons one gets it, and none waits
    /// for another. `None` when there is nothing for it.
    fn claim(
        &mut self,
        permit: &Permit<action::Update, resource::ProvisionerJobs>,
        worker: &Worker,
        now: Instant,
    ) -> Result<Option<ProvisionerJob>, StoreError>;
    /// Replaces what has become of a job: its times, its daemon, its error and the size of its log. [Lock](Self::find_for_update) it first.
    /// `false` when there is none.
    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::ProvisionerJobs>,
        job: &ProvisionerJob,
    ) -> Result<bool, StoreError>;
    /// Adds lines to the log of a job, which is locked, to be kept from `now` on; the number of the last one.
    fn append_logs(
        &mut self,
        permit: &Permit<action::Update, resource::ProvisionerJobs>,
        job: &ProvisionerJob,
        now: Instant,
        lines: &[NewLog],
    ) -> Result<i64, StoreError>;
    /// Keeps how long the steps of a job took, in place of what was kept before. `false` when there is none.
    fn update_timings(
        &mut self,
        permit: &Permit<action::Update, resource::ProvisionerJobs>,
        job: &ProvisionerJob,
        timings: &[JobTiming],
    ) -> Result<bool, StoreError>;
    /// Adds what a job has made.
    fn insert_resources(
        &mut self,
        permit: &Permit<action::Update, resource::ProvisionerJobs>,
        job: &ProvisionerJob,
        resources: &[StoredResource],
    ) -> Result<(), StoreError>;
}
