//! Logs of jobs.

use crate::error::Error;
use doorward_domain::ids::ProvisionerJobId;
use doorward_domain::provisioner_jobs::JobLog;
use doorward_ports::Repositories;

/// Most lines that are read at once.
const LINES: u32 = 2_000;

/// Some lines of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// The job.
    pub job_id: ProvisionerJobId,
    /// The lines, in their order.
    pub lines: Vec<JobLog>,
    /// Whether the job is over and there are no more.
    pub is_all: bool,
}

/// The lines behind the one of this number.
pub(crate) fn page_of(repos: &mut dyn Repositories, id: ProvisionerJobId, after: i64) -> Result<LogPage, Error> {
    // In this order: what is written before the end is read.
    let is_over = repos.provisioner_jobs().find(id)?.ok_or(Error::NotFound)?.is_over();
    let lines = repos.provisioner_jobs().list_logs(id, after, LINES)?;
    let is_full = lines.len() >= usize::try_from(LINES).unwrap_or(usize::MAX);
    Ok(LogPage { job_id: id, lines, is_all: is_over && !is_full })
}
