//! Jobs of provisioner daemons (`provisioner-wire.md` 6): what daemons ask for and tell, by the principal of each, and what people ask about
//! them.
//!
//! A job is posted in the transaction of the use case that wants it. Daemons wait for one in [`acquire`], by lines: of all that would
//! take the same, one asks the database at a time. Whoever changes a build holds rows in this order: the owner, the workspace, the job, the
//! version.

mod acquire;
mod assemble;
mod cancel;
mod complete;
mod daemon;
mod end;
mod events;
mod fail;
mod list;
mod logs;
mod own;
mod parameters;
mod post;
mod quota;
mod reap;
mod seal;
mod update;
mod waiters;

#[cfg(test)]
mod crowd_tests;
#[cfg(test)]
mod tests;

pub use acquire::{acquire, claim, job_id, source};
pub use assemble::{Acquired, AcquiredBuild, AcquiredWork, Metadata, VariableValue};
pub use complete::{
    CompletedBuild, CompletedDryRun, CompletedImport, complete_build, complete_dry_run, complete_import,
};
pub use events::{LOGS_TOPIC, POSTED_TOPIC};
pub use fail::{Left, disconnected, end_unheard, fail};
pub use list::{ListedJob, find, list};
pub use logs::LogPage;
pub use own::check_own;
pub use quota::{Commitment, commit_quota};
pub use reap::{Reaper, reap};
pub use update::{JobUpdate, Updated, update};
pub use waiters::JobWaiters;

pub use doorward_ports::provisioner_jobs::{JobFilter, JobTemplate, JobView, StoredResource};

pub(crate) use cancel::cancel_in;
pub(crate) use events::{told_of_logs, told_of_post};
pub(crate) use logs::page_of;
pub(crate) use parameters::refused_values;
pub(crate) use post::{NewJob, post};
pub(crate) use seal::{Seal, open_json, open_state, seal_state};
