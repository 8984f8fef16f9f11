//! Jobs, which provisioner daemons carry out: imports of versions of templates, trials of them, builds of workspaces
//! (`provisioner-wire.md` 6).

mod job;
mod log;
mod resource;
mod timing;

pub use job::{
    ALREADY_COMPLETED, ERROR_CODE_MAX, ERROR_MAX, HUNG_AFTER, JobInput, JobRefusal, JobStatus, JobType, PENDING_FOR,
    PENDING_MAX, ProvisionerJob, TRIALS_KEPT, UNHEARD_AFTER, Worker,
};
pub use log::{JobLog, LINE_MAX, LINES_AT_ONCE, LOG_MAX, LOGS_KEPT, LogLevel, LogSource, NewLog, STAGE_MAX, Tail};
pub use resource::{
    AGENTS_MAX, APPS_MAX, Agent, AgentAuth, AgentMetadata, App, DisplayApps, Healthcheck, METADATA_MAX, Monitoring,
    OpenIn, RESOURCES_MAX, Resource, ResourceDefect, ResourceMetadata, Script, SharingLevel, VolumeMonitoring,
    check_resources, has_nul, total_cost,
};
pub use timing::{JobTiming, TIMING_STAGES, TIMING_TEXT_MAX, TIMINGS_MAX};
