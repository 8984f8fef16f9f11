//! The audit log as a whole, page by page.

use super::list::{ListedEntry, listed, parse, resolve, visible};
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::sessions::lives;
use doorward_domain::audit::AuditFilter;
use doorward_domain::ids::AuditId;
use doorward_domain::roles::ListFilter;

/// So many records are at hand at a time.
const PAGE: u32 = 500;

/// Reads all records that match a search query, newest first, and no more of them at a time than a page. What is written after it has begun
/// is not among them.
#[derive(Debug)]
pub struct Export {
    ctx: Context,
    by: Principal,
    /// `None` when nothing can match.
    filter: Option<AuditFilter>,
    visible: ListFilter,
    after: Option<AuditId>,
    is_over: bool,
}

impl Export {
    /// Begins to read.
    ///
    /// Needs `audit_log:read` somewhere. Errors: `Forbidden`, `Invalid` (the query).
    pub async fn begin(ctx: &Context, by: &Principal, query: &str) -> Result<Self, Error> {
        let (visible, query) = (visible(by)?, parse(query)?);
        let filter = ctx.look(by, move |look| resolve(look.repos, look.by, query)).await?;
        Ok(Self { ctx: ctx.clone(), by: by.clone(), filter, visible, after: None, is_over: false })
    }

    /// The next page; `None` behind the last.
    ///
    /// Errors: `Unauthenticated` (the key of the caller has ended meanwhile).
    pub async fn next(&mut self) -> Result<Option<Vec<ListedEntry>>, Error> {
        let Some(filter) = self.filter.clone().filter(|_| !self.is_over) else { return Ok(None) };
        if self.by.as_account().is_some() && !lives(&self.ctx, &self.by).await? {
            return Err(crate::sessions::unknown_key());
        }
        let (visible, after) = (self.visible.clone(), self.after);
        let page = self.ctx.look(&self.by, move |look| {
            let found = look.repos.audit().list_behind(&filter, &visible, after, PAGE)?;
            Ok::<_, Error>(listed(look.repos, found)?)
        });
        let page = page.await?;
        self.is_over = page.len() < PAGE as usize;
        self.after = page.last().map(|last| last.entry.record.id);
        Ok(Some(page).filter(|page| !page.is_empty()))
    }
}
