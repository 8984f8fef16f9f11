//! Watching one's own inbox.

use super::INBOX;
use super::inbox::{InboxPage, list_inbox};
use crate::{Context, Error, Principal};
use doorward_domain::ids::InboxNotificationId;
use doorward_domain::notifications::InboxFilter;
use doorward_ports::bus::{Heard, Subscription};
use std::time::Duration;

/// How often it is looked without being told.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Sees what is new in one's own inbox.
#[derive(Debug)]
pub struct InboxWatch {
    ctx: Context,
    by: Principal,
    filter: InboxFilter,
    last: InboxNotificationId,
    user: String,
    heard: Subscription,
}

impl InboxWatch {
    /// Begins to watch one's own inbox: what comes from here on is new.
    ///
    /// Needs `inbox_notification:read` on oneself. Errors: `Forbidden`, `Refused` (a caller without an account).
    pub async fn begin(ctx: &Context, by: &Principal, filter: InboxFilter) -> Result<Self, Error> {
        let user = by.account()?.user.id.to_string();
        let filter = InboxFilter { before: None, ..filter };
        let heard = ctx.bus.subscribe(INBOX);
        let page = list_inbox(ctx, by, filter.clone()).await?;
        let last = page.notifications.first().map_or(InboxNotificationId::NIL, |one| one.id);
        Ok(Self { ctx: ctx.clone(), by: by.clone(), filter, last, user, heard })
    }

    /// Waits until something may be new, and answers what is, the first one first; `None` when whoever watches may not any more:
    /// the key is gone or has expired, or its user may not act. May be dropped while it waits, and nothing is lost.
    pub async fn next(&mut self) -> Result<Option<InboxPage>, Error> {
        let is_told = async {
            while let Heard::Event(user) = self.heard.next().await {
                if user == self.user {
                    break;
                }
            }
        };
        // Time over is as good as being told.
        let _told = tokio::time::timeout(LOOK_EVERY, is_told).await;
        self.look().await
    }

    async fn look(&mut self) -> Result<Option<InboxPage>, Error> {
        let account = self.by.account()?;
        let (key, user) = (account.key.id.clone(), account.user.id);
        let is_there = self.ctx.look(&self.by, move |look| {
            let key = look.repos.api_keys().find(&key)?.filter(|key| key.expires_at > look.now);
            let user = look.repos.users().find(user)?;
            Ok::<_, Error>(key.is_some() && user.is_some_and(|user| user.may_act()))
        });
        if !is_there.await? {
            return Ok(None);
        }
        let mut page = list_inbox(&self.ctx, &self.by, self.filter.clone()).await?;
        page.notifications.retain(|one| one.id > self.last);
        page.notifications.reverse();
        self.last = page.notifications.last().map_or(self.last, |one| one.id);
        Ok(Some(page))
    }
}
