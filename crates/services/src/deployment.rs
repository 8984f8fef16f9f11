//! What is asked about the deployment as a whole: its settings, its numbers, its health (`enterprise-platform.md` 10).

mod checklist;
mod health;
mod overview;

#[cfg(test)]
mod tests;

pub use checklist::{Checklist, checklist};
pub use health::{
    AccessUrlCheck, Check, DaemonsCheck, DatabaseCheck, Finding, HealthCheck, ProxiesCheck, Severity, health,
};

pub use overview::{Bounded, Overview, overview};

use crate::{Context, Error, Principal};
use doorward_domain::Instant;
use doorward_domain::roles::{Action, Object, resource};
use doorward_domain::workspaces::{Outcome, Transition};

/// How many workspaces do what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// When they were counted.
    pub collected_at: Instant,
    /// Whose last build started them.
    pub running: u64,
    /// Whose last build stopped them, and those without any.
    pub stopped: u64,
    /// Whose last build failed.
    pub failed: u64,
    /// Whose last build is not over.
    pub pending: u64,
}

/// Whether the caller may see the settings.
///
/// Needs `deployment_config:read`. Errors: [`Error::Forbidden`].
pub fn may_read_config(by: &Principal) -> Result<(), Error> {
    Ok(by.subject.check(Action::Read, &Object::of::<resource::DeploymentConfig>())?)
}

/// Counts the workspaces that are not deleted, by what their last builds did.
///
/// Needs `deployment_stats:read`. Errors: [`Error::Forbidden`].
pub async fn stats(ctx: &Context, by: &Principal) -> Result<Stats, Error> {
    by.subject.check(Action::Read, &Object::of::<resource::DeploymentStats>())?;
    ctx.look(by, |look| {
        let mut stats = Stats { collected_at: look.now, running: 0, stopped: 0, failed: 0, pending: 0 };
        for last in look.repos.workspaces().count_by_last_build()? {
            let counted = match last.build {
                Some((_, Outcome::Failed)) => &mut stats.failed,
                Some((Transition::Start, Outcome::Succeeded)) => &mut stats.running,
                Some((_, Outcome::Pending)) => &mut stats.pending,
                Some((Transition::Stop | Transition::Delete, Outcome::Succeeded) | (_, Outcome::Canceled)) | None => {
                    &mut stats.stopped
                }
            };
            *counted += last.workspaces;
        }
        Ok(stats)
    })
    .await
}
