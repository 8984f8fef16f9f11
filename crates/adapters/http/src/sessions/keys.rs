//! Session keys for the command line, and API tokens (`identity.md` 2.7).

use crate::conventions::Api;
use crate::kit::answer::{self, created, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::{Nanoseconds, Timestamp};
use crate::kit::routes::Routes;
use actix_web::http::header::{self, HeaderValue};
use doorward_domain::roles::AllowEntry;
use doorward_domain::roles::{Action, ResourceType};
use doorward_domain::sessions::ApiKey;
use doorward_services::intent::Intent;
use doorward_services::oauth2::metadata;
use doorward_services::sessions::{ListedToken, TokenQuery};
use doorward_services::{Principal, sessions};
use serde::{Deserialize, Serialize};
use time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_create_key, create_key);
    r.user(__path_create_token, create_token);
    r.user(__path_list_tokens, list_tokens);
    r.user(__path_token_config, token_config);
    r.user(__path_find_token, find_token);
    r.user(__path_find_key, find_key);
    r.user(__path_delete_key, delete_key);
    r.user(__path_expire_key, expire_key);
    r.public(__path_scopes, scopes);
}

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = APIKey)]
pub(crate) struct KeyObject {
    id: String,
    user_id: Uuid,
    last_used: Timestamp,
    expires_at: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
    login_type: &'static str,
    /// `all` if one of them is that, else the first of them.
    scope: String,
    /// All of them, by their names in the catalogue.
    scopes: Vec<String>,
    token_name: String,
    lifetime_seconds: i64,
    /// The objects it is limited to, each as `type:id` with `*` for all in either place.
    allow_list: Vec<String>,
}

impl From<ApiKey> for KeyObject {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            user_id: key.user_id.0,
            last_used: key.last_used.into(),
            expires_at: key.expires_at.into(),
            created_at: key.created_at.into(),
            updated_at: key.updated_at.into(),
            login_type: key.login_type.as_str(),
            scope: single_scope(&key),
            scopes: key.scopes.to_names(),
            token_name: key.token_name,
            lifetime_seconds: key.lifetime_seconds,
            allow_list: match key.allow_list {
                Some(list) => list.iter().map(ToString::to_string).collect(),
                None => vec![AllowEntry::every().to_string()],
            },
        }
    }
}

/// The one scope that older clients know of.
fn single_scope(key: &ApiKey) -> String {
    let place = key.scopes.iter().position(|scope| scope.access().is_some_and(|name| name.is_all()));
    key.scope_names().nth(place.unwrap_or_default()).unwrap_or_default().into_owned()
}

/// A token with the name of its user.
#[derive(Serialize, ToSchema)]
#[schema(as = APIKeyWithOwner)]
pub(crate) struct OwnedKeyObject {
    #[serde(flatten)]
    key: KeyObject,
    username: String,
}

/// A key just made: the only time that it is seen.
#[derive(Serialize, ToSchema)]
#[schema(as = GenerateAPIKeyResponse)]
pub(crate) struct NewKey<'a> {
    key: &'a str,
}

/// Makes a session key for the command line.
#[utoipa::path(
    post, path = "/api/v2/users/{user}/keys", tag = "keys",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 201, body = NewKey)),
)]
pub(crate) async fn create_key(call: Call, actor: Principal) -> HandlerResult {
    let issued = sessions::create_key(call.context(), &actor, &call.user()).await?;
    Ok(created(&NewKey { key: issued.token.expose() }))
}

/// Shows a key.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/keys/{keyid}", tag = "keys",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        ("keyid" = String, Path, description = "Id of the key"),
    ),
    responses((status = 200, body = KeyObject)),
)]
pub(crate) async fn find_key(call: Call, actor: Principal) -> HandlerResult {
    let key = sessions::find_key(call.context(), &actor, &call.user(), &call.segment("keyid")).await?;
    Ok(ok(&KeyObject::from(key)))
}

/// Ends the life of a key now; it can still be looked at. An access token of a grant is deleted with its grant.
#[utoipa::path(
    put, path = "/api/v2/users/{user}/keys/{keyid}/expire", tag = "keys",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        ("keyid" = String, Path, description = "Id of the key"),
    ),
    responses((status = 204)),
)]
pub(crate) async fn expire_key(call: Call, actor: Principal) -> HandlerResult {
    sessions::expire_key(call.context(), &actor, &call.user(), &call.segment("keyid")).await?;
    Ok(no_content())
}

/// Deletes a key.
#[utoipa::path(
    delete, path = "/api/v2/users/{user}/keys/{keyid}", tag = "keys",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        ("keyid" = String, Path, description = "Id of the key"),
    ),
    responses((status = 204)),
)]
pub(crate) async fn delete_key(call: Call, actor: Principal) -> HandlerResult {
    sessions::delete_key(call.context(), &actor, &call.user(), &call.segment("keyid")).await?;
    Ok(no_content())
}

/// A token to be made.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateTokenRequest)]
pub(crate) struct CreateToken {
    /// In nanoseconds; 0 means the default.
    lifetime: i64,
    /// The scope that limits it; `all` by default.
    scope: String,
    /// The scopes that limit it, if there are several. A `scope` beside them must be one of them, or `all`.
    scopes: Vec<String>,
    /// The objects that it is limited to, each as `type:id` with `*` for all in either place; all by default.
    allow_list: Vec<String>,
    /// A random one by default.
    token_name: String,
}

/// Makes an API token.
#[utoipa::path(
    post, path = "/api/v2/users/{user}/keys/tokens", tag = "keys",
    params(("user" = String, Path, description = "Id, name or `me`")),
    request_body = CreateToken,
    responses((status = 201, body = NewKey)),
)]
pub(crate) async fn create_token(mut call: Call, actor: Principal) -> HandlerResult {
    let body: CreateToken =
        call.json_for(&actor, Intent::Of(call.user(), Action::Create, ResourceType::ApiKey)).await?;
    let command = sessions::CreateToken {
        lifetime: Duration::nanoseconds(body.lifetime),
        scope: body.scope,
        scopes: body.scopes,
        allow_list: body.allow_list,
        name: body.token_name,
    };
    let issued = sessions::create_token(call.context(), &actor, &call.user(), command).await?;
    Ok(created(&NewKey { key: issued.token.expose() }))
}

/// Lists API tokens.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/keys/tokens", tag = "keys",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        (
            "include_all" = Option<bool>,
            Query,
            description = "Those of all users, as far as the caller may read them",
        ),
        (
            "include_expired" = Option<bool>,
            Query,
            description = "Those that have stopped working too; by default they are shown",
        ),
    ),
    responses((status = 200, body = [OwnedKeyObject])),
)]
pub(crate) async fn list_tokens(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let wanted = TokenQuery { all_users: query.flag("include_all"), expired: query.flag_or("include_expired", true) };
    query.done_loosely()?;
    let tokens = sessions::list_tokens(call.context(), &actor, &call.user(), wanted).await?;
    let objects = |tokens: Vec<ListedToken>| -> Vec<OwnedKeyObject> {
        let object = |token: ListedToken| OwnedKeyObject { key: token.key.into(), username: token.username };
        tokens.into_iter().map(object).collect()
    };
    Ok(answer::list(tokens.len(), move || objects(tokens)).await)
}

/// Shows an API token by its name.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/keys/tokens/{keyname}", tag = "keys",
    params(
        ("user" = String, Path, description = "Id, name or `me`"),
        ("keyname" = String, Path, description = "Name of the token"),
    ),
    responses((status = 200, body = KeyObject)),
)]
pub(crate) async fn find_token(call: Call, actor: Principal) -> HandlerResult {
    let key = sessions::find_token(call.context(), &actor, &call.user(), &call.segment("keyname")).await?;
    Ok(ok(&KeyObject::from(key)))
}

/// The scopes that tokens may be limited to.
#[derive(Serialize, ToSchema)]
#[schema(as = ExternalAPIKeyScopes)]
pub(crate) struct ScopesObject {
    /// Their names, which are also those of the authorization server.
    external: Vec<String>,
}

/// Lists the scopes that tokens may be limited to.
#[utoipa::path(get, path = "/api/v2/auth/scopes", tag = "keys", responses((status = 200, body = ScopesObject)))]
pub(crate) async fn scopes(_: Call) -> HandlerResult {
    let mut response = ok(&ScopesObject { external: metadata::scope_names() });
    let cached = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cached);
    Ok(response)
}

/// What may be asked for a token.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenConfig)]
pub(crate) struct TokenConfig {
    /// In nanoseconds.
    max_token_lifetime: Nanoseconds,
}

/// Shows what a user may ask for a token.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/keys/tokens/tokenconfig", tag = "keys",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = TokenConfig)),
)]
pub(crate) async fn token_config(call: Call, actor: Principal) -> HandlerResult {
    let config = sessions::token_config(call.context(), &actor, &call.user()).await?;
    Ok(ok(&TokenConfig { max_token_lifetime: Nanoseconds(config.max_lifetime) }))
}
