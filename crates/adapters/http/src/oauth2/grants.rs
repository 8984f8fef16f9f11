//! Which apps may act for whom, for those who look after users and apps.

use crate::conventions::Api;
use crate::kit::answer::{self, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult};
use crate::kit::json::Timestamp;
use crate::kit::routes::Routes;
use doorward_domain::page::Page;
use doorward_services::Principal;
use doorward_services::oauth2::grants::{self, GrantPage, ListedGrant};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list_user_grants, list_user_grants).no_store();
    r.user(__path_list_app_grants, list_app_grants).no_store();
    r.user(__path_revoke_app_grants, revoke_app_grants);
    r.user(__path_revoke_grant, revoke_grant);
}

/// What a user has allowed an app.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuth2ProviderGrant)]
pub(crate) struct GrantObject {
    id: Uuid,
    user_id: Uuid,
    username: String,
    app_id: Uuid,
    app_name: String,
    /// Names of what is left of it.
    scopes: Vec<String>,
    /// The one resource for which its tokens may be used; empty means this server.
    resource: String,
    /// Whether it was given to a device.
    device: bool,
    created_at: Timestamp,
    /// When its access token was last used, to the hour.
    last_used: Timestamp,
    /// When it ends, if it is not refreshed.
    expires_at: Timestamp,
}

/// A page of grants.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuth2ProviderGrants)]
pub(crate) struct GrantsObject {
    /// Newest first.
    grants: Vec<GrantObject>,
    /// How many match, before `limit` and `offset`; at most ten thousand more than `offset`.
    count: u64,
}

impl From<ListedGrant> for GrantObject {
    fn from(ListedGrant { granted, username }: ListedGrant) -> Self {
        let (grant, app) = (granted.grant, granted.app);
        Self {
            id: grant.id.0,
            user_id: grant.user_id.0,
            username,
            app_id: app.id.0,
            app_name: app.name,
            scopes: grant.authorization.scopes.to_names(),
            resource: grant.authorization.resource.map(|uri| uri.as_str().to_owned()).unwrap_or_default(),
            device: grant.is_device,
            created_at: grant.created_at.into(),
            last_used: granted.last_used.into(),
            expires_at: grant.refresh_expires_at.into(),
        }
    }
}

impl From<GrantPage> for GrantsObject {
    fn from(page: GrantPage) -> Self {
        Self { grants: page.grants.into_iter().map(GrantObject::from).collect(), count: page.count }
    }
}

/// How many grants were ended.
#[derive(Serialize, ToSchema)]
#[schema(as = EndedGrants)]
pub(crate) struct Ended {
    ended: usize,
}

fn page(call: &Call) -> Result<Page, Failure> {
    let mut query = call.query();
    let page = query.page();
    query.done()?;
    Ok(page)
}

/// Lists what a user has allowed apps, newest first.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/grants", tag = "oauth2 grants",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        ("after_id" = Option<Uuid>, Query, description = "Only grants behind this one, which are older"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many, never more than 1000; 0 means 100"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = GrantsObject)),
)]
pub(crate) async fn list_user_grants(call: Call, actor: Principal) -> HandlerResult {
    let page = page(&call)?;
    let list = grants::list_of_user(call.context(), &actor, &call.user(), page).await?;
    Ok(answer::list(list.grants.len(), move || GrantsObject::from(list)).await)
}

/// Lists what an app was allowed, newest first, as far as the caller may see it.
#[utoipa::path(
    get, path = "/api/v2/oauth2-provider/apps/{app}/grants", tag = "oauth2 grants",
    params(
        ("app" = Uuid, Path, description = "Id of the app"),
        ("after_id" = Option<Uuid>, Query, description = "Only grants behind this one, which are older"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many, never more than 1000; 0 means 100"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = GrantsObject)),
)]
pub(crate) async fn list_app_grants(call: Call, actor: Principal) -> HandlerResult {
    let page = page(&call)?;
    let list = grants::list_of_app(call.context(), &actor, call.id("app")?, page).await?;
    Ok(answer::list(list.grants.len(), move || GrantsObject::from(list)).await)
}

/// Ends all that an app was allowed, by all users, with its codes and the tokens of its service account.
#[utoipa::path(
    delete, path = "/api/v2/oauth2-provider/apps/{app}/grants", tag = "oauth2 grants",
    params(("app" = Uuid, Path, description = "Id of the app")),
    responses((status = 200, body = Ended)),
)]
pub(crate) async fn revoke_app_grants(call: Call, actor: Principal) -> HandlerResult {
    let ended = grants::revoke_of_app(call.context(), &actor, call.id("app")?).await?;
    Ok(ok(&Ended { ended }))
}

/// Ends what a user has allowed an app; the app has to ask anew.
#[utoipa::path(
    delete, path = "/api/v2/oauth2-provider/grants/{grant}", tag = "oauth2 grants",
    params(("grant" = Uuid, Path, description = "Id of the grant")),
    responses((status = 204)),
)]
pub(crate) async fn revoke_grant(call: Call, actor: Principal) -> HandlerResult {
    grants::revoke(call.context(), &actor, call.id("grant")?).await?;
    Ok(no_content())
}
