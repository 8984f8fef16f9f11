//! Quotas (`enterprise-identity.md` 2).

use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_domain::quotas::Quota;
use doorward_services::organizations::OrganizationRef;
use doorward_services::{Principal, quotas};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_find, find);
    r.user(__path_find_in_default, find_in_default);
}

/// What a user spends and may spend per day.
#[derive(Serialize, ToSchema)]
#[schema(as = WorkspaceQuota)]
pub(crate) struct QuotaObject {
    credits_consumed: i64,
    /// -1 means without limit.
    budget: i64,
}

impl From<Quota> for QuotaObject {
    fn from(quota: Quota) -> Self {
        Self { credits_consumed: quota.consumed, budget: quota.budget.as_i64() }
    }
}

/// Shows what a user spends and may spend in an organization.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/members/{user}/workspace-quota", tag = "quotas",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("user" = String, Path, description = "Id, name or `me`"),
    ),
    responses((status = 200, body = QuotaObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    let organization = call.organization();
    let quota = quotas::find(call.context(), &actor, &organization, &call.user()).await?;
    Ok(ok(&QuotaObject::from(quota)))
}

/// Shows what a user spends and may spend in the default organization. Name the organization instead.
#[utoipa::path(
    get, path = "/api/v2/workspace-quota/{user}", tag = "quotas",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = QuotaObject)),
)]
pub(crate) async fn find_in_default(call: Call, actor: Principal) -> HandlerResult {
    let quota = quotas::find(call.context(), &actor, &OrganizationRef::Default, &call.user()).await?;
    Ok(ok(&QuotaObject::from(quota)))
}
