//! Inboxes.

use crate::conventions::Api;
use crate::kit::answer::{no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::extract::query::StrictQuery;
use crate::kit::json::Timestamp;
use crate::kit::routes::Room;
use doorward_domain::ids::{InboxNotificationId, NotificationTemplateId};
use doorward_domain::notifications::{InboxFilter, InboxNotification, LinkedAction, ReadStatus};
use doorward_domain::roles::{Action, ResourceType};
use doorward_services::Principal;
use doorward_services::intent::Intent;
use doorward_services::notifications;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) fn routes(r: &mut Room<'_, Api>) {
    r.user(__path_list, list);
    r.user(__path_mark, mark);
    r.user(__path_mark_all, mark_all);
}

/// Something to be done.
#[derive(Serialize, ToSchema)]
#[schema(as = InboxNotificationAction)]
pub(crate) struct ActionObject {
    label: String,
    url: String,
}

impl From<LinkedAction> for ActionObject {
    fn from(LinkedAction { label, url }: LinkedAction) -> Self {
        Self { label, url }
    }
}

/// A notification in an inbox.
#[derive(Serialize, ToSchema)]
#[schema(as = InboxNotification)]
pub(crate) struct InboxObject {
    id: Uuid,
    user_id: Uuid,
    template_id: Uuid,
    /// The ids of the things that it is about.
    targets: Vec<Uuid>,
    title: String,
    content: String,
    /// Always empty.
    icon: &'static str,
    actions: Vec<ActionObject>,
    read_at: Option<Timestamp>,
    created_at: Timestamp,
}

impl From<InboxNotification> for InboxObject {
    fn from(one: InboxNotification) -> Self {
        Self {
            id: one.id.0,
            user_id: one.user_id.0,
            template_id: one.template_id.0,
            targets: one.targets,
            title: one.title,
            content: one.content,
            icon: "",
            actions: one.actions.into_iter().map(ActionObject::from).collect(),
            read_at: one.read_at.map(Timestamp::from),
            created_at: one.created_at.into(),
        }
    }
}

/// A page of an inbox.
#[derive(Serialize, ToSchema)]
#[schema(as = ListInboxNotificationsResponse)]
pub(crate) struct PageObject {
    /// The last ones first, at most 25.
    notifications: Vec<InboxObject>,
    /// How many there are that were not read, on whatever page.
    unread_count: u64,
}

/// One notification, and how many were not read.
#[derive(Serialize, ToSchema)]
#[schema(as = GetInboxNotificationResponse)]
pub(crate) struct OneObject {
    pub(super) notification: InboxObject,
    pub(super) unread_count: u64,
}

/// What a query asks for.
pub(super) fn filter(query: &mut StrictQuery) -> InboxFilter {
    let templates = query.list::<Uuid>("templates", "UUID").unwrap_or_default();
    InboxFilter {
        targets: query.list("targets", "UUID").unwrap_or_default(),
        templates: templates.into_iter().map(NotificationTemplateId).collect(),
        read: query.parsed("read_status", "choice of `all`, `read` and `unread`").unwrap_or(ReadStatus::All),
        before: query.parsed("starting_before", "UUID").map(InboxNotificationId),
    }
}

/// Lists the notifications in one's own inbox, the last ones first.
#[utoipa::path(
    get, path = "/api/v2/notifications/inbox", tag = "notifications",
    params(
        ("targets" = Option<String>, Query, description = "About all of these ids, separated by commas"),
        ("templates" = Option<String>, Query, description = "Of one of these templates, separated by commas"),
        ("read_status" = Option<String>, Query, description = "`all`, `read` or `unread`"),
        ("starting_before" = Option<Uuid>, Query, description = "Those before this one"),
    ),
    responses((status = 200, body = PageObject)),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let filter = filter(&mut query);
    query.done_loosely()?;
    let page = notifications::list_inbox(call.context(), &actor, filter).await?;
    let notifications = page.notifications.into_iter().map(InboxObject::from).collect();
    Ok(ok(&PageObject { notifications, unread_count: page.unread_count }))
}

/// Whether a notification was read.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = UpdateInboxNotificationReadStatusRequest)]
pub(crate) struct Mark {
    #[schema(required)]
    is_read: bool,
}

/// Marks a notification of one's own as read, or as not read.
#[utoipa::path(
    put, path = "/api/v2/notifications/inbox/{id}/read-status", tag = "notifications",
    params(("id" = Uuid, Path, description = "Id of the notification")),
    request_body = Mark,
    responses((status = 200, body = OneObject)),
)]
pub(crate) async fn mark(mut call: Call, actor: Principal) -> HandlerResult {
    let id: InboxNotificationId = call.id("id")?;
    let body: Mark = call.json_for(&actor, Intent::Own(Action::Update, ResourceType::InboxNotification)).await?;
    let (one, unread_count) = notifications::mark_as_read(call.context(), &actor, id, body.is_read).await?;
    Ok(ok(&OneObject { notification: one.into(), unread_count }))
}

/// Marks all notifications of one's own as read.
#[utoipa::path(
    put, path = "/api/v2/notifications/inbox/mark-all-as-read", tag = "notifications",
    responses((status = 204)),
)]
pub(crate) async fn mark_all(call: Call, actor: Principal) -> HandlerResult {
    notifications::mark_all_as_read(call.context(), &actor).await?;
    Ok(no_content())
}
