//! What occurs how often in the audit log.

use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use doorward_services::Principal;
use doorward_services::audit::{self, AuditFacets};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// How often something occurs.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditFacet)]
pub(crate) struct FacetObject {
    value: &'static str,
    count: u64,
}

/// What somebody did how often.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditUserFacet)]
pub(crate) struct UserFacetObject {
    /// Null for what nobody did: the command line, the server itself.
    user_id: Option<Uuid>,
    /// As of now; empty for nobody.
    username: String,
    count: u64,
}

/// What occurs how often, the most frequent first.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditFacets)]
pub(crate) struct FacetsObject {
    /// How many records were counted: at most the newest hundred thousand.
    count: u64,
    actions: Vec<FacetObject>,
    resource_types: Vec<FacetObject>,
    /// At most fifty.
    users: Vec<UserFacetObject>,
}

impl From<AuditFacets> for FacetsObject {
    fn from(facets: AuditFacets) -> Self {
        let users = facets.users.into_iter().map(|(user, count)| {
            let (user_id, username) = user.map(|(id, name)| (id.0, name)).unzip();
            UserFacetObject { user_id, username: username.unwrap_or_default(), count }
        });
        let facet = |value, count| FacetObject { value, count };
        Self {
            count: facets.count,
            actions: facets.actions.iter().map(|(action, count)| facet(action.as_str(), *count)).collect(),
            resource_types: facets.resource_types.iter().map(|(kind, count)| facet(kind.as_str(), *count)).collect(),
            users: users.collect(),
        }
    }
}

/// Counts the records that the caller may read by what was done, to what kind of thing, and by whom.
#[utoipa::path(
    get, path = "/api/v2/audit/facets", tag = "audit",
    params(("q" = Option<String>, Query, description = "Search: `key:value` terms; a bare word is a resource type")),
    responses((status = 200, body = FacetsObject)),
)]
pub(crate) async fn facets(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let text = query.text("q").unwrap_or_default();
    query.done()?;
    Ok(ok(&FacetsObject::from(audit::facets(call.context(), &actor, &text).await?)))
}
