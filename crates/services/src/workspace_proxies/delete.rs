//! Ending proxies.

use super::access::{ProxyRef, may_read, object};
use super::health;
use crate::{Context, Error, Principal};
use doorward_domain::roles::{action, resource};

/// Deletes a proxy: its token is good for nothing any more, and its name is free.
///
/// Needs `workspace_proxy:delete`. Errors: `NotFound` (missing or not readable), `Forbidden`, `Invalid` (the deployment itself).
pub async fn delete(ctx: &Context, by: &Principal, reference: &ProxyRef) -> Result<(), Error> {
    let (reference, context) = (reference.clone(), ctx.clone());
    ctx.act(by, move |deed| {
        let found = reference.find(deed.repos)?;
        let object = object(&context, found.as_ref());
        may_read(deed.by, &object)?;
        let permit = deed.by.permit::<action::Delete, resource::WorkspaceProxy>(&object)?;
        let Some(found) = found else {
            return Err(Error::invalid("The primary proxy is this deployment itself, and cannot be deleted."));
        };
        let old = deed.repos.workspace_proxies().find_for_update(found.id)?.ok_or(Error::NotFound)?;
        if !deed.repos.workspace_proxies().delete(&permit, old.id, deed.now)? {
            return Err(Error::NotFound);
        }
        Ok(deed.ended(&old)?.answer(()))
    })
    .await?;
    health::wake(ctx);
    Ok(())
}
