//! The groups of somebody at Microsoft Graph, for tokens that have no room for them.

use crate::context::Context;
use doorward_domain::Secret;
use doorward_domain::identity_providers::{GRAPH_GROUPS_URL, GROUPS_MAX, GraphPage, read_graph_page};
use doorward_ports::fetch::{ContentType, Request};

/// The longest page, in bytes.
const PAGE_MAX: usize = 1024 * 1024;
/// The most pages that are read.
const PAGES_MAX: usize = 25;

/// The ids of the groups, and how many were left out. All of them, or a reason why not: part of them would take people out of the
/// others.
pub(super) async fn group_ids(ctx: &Context, access_token: &Secret<String>) -> Result<(Vec<String>, usize), String> {
    let (mut ids, mut next) = (Vec::new(), Some(GRAPH_GROUPS_URL.to_owned()));
    let mut pages = 0;
    while let Some(url) = next.take() {
        pages += 1;
        if pages > PAGES_MAX {
            return Err("there are too many pages".to_owned());
        }
        let request = Request::get(&url, PAGE_MAX).bearer(access_token).expecting(ContentType::Json);
        let answer = ctx.upstreams.fetch(request.chosen_by_trusted()).await.map_err(|failure| failure.detail)?;
        let page = read_graph_page(answer.body.expose()).map_err(|defect| defect.to_string())?;
        ids.extend(page.groups);
        if GraphPage::is_enough(ids.len()) {
            // How many there are on other pages is not known; one at least.
            let more = usize::from(page.next.is_some());
            let skipped = ids.len().saturating_sub(GROUPS_MAX) + more;
            ids.truncate(GROUPS_MAX);
            return Ok((ids, skipped));
        }
        next = page.next;
    }
    Ok((ids, 0))
}
