//! Whose a job is.

use super::daemon::look_at;
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use doorward_domain::ids::ProvisionerJobId;

/// Whether a daemon may go on with a job: before something large is read that it says of it.
///
/// Needs the principal of the provisioner daemon that has the job. Errors: as of [`update`](super::update()).
pub async fn check_own(ctx: &Context, by: &Principal, id: ProvisionerJobId) -> Result<(), Error> {
    ctx.look(by, move |look| look_at(look.repos, look.by, id, None).map(drop)).await
}
