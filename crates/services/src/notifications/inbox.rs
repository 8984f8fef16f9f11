//! Inboxes.

use crate::{Context, Error, Principal};
use doorward_domain::ids::{InboxNotificationId, UserId};
use doorward_domain::notifications::{INBOX_PAGE, InboxFilter, InboxNotification};
use doorward_domain::roles::{Action, Object, action, resource};

/// A page of an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxPage {
    /// The notifications, the last ones first.
    pub notifications: Vec<InboxNotification>,
    /// How many there are that were not read, on whatever page.
    pub unread_count: u64,
}

fn inbox_of(user: UserId) -> Object<'static> {
    Object::of::<resource::InboxNotification>().owner(user.0)
}

/// A page of one's own inbox.
///
/// Needs `inbox_notification:read` on oneself. Errors: `Forbidden`, `Refused` (a caller without an account).
pub async fn list_inbox(ctx: &Context, by: &Principal, filter: InboxFilter) -> Result<InboxPage, Error> {
    let me = by.account()?.user.id;
    by.subject.check(Action::Read, &inbox_of(me))?;
    ctx.look(by, move |look| {
        let notifications = look.repos.inbox().list(me, &filter, INBOX_PAGE)?;
        Ok(InboxPage { notifications, unread_count: look.repos.inbox().count_unread(me)? })
    })
    .await
}

/// Marks one of one's own notifications as read, or as not read. Answers it, and how many are not read then.
///
/// Needs `inbox_notification:update` on oneself. Errors: `Forbidden`, `NotFound`, `Refused` (a caller without an account).
pub async fn mark_as_read(
    ctx: &Context,
    by: &Principal,
    id: InboxNotificationId,
    is_read: bool,
) -> Result<(InboxNotification, u64), Error> {
    let me = by.account()?.user.id;
    ctx.act(by, move |deed| {
        let permit = deed.by.permit::<action::Update, resource::InboxNotification>(&inbox_of(me))?;
        let read_at = is_read.then_some(deed.now);
        let marked = deed.repos.inbox().mark(&permit, me, id, read_at)?.ok_or(Error::NotFound)?;
        let unread = deed.repos.inbox().count_unread(me)?;
        Ok(deed.unrecorded("what somebody has read is their own affair", (marked, unread)))
    })
    .await
}

/// Marks all of one's own notifications as read.
///
/// Needs `inbox_notification:update` on oneself. Errors: `Forbidden`, `Refused` (a caller without an account).
pub async fn mark_all_as_read(ctx: &Context, by: &Principal) -> Result<(), Error> {
    let me = by.account()?.user.id;
    ctx.act(by, move |deed| {
        let permit = deed.by.permit::<action::Update, resource::InboxNotification>(&inbox_of(me))?;
        deed.repos.inbox().mark_all(&permit, me, deed.now)?;
        Ok(deed.unrecorded("what somebody has read is their own affair", ()))
    })
    .await
}
