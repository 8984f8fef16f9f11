//! Watching one's own inbox.

use super::INBOX;
use super::inbox::{InboxPage, list_inbox};
use crate::{Context, Error, Principal};
use doorward_domain::ids::InboxNotificationId;
use doorward_domain::notifications::InboxFilter;
use doorward_ports::bus::{Heard, Subscription};
use std::time::Duration;
use tokio::time::Instant;

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
    /// When it is looked without being told.
    look_at: Instant,
    /// Something may be new that was not looked at yet.
    is_due: bool,
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
        Ok(Self {
            ctx: ctx.clone(),
            by: by.clone(),
            filter,
            last,
            user,
            heard,
            look_at: Instant::now() + LOOK_EVERY,
            is_due: false,
        })
    }

    /// Waits until something may be new, and answers what is, the first one first; `None` when whoever watches may not any more:
    /// the key is gone or has expired, or its user may not act. May be dropped while it waits, and nothing is lost, nor does it take
    /// longer until it is looked. After an error it is looked at once.
    pub async fn next(&mut self) -> Result<Option<InboxPage>, Error> {
        if !self.is_due {
            let is_told = async {
                while let Heard::Event(user) = self.heard.next().await {
                    if user == self.user {
                        break;
                    }
                }
            };
            // Time over is as good as being told.
            let _told = tokio::time::timeout_at(self.look_at, is_told).await;
            // What was heard would be lost with this future, and so would the time that has passed.
            self.is_due = true;
        }
        let seen = self.look().await?;
        self.is_due = false;
        self.look_at = Instant::now() + LOOK_EVERY;
        Ok(seen)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{ANN, actor, ann, context, key};
    use doorward_domain::notifications::ReadStatus;
    use doorward_ports::bus::Event;
    use doorward_ports::mocks::MockRepositories;
    use std::future::ready;
    use tokio::time::timeout;

    /// Ann watches her inbox, which is empty; whether her session is there when it is looked.
    async fn watching(is_signed_in: bool) -> InboxWatch {
        let mut repos = MockRepositories::default();
        repos.inbox.expect_list().returning(|_, _, _| Ok(Vec::new()));
        repos.inbox.expect_count_unread().returning(|_| Ok(0));
        repos.api_keys.expect_find().returning(move |_| Ok(is_signed_in.then(|| key(ANN))));
        repos.users.expect_find().returning(|_| Ok(Some(ann())));
        let filter = InboxFilter { targets: Vec::new(), templates: Vec::new(), read: ReadStatus::All, before: None };
        InboxWatch::begin(&context(repos), &actor().build(), filter).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn however_often_the_wait_is_begun_anew_the_session_is_looked_at_in_time() {
        let mut watch = watching(false).await;
        for _ in 0..2 {
            assert!(timeout(LOOK_EVERY / 3, watch.next()).await.is_err());
        }
        let seen = timeout(LOOK_EVERY / 2, watch.next()).await.expect("it has waited long enough");
        assert_eq!(seen.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_heard_just_before_the_wait_ends_is_looked_at() {
        let mut watch = watching(true).await;
        watch.ctx.bus.publish(Event::new(INBOX, &ANN.to_string()).unwrap());
        let seen = tokio::select! {
            biased;
            seen = watch.next() => Some(seen),
            () = ready(()) => None,
        };
        // Unless it was quick enough to look.
        if seen.is_none() {
            let seen = timeout(LOOK_EVERY / 3, watch.next()).await.expect("it was told already");
            assert!(seen.unwrap().is_some_and(|page| page.notifications.is_empty()));
        }
        assert!(timeout(LOOK_EVERY / 3, watch.next()).await.is_err(), "once is enough");
    }
}
