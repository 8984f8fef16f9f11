//! Resources that owners register.

use crate::conventions::Api;
use crate::kit::answer::{created, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::routes::Routes;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::ResourceServer;
use doorward_domain::roles::{Action, ResourceType};
use doorward_services::Principal;
use doorward_services::intent::Intent;
use doorward_services::oauth2::apps::may_create;
use doorward_services::oauth2::resource_servers::{self, ResourceCommand};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list).no_store();
    r.user(__path_create, create).no_store();
    r.user(__path_find, find).no_store();
    r.user(__path_update, update).no_store();
    r.user(__path_delete, delete).no_store();
}

/// A registered resource.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuth2Resource)]
pub(crate) struct ResourceObject {
    id: Uuid,
    /// What clients call it: `resource` of RFC 8707, and `aud` of signed tokens.
    identifier: String,
    name: String,
    /// `opaque` or `jwt` (RFC 9068).
    token_format: &'static str,
    /// `ES256`, `RS256` or `EdDSA`.
    jwt_alg: &'static str,
    /// For how many seconds signed tokens are good; absent: as the settings say.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_lifetime: Option<u32>,
    /// What signed tokens say of the user: of `email`, `groups` and `roles`.
    claims: Vec<String>,
    /// Its own scopes, by name, with what people are told of them. A resource that has some takes no others but those of OpenID Connect.
    scopes: BTreeMap<String, String>,
    /// Which of them an app gets that asks for none; empty: all.
    default_scopes: Vec<String>,
    /// What the sign-in of its users must have been worth at least (`acr`); empty: it does not matter.
    min_acr: String,
    /// `required` if its access tokens are given to those only who prove a key, to which they are bound (RFC 9449); else `optional`.
    dpop: &'static str,
    /// The apps that may introspect tokens that are bound to it.
    introspectors: Vec<Uuid>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<ResourceServer> for ResourceObject {
    fn from(server: ResourceServer) -> Self {
        Self {
            id: server.id.0,
            identifier: server.identifier.as_str().to_owned(),
            name: server.rules.name,
            token_format: server.rules.token_format.as_str(),
            jwt_alg: server.rules.jwt_alg.as_str(),
            access_token_lifetime: server.rules.access_token_lifetime,
            claims: server.rules.claims,
            scopes: server.rules.scopes,
            default_scopes: server.rules.default_scopes,
            min_acr: server.rules.min_acr,
            dpop: server.rules.dpop.as_str(),
            introspectors: server.rules.introspectors.into_iter().map(|app| app.0).collect(),
            created_at: server.created_at.into(),
            updated_at: server.updated_at.into(),
        }
    }
}

/// What is registered of a resource. On update, what is absent stays as it is.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = OAuth2ResourceRequest)]
pub(crate) struct ResourceRequest {
    /// An absolute URI; fixed at creation.
    identifier: Option<String>,
    /// Up to 64 characters.
    name: Option<String>,
    /// `opaque` (default) or `jwt`.
    token_format: Option<String>,
    /// `ES256` (default), `RS256` or `EdDSA`.
    jwt_alg: Option<String>,
    /// 60 to 3600; a negative number: as the settings say.
    access_token_lifetime: Option<i64>,
    /// Of `email`, `groups` and `roles`.
    claims: Option<Vec<String>>,
    /// Up to 100; names of up to 128 characters that are no scopes of this server, with texts of up to 200. In the place of those before.
    scopes: Option<BTreeMap<String, String>>,
    /// Of these scopes.
    default_scopes: Option<Vec<String>>,
    /// Up to 256 characters: `mfa`, `phr`, or what an identity provider says; an empty text: it does not matter.
    min_acr: Option<String>,
    /// `optional` or `required`.
    dpop: Option<String>,
    /// Up to 16 ids of apps that are not public.
    introspectors: Option<Vec<Uuid>>,
}

impl From<ResourceRequest> for ResourceCommand {
    fn from(body: ResourceRequest) -> Self {
        Self {
            identifier: body.identifier,
            name: body.name,
            token_format: body.token_format,
            jwt_alg: body.jwt_alg,
            access_token_lifetime: body
                .access_token_lifetime
                .map(|sent| if sent < 0 { None } else { Some(u32::try_from(sent).unwrap_or(u32::MAX)) }),
            claims: body.claims,
            scopes: body.scopes,
            default_scopes: body.default_scopes,
            min_acr: body.min_acr,
            dpop: body.dpop,
            introspectors: body.introspectors.map(|apps| apps.into_iter().map(AppId).collect()),
        }
    }
}

/// Lists the resources.
#[utoipa::path(
    get, path = "/api/v2/oauth2-provider/resources", tag = "oauth2 apps", operation_id = "list_resources",
    responses((status = 200, body = [ResourceObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let found = resource_servers::list(call.context(), &actor).await?;
    Ok(ok(&found.into_iter().map(ResourceObject::from).collect::<Vec<_>>()))
}

/// Registers a resource.
#[utoipa::path(
    post, path = "/api/v2/oauth2-provider/resources", tag = "oauth2 apps", operation_id = "create_resource",
    request_body = ResourceRequest,
    responses((status = 201, body = ResourceObject)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let body: ResourceRequest = call.json_after(async |_| may_create(&actor)).await?;
    let server = resource_servers::create(call.context(), &actor, body.into()).await?;
    Ok(created(&ResourceObject::from(server)))
}

/// Shows a resource.
#[utoipa::path(
    get, path = "/api/v2/oauth2-provider/resources/{resource}", tag = "oauth2 apps", operation_id = "find_resource",
    params(("resource" = Uuid, Path, description = "Id of the resource")),
    responses((status = 200, body = ResourceObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    let server = resource_servers::find(call.context(), &actor, call.id("resource")?).await?;
    Ok(ok(&ResourceObject::from(server)))
}

/// Changes a resource. What was issued stays as it is.
#[utoipa::path(
    put, path = "/api/v2/oauth2-provider/resources/{resource}", tag = "oauth2 apps", operation_id = "update_resource",
    params(("resource" = Uuid, Path, description = "Id of the resource")),
    request_body = ResourceRequest,
    responses((status = 200, body = ResourceObject)),
)]
pub(crate) async fn update(mut call: Call, actor: Principal) -> HandlerResult {
    let id = call.id("resource")?;
    let body: ResourceRequest =
        call.json_for(&actor, Intent::Anywhere(Action::Update, ResourceType::Oauth2App)).await?;
    let server = resource_servers::update(call.context(), &actor, id, body.into()).await?;
    Ok(ok(&ResourceObject::from(server)))
}

/// Removes a resource. Tokens that are bound to it are opaque when they are next issued.
#[utoipa::path(
    delete, path = "/api/v2/oauth2-provider/resources/{resource}", tag = "oauth2 apps", operation_id = "delete_resource",
    params(("resource" = Uuid, Path, description = "Id of the resource")),
    responses((status = 204)),
)]
pub(crate) async fn delete(call: Call, actor: Principal) -> HandlerResult {
    resource_servers::delete(call.context(), &actor, call.id("resource")?).await?;
    Ok(no_content())
}
