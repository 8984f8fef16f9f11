//! Secrets of apps, for owners (`oauth2.md` 6).

use crate::conventions::Api;
use crate::kit::answer::{created, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::routes::Routes;
use doorward_domain::oauth2::AppSecret;
use doorward_services::Principal;
use doorward_services::oauth2::secrets;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list_secrets, list_secrets).no_store();
    r.user(__path_create_secret, create_secret).no_store();
    r.user(__path_delete_secret, delete_secret).no_store();
}

/// A client secret, without the secret.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuth2ProviderAppSecret)]
pub(crate) struct SecretObject {
    id: Uuid,
    /// When a client last authenticated with it, to the hour.
    last_used_at: Option<Timestamp>,
    /// Its last six characters.
    client_secret_truncated: String,
}

impl From<AppSecret> for SecretObject {
    fn from(secret: AppSecret) -> Self {
        Self {
            id: secret.id.0,
            last_used_at: secret.last_used_at.map(Timestamp::from),
            client_secret_truncated: secret.display_suffix,
        }
    }
}

/// A client secret just made: the only time that it is seen.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuth2ProviderAppSecretFull)]
pub(crate) struct NewSecret<'a> {
    id: Uuid,
    client_secret_full: &'a str,
}

/// Lists the secrets of an app.
#[utoipa::path(
    get, path = "/api/v2/oauth2-provider/apps/{app}/secrets", tag = "oauth2 apps",
    params(("app" = Uuid, Path, description = "Id of the app")),
    responses((status = 200, body = [SecretObject])),
)]
pub(crate) async fn list_secrets(call: Call, actor: Principal) -> HandlerResult {
    let found = secrets::list(call.context(), &actor, call.id("app")?).await?;
    Ok(ok(&found.into_iter().map(SecretObject::from).collect::<Vec<_>>()))
}

/// Makes a secret for an app.
#[utoipa::path(
    post, path = "/api/v2/oauth2-provider/apps/{app}/secrets", tag = "oauth2 apps",
    params(("app" = Uuid, Path, description = "Id of the app")),
    responses((status = 201, body = NewSecret)),
)]
pub(crate) async fn create_secret(call: Call, actor: Principal) -> HandlerResult {
    let (secret, full) = secrets::create(call.context(), &actor, call.id("app")?).await?;
    Ok(created(&NewSecret { id: secret.id.0, client_secret_full: full.expose() }))
}

/// Deletes a secret; every token issued with it dies.
#[utoipa::path(
    delete, path = "/api/v2/oauth2-provider/apps/{app}/secrets/{secretID}", tag = "oauth2 apps",
    params(
        ("app" = Uuid, Path, description = "Id of the app"),
        ("secretID" = Uuid, Path, description = "Id of the secret"),
    ),
    responses((status = 204)),
)]
pub(crate) async fn delete_secret(call: Call, actor: Principal) -> HandlerResult {
    let app = call.id("app")?;
    secrets::delete(call.context(), &actor, app, call.id("secretID")?).await?;
    Ok(no_content())
}
