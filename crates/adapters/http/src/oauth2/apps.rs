//! Apps, for owners (`oauth2.md` 5).

pub(crate) mod objects;

use crate::conventions::Api;
use crate::kit::answer::{created, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_domain::ids::UserId;
use doorward_domain::oauth2::App;
use doorward_services::oauth2::{adoption, apps};
use doorward_services::{Error, Principal};
use objects::{AppObject, AppRequest};

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list).no_store();
    r.user(__path_create, create).no_store();
    r.user(__path_find, find).no_store();
    r.user(__path_update, update).no_store();
    r.user(__path_delete, delete).no_store();
}

/// Lists the apps, or those that may act for a user.
#[utoipa::path(
    get, path = "/api/v2/oauth2-provider/apps", tag = "oauth2 apps",
    params(("user_id" = Option<Uuid>, Query, description = "Only apps that hold a live grant of this user")),
    responses((status = 200, body = [AppObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let user = query.parsed::<UserId>("user_id", "UUID");
    query.done()?;
    let found = match user {
        Some(user) => apps::list_of_user(call.context(), &actor, user).await?,
        None => apps::list(call.context(), &actor).await?,
    };
    Ok(ok(&AppObject::load_all(&call, &actor, found).await?))
}

/// Registers an app.
#[utoipa::path(
    post, path = "/api/v2/oauth2-provider/apps", tag = "oauth2 apps", request_body = AppRequest,
    responses((status = 201, body = AppObject)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let body: AppRequest = call.json_after(async |_| apps::may_create(&actor)).await?;
    let app = match body.client_id_url.clone().filter(|url| !url.is_empty()) {
        Some(url) => adoption::adopt(call.context(), &actor, &url, body.into()).await?,
        None => apps::create(call.context(), &actor, body.into()).await?,
    };
    Ok(created(&AppObject::load(&call, &actor, app).await?))
}

/// Shows an app.
#[utoipa::path(
    get, path = "/api/v2/oauth2-provider/apps/{app}", tag = "oauth2 apps",
    params(("app" = Uuid, Path, description = "Id of the app")),
    responses((status = 200, body = AppObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    let app = apps::find(call.context(), &actor, call.id("app")?).await?;
    Ok(ok(&AppObject::load(&call, &actor, app).await?))
}

/// Replaces what is registered of an app. Codes and tokens stay valid.
#[utoipa::path(
    put, path = "/api/v2/oauth2-provider/apps/{app}", tag = "oauth2 apps",
    params(("app" = Uuid, Path, description = "Id of the app")),
    request_body = AppRequest,
    responses((status = 200, body = AppObject)),
)]
pub(crate) async fn update(mut call: Call, actor: Principal) -> HandlerResult {
    let id = call.id("app")?;
    let may = async |call: &Call| {
        apps::find(call.context(), &actor, id).await?;
        apps::may_update(&actor, id)
    };
    let body: AppRequest = call.json_after(may).await?;
    let app = apps::update(call.context(), &actor, id, body.into()).await?;
    Ok(ok(&AppObject::load(&call, &actor, app).await?))
}

/// Deletes an app with its secrets, codes and tokens.
#[utoipa::path(
    delete, path = "/api/v2/oauth2-provider/apps/{app}", tag = "oauth2 apps",
    params(("app" = Uuid, Path, description = "Id of the app")),
    responses((status = 204)),
)]
pub(crate) async fn delete(call: Call, actor: Principal) -> HandlerResult {
    apps::delete(call.context(), &actor, call.id("app")?).await?;
    Ok(no_content())
}

/// An app by the text of its id, as a form sends it.
pub(crate) async fn find_by_text(call: &Call, actor: &Principal, id: &str) -> Result<App, Error> {
    match id.parse() {
        Ok(id) => apps::find(call.context(), actor, id).await,
        Err(_not_a_uuid) => Err(Error::NotFound),
    }
}
