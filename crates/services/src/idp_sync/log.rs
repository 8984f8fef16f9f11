//! The last syncs of a user.

use super::object;
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::users::reference::resolve_live;
use crate::users::{UserRef, access};
use doorward_domain::idp_sync::SyncRecord;
use doorward_domain::roles::Action;

/// The last syncs of a user that are kept, the last one first.
///
/// Needs `user:read` and `idpsync_settings:read`, or to be the user. Errors: `UserNotFound` (missing or not readable), `Forbidden`.
pub async fn list_syncs(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<Vec<SyncRecord>, Error> {
    let reference = user.clone();
    ctx.look(actor, move |look| {
        let user = resolve_live(look.repos, look.by, &reference)?;
        if look.by.is(user.id) {
            // What the credential may read of its user still counts.
            access::may(look.by, Action::ReadPersonal, &access::user(user.id))?;
        } else {
            access::may(look.by, Action::Read, &object(None))?;
        }
        Ok(look.repos.sync_log().list_of_user(user.id)?)
    })
    .await
}
