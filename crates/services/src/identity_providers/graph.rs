//! The groups of somebody at Microsoft Graph, for tokens that have no room for them.

use crate::context::Context;
use doorward_domain::Secret;
use doorward_domain::identity_providers::{Claims, GROUPS_MAX};
use doorward_ports::fetch::{ContentType, Request};
use serde_json::Value;

/// Where they are: our own address, never the one in the token.
const FIRST: &str = "https://graph.microsoft.com/v1.0/me/transitiveMemberOf/microsoft.graph.group?$select=id&$top=999";
/// Where all pages are.
const HOST: &str = "https://graph.microsoft.com/";
/// The longest page, in bytes.
const PAGE_MAX: usize = 1024 * 1024;
/// The most pages that are read.
const PAGES_MAX: usize = 10;

/// The ids of the groups, and how many were left out. All of them, or a reason why not: part of them would take people out of the
/// others.
pub(super) async fn group_ids(ctx: &Context, access_token: &Secret<String>) -> Result<(Vec<String>, usize), String> {
    let (mut ids, mut next) = (Vec::new(), Some(FIRST.to_owned()));
    for _page in 0..PAGES_MAX {
        let Some(url) = next.take() else { break };
        let request = Request::get(&url, PAGE_MAX).bearer(access_token).expecting(ContentType::Json);
        let answer = ctx.upstreams.fetch(request.chosen_by_operator()).await.map_err(|failure| failure.detail)?;
        let page = Claims::parse(answer.body.expose()).map_err(|defect| defect.to_string())?;
        let Some(Value::Array(groups)) = page.get("value") else { return Err("a page has no groups".to_owned()) };
        let id = |group: &Value| group.get("id").and_then(Value::as_str).map(str::to_owned);
        ids.extend(groups.iter().filter_map(id));
        next = match page.get("@odata.nextLink") {
            None => None,
            Some(Value::String(link)) if link.starts_with(HOST) => Some(link.clone()),
            Some(_) => return Err("the next page is elsewhere".to_owned()),
        };
    }
    if next.is_some() {
        return Err("there are too many pages".to_owned());
    }
    let skipped = ids.len().saturating_sub(GROUPS_MAX);
    ids.truncate(GROUPS_MAX);
    Ok((ids, skipped))
}
