use crate::error::RowError;
use crate::schema::{inbox_notifications, notification_deliveries, one_time_passcodes};
use crate::types::{At, Hash, Id, Json};
use diesel::prelude::*;
use doorward_domain::ids::{DeliveryId, InboxNotificationId, NotificationTemplateId, UserId};
use doorward_domain::notifications::{Delivery, InboxNotification, LinkedAction};
use doorward_domain::passcodes::Passcode;
use doorward_ports::StoreError;
use doorward_ports::notifications::DeadDelivery;
use uuid::Uuid;

/// A delivery as it is read: also what `RETURNING` gives, in this order.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = notification_deliveries)]
pub(crate) struct DeliveryRow {
    id: Id<DeliveryId>,
    template_id: Id<NotificationTemplateId>,
    user_id: Id<UserId>,
    method: String,
    matter: String,
    created_at: At,
    expires_at: Option<At>,
    attempts: i32,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = RowError;

    fn try_from(row: DeliveryRow) -> Result<Self, RowError> {
        let id = row.id.0;
        let bad = |column| RowError::new("notification_deliveries", column, id);
        Ok(Self {
            id,
            template_id: row.template_id.0,
            user_id: row.user_id.0,
            method: row
                .method
                .parse()
                .map_err(|error: doorward_domain::users::UnknownValueError| bad("method").because(error))?,
            matter: serde_json::from_str(&row.matter).map_err(|error| bad("matter").because(error))?,
            created_at: row.created_at.0,
            expires_at: row.expires_at.map(|at| at.0),
            attempts: u32::try_from(row.attempts).unwrap_or(0),
        })
    }
}

/// A delivery that was given up.
pub(crate) fn dead((row, dead_at, error): (DeliveryRow, Option<At>, Option<String>)) -> Result<DeadDelivery, RowError> {
    let delivery = Delivery::try_from(row)?;
    let dead_at = dead_at.ok_or_else(|| RowError::new("notification_deliveries", "dead_at", delivery.id))?.0;
    Ok(DeadDelivery { delivery, dead_at, error: error.unwrap_or_default() })
}

/// A delivery that is new.
#[derive(Debug, Insertable)]
#[diesel(table_name = notification_deliveries)]
pub(crate) struct NewDeliveryRow {
    id: Id<DeliveryId>,
    template_id: Id<NotificationTemplateId>,
    user_id: Id<UserId>,
    method: &'static str,
    matter: String,
    created_at: At,
    expires_at: Option<At>,
    attempts: i32,
    next_attempt_at: At,
    claimed: bool,
    handed_over: bool,
}

impl TryFrom<&Delivery> for NewDeliveryRow {
    type Error = StoreError;

    fn try_from(delivery: &Delivery) -> Result<Self, StoreError> {
        Ok(Self {
            id: Id(delivery.id),
            template_id: Id(delivery.template_id),
            user_id: Id(delivery.user_id),
            method: delivery.method.as_str(),
            matter: serde_json::to_string(&delivery.matter).map_err(StoreError::other)?,
            created_at: At(delivery.created_at),
            expires_at: delivery.expires_at.map(At),
            attempts: 0,
            // Long ago, by any clock.
            next_attempt_at: At(doorward_domain::Instant::UNIX_EPOCH),
            claimed: false,
            handed_over: false,
        })
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = inbox_notifications)]
pub(crate) struct InboxRow {
    id: Id<InboxNotificationId>,
    user_id: Id<UserId>,
    template_id: Id<NotificationTemplateId>,
    targets: Json<Vec<Uuid>>,
    title: String,
    content: String,
    actions: Json<Vec<LinkedAction>>,
    read_at: Option<At>,
    created_at: At,
}

impl From<&InboxNotification> for InboxRow {
    fn from(notification: &InboxNotification) -> Self {
        Self {
            id: Id(notification.id),
            user_id: Id(notification.user_id),
            template_id: Id(notification.template_id),
            targets: Json(notification.targets.clone()),
            title: notification.title.clone(),
            content: notification.content.clone(),
            actions: Json(notification.actions.clone()),
            read_at: notification.read_at.map(At),
            created_at: At(notification.created_at),
        }
    }
}

impl From<InboxRow> for InboxNotification {
    fn from(row: InboxRow) -> Self {
        Self {
            id: row.id.0,
            user_id: row.user_id.0,
            template_id: row.template_id.0,
            targets: row.targets.0,
            title: row.title,
            content: row.content,
            actions: row.actions.0,
            read_at: row.read_at.map(|at| at.0),
            created_at: row.created_at.0,
        }
    }
}

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = one_time_passcodes)]
pub(crate) struct PasscodeRow {
    user_id: Id<UserId>,
    digest: Hash,
    created_at: At,
    expires_at: At,
}

impl From<&Passcode> for PasscodeRow {
    fn from(passcode: &Passcode) -> Self {
        Self {
            user_id: Id(passcode.user_id),
            digest: Hash(passcode.digest),
            created_at: At(passcode.created_at),
            expires_at: At(passcode.expires_at),
        }
    }
}

impl From<PasscodeRow> for Passcode {
    fn from(row: PasscodeRow) -> Self {
        Self {
            user_id: row.user_id.0,
            digest: row.digest.0,
            created_at: row.created_at.0,
            expires_at: row.expires_at.0,
        }
    }
}
