//! The audit log as it is written.

use super::list::{ListedEntry, listed, parse, resolve, visible};
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::sessions::lives;
use doorward_domain::audit::AuditFilter;
use doorward_domain::ids::AuditId;
use doorward_domain::roles::ListFilter;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// How often it is looked for what is new.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it is looked whether the caller may still look.
const ASK_EVERY: Duration = Duration::from_secs(15);
/// A record has the time at which its transaction began, so those that are found later may be older than others by as much.
const LATE_MAX: time::Duration = time::Duration::minutes(1);
/// So many records are looked at each time.
const LOOKED_AT: u32 = 1000;

/// Sees what is written into the audit log from here on.
#[derive(Debug)]
pub struct Tail {
    ctx: Context,
    by: Principal,
    /// `None` when nothing can match.
    filter: Option<AuditFilter>,
    visible: ListFilter,
    /// Records of the last minute that were told.
    told: HashSet<AuditId>,
    /// What was missed before it began and is to be told first.
    waiting: Option<News>,
    look_at: Instant,
    ask_at: Instant,
}

/// What is new.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct News {
    /// The records, the first one first.
    pub entries: Vec<ListedEntry>,
    /// There were more before them than can be told.
    pub has_gap: bool,
}

impl Tail {
    /// Begins to watch what matches a search query: behind the record `last`, if it is one of the newest thousand, or from now on.
    ///
    /// Needs `audit_log:read` somewhere. Errors: `Forbidden`, `Refused` (a caller without an account), `Invalid` (the query).
    pub async fn begin(ctx: &Context, by: &Principal, query: &str, last: Option<AuditId>) -> Result<Self, Error> {
        by.account()?;
        let (visible, query) = (visible(by)?, parse(query)?);
        let filter = ctx.look(by, move |look| resolve(look.repos, look.by, query)).await?;
        let now = Instant::now();
        let mut tail = Self {
            ctx: ctx.clone(),
            by: by.clone(),
            filter,
            visible,
            told: HashSet::new(),
            waiting: None,
            look_at: now + LOOK_EVERY,
            ask_at: now + ASK_EVERY,
        };
        let newest = tail.newest(last.is_none()).await?;
        tail.told = newest.iter().map(|one| one.entry.record.id).collect();
        if let Some(last) = last {
            let is_known = tail.told.contains(&last);
            let mut missed: Vec<ListedEntry> =
                newest.into_iter().take_while(|one| is_known && one.entry.record.id != last).collect();
            missed.reverse();
            tail.waiting = Some(News { entries: missed, has_gap: !is_known });
        }
        Ok(tail)
    }

    /// Waits until something is new, and answers what is; `None` when whoever watches may not any more: the key is gone or has expired, or
    /// its user may not act. May be dropped while it waits, and nothing is lost.
    pub async fn next(&mut self) -> Result<Option<News>, Error> {
        if let Some(missed) = self.waiting.take() {
            return Ok(Some(missed));
        }
        loop {
            tokio::time::sleep_until(self.look_at).await;
            if self.ask_at <= Instant::now() {
                if !lives(&self.ctx, &self.by).await? {
                    return Ok(None);
                }
                self.ask_at = Instant::now() + ASK_EVERY;
            }
            let newest = self.newest(true).await?;
            self.look_at = Instant::now() + LOOK_EVERY;
            let is_full = newest.len() >= LOOKED_AT as usize;
            let ids: HashSet<AuditId> = newest.iter().map(|one| one.entry.record.id).collect();
            let has_gap = is_full && self.told.is_disjoint(&ids);
            let mut entries: Vec<ListedEntry> =
                newest.into_iter().filter(|one| !self.told.contains(&one.entry.record.id)).collect();
            self.told = ids;
            if !entries.is_empty() {
                entries.reverse();
                return Ok(Some(News { entries, has_gap }));
            }
        }
    }

    /// The newest records that match, those of the last minute only or all.
    async fn newest(&self, are_recent: bool) -> Result<Vec<ListedEntry>, Error> {
        let Some(mut filter) = self.filter.clone() else { return Ok(Vec::new()) };
        if are_recent {
            let since = self.ctx.clock.now().saturating_sub(LATE_MAX);
            filter.since = Some(filter.since.map_or(since, |asked| asked.max(since)));
        }
        let visible = self.visible.clone();
        self.ctx
            .look(&self.by, move |look| {
                let found = look.repos.audit().list_behind(&filter, &visible, None, LOOKED_AT)?;
                Ok(listed(look.repos, found)?)
            })
            .await
    }
}
