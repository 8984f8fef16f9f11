//! What owners block of clients.

use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_domain::oauth2::BlockList;
use doorward_services::Principal;
use doorward_services::oauth2::block_list::{self, BlockCommand};
use doorward_services::oauth2::provider;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_show, show).no_store();
    r.user(__path_replace, replace).no_store();
}

/// What is blocked.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
#[schema(as = OAuth2BlockList)]
pub(crate) struct BlockListObject {
    /// Clients, by their `client_id`: ids, or URLs of documents.
    client_ids: Vec<String>,
    /// Hosts of metadata documents: `app.example` or `*.app.example`.
    document_hosts: Vec<String>,
    /// Hosts of redirect URIs.
    redirect_hosts: Vec<String>,
}

impl From<BlockList> for BlockListObject {
    fn from(list: BlockList) -> Self {
        let texts = |list: &[doorward_domain::oauth2::HostPattern]| list.iter().map(ToString::to_string).collect();
        Self {
            document_hosts: texts(&list.document_hosts),
            redirect_hosts: texts(&list.redirect_hosts),
            client_ids: list.client_ids,
        }
    }
}

/// Shows what is blocked, to owners.
#[utoipa::path(
    get, path = "/api/v2/oauth2-provider/blocklist", tag = "oauth2 apps", operation_id = "show_blocklist",
    responses((status = 200, body = BlockListObject)),
)]
pub(crate) async fn show(call: Call, actor: Principal) -> HandlerResult {
    Ok(ok(&BlockListObject::from(block_list::find(call.context(), &actor).await?)))
}

/// Blocks this and nothing else. What blocked clients were allowed ends.
#[utoipa::path(
    put, path = "/api/v2/oauth2-provider/blocklist", tag = "oauth2 apps", operation_id = "replace_blocklist",
    request_body = BlockListObject,
    responses((status = 200, body = BlockListObject)),
)]
pub(crate) async fn replace(mut call: Call, actor: Principal) -> HandlerResult {
    let body: BlockListObject = call.json_after(async |_| provider::may_update(&actor)).await?;
    let command = BlockCommand {
        client_ids: body.client_ids,
        document_hosts: body.document_hosts,
        redirect_hosts: body.redirect_hosts,
    };
    Ok(ok(&BlockListObject::from(block_list::replace(call.context(), &actor, command).await?)))
}
