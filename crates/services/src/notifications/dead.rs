//! Deliveries that were given up, for the operator.

use crate::{Context, Error, Principal};
use doorward_domain::ids::DeliveryId;
use doorward_domain::roles::{Object, action, resource};
use doorward_ports::notifications::{Backlog, DeadDelivery};

/// How much there is to be done; for the metrics and the operator.
pub async fn count(ctx: &Context) -> Result<Backlog, Error> {
    ctx.read(|repos| Ok(repos.notifications().backlog()?)).await
}

/// The first `limit` deliveries that were given up, the last ones first.
///
/// Needs `notification_message:read`, which owners have. Errors: `Forbidden`.
pub async fn list_dead(ctx: &Context, by: &Principal, limit: u32) -> Result<Vec<DeadDelivery>, Error> {
    let _may =
        by.permit::<action::Read, resource::NotificationMessage>(&Object::of::<resource::NotificationMessage>())?;
    ctx.look(by, move |look| Ok(look.repos.notifications().list_dead(limit)?)).await
}

/// Has deliveries that were given up tried again: one, or all. How many.
///
/// Needs `notification_message:update`, which owners have. Errors: `Forbidden`, `NotFound` (none of this id was given up).
pub async fn retry(ctx: &Context, by: &Principal, id: Option<DeliveryId>) -> Result<usize, Error> {
    ctx.act(by, move |deed| {
        let all = Object::of::<resource::NotificationMessage>();
        let permit = deed.by.permit::<action::Update, resource::NotificationMessage>(&all)?;
        let revived = deed.repos.notifications().revive(&permit, id)?;
        if id.is_some() && revived == 0 {
            return Err(Error::NotFound);
        }
        deed.wake_notifier();
        Ok(deed.unrecorded("what was to be told is told", revived))
    })
    .await
}
