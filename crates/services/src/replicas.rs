//! The servers of the deployment: each writes down that it lives, and looks whether it reaches the others
//! (`enterprise-platform.md` 7).
//!
//! Nothing depends on it but what people are shown: who runs a job is decided by leases, see [`jobs`](crate::jobs).

mod presence;
mod settings;

#[cfg(test)]
mod tests;

pub use presence::Presence;
pub use settings::ReplicaSettings;

use crate::{Context, Error, Principal};
use doorward_domain::replicas::{FRESH, Replica};
use doorward_domain::roles::{Action, Object, resource};

/// The topic of the bus on which a server tells by its id that it has started, has ended, or reaches others than before.
pub const TOPIC: &str = "replica";

/// The servers of the deployment that can be reached by others, and this one, which comes last.
///
/// Needs `replicas:read`. Errors: [`Error::NotFound`], [`Error::Forbidden`] (only the scope is too short).
pub async fn list(ctx: &Context, by: &Principal) -> Result<Vec<Replica>, Error> {
    let own = ctx.server.replica_id;
    ctx.look(by, move |look| {
        look.by
            .subject
            .check(Action::Read, &Object::of::<resource::Replicas>())
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        let live = look.repos.replicas().list_live(FRESH)?;
        let this = live.iter().find(|replica| replica.id == own).cloned();
        let mut listed: Vec<Replica> = live.into_iter().filter(|replica| replica.is_peer_of(own)).collect();
        listed.extend(this);
        Ok(listed)
    })
    .await
}
