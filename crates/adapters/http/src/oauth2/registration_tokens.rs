//! Tokens by which clients may be registered, for owners.

use crate::conventions::Api;
use crate::kit::answer::{created, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::routes::Routes;
use doorward_domain::Instant;
use doorward_domain::ids::{OrganizationId, RegistrationTokenId};
use doorward_domain::oauth2::{InitialAccessToken, RegistrationLimits};
use doorward_services::Principal;
use doorward_services::oauth2::apps;
use doorward_services::oauth2::registration::tokens::{self, CreateInitialToken};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list).no_store();
    r.user(__path_create, create).no_store();
    r.user(__path_revoke, revoke).no_store();
}

/// A token by which clients may be registered.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuth2RegistrationToken)]
pub(crate) struct TokenObject {
    id: Uuid,
    name: String,
    /// The public part.
    prefix: String,
    /// Who made it.
    created_by: Option<Uuid>,
    created_at: Timestamp,
    expires_at: Timestamp,
    /// How many registrations it is good for; null: any number.
    max_uses: Option<i32>,
    /// How many there were.
    uses: i32,
    /// For which organization clients are that are registered by it; null: for none in particular.
    organization_id: Option<Uuid>,
    /// The scopes that they have at most; empty: any.
    scopes: Vec<String>,
    /// Where their redirect URIs may lead; empty: anywhere.
    redirect_hosts: Vec<String>,
    /// How they may authenticate; empty: in any way.
    auth_methods: Vec<String>,
    /// What is presented: shown once, when the token is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<InitialAccessToken> for TokenObject {
    fn from(token: InitialAccessToken) -> Self {
        Self {
            id: token.id.0,
            name: token.name,
            prefix: token.prefix,
            created_by: token.created_by.map(|id| id.0),
            created_at: token.created_at.into(),
            expires_at: token.expires_at.into(),
            max_uses: token.max_uses,
            uses: token.uses,
            organization_id: token.limits.organization_id.map(|id| id.0),
            scopes: token.limits.scopes,
            redirect_hosts: token.limits.redirect_hosts,
            auth_methods: token.limits.auth_methods,
            token: None,
        }
    }
}

/// Lists the tokens by which clients may be registered.
#[utoipa::path(
    get, path = "/api/v2/oauth2-provider/registration-tokens", tag = "oauth2 apps", operation_id = "list_registration_tokens",
    responses((status = 200, body = [TokenObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let all = tokens::list(call.context(), &actor).await?;
    Ok(ok(&all.into_iter().map(TokenObject::from).collect::<Vec<_>>()))
}

/// A token that is to be made.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateOAuth2RegistrationTokenRequest)]
pub(crate) struct CreateBody {
    /// What people call it, at most 64 bytes.
    #[schema(required)]
    name: String,
    /// Until when it is good, within the next 366 days.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(required, value_type = String, format = DateTime)]
    expires_at: Option<Instant>,
    /// How many registrations it is good for; without it, any number.
    max_uses: Option<i32>,
    /// For which organization clients are that are registered by it: the same software is another client for another one.
    organization_id: Option<Uuid>,
    /// The scopes that they have at most; empty: any. Up to 64, as the following lists.
    scopes: Vec<String>,
    /// Where their redirect URIs may lead: hosts such as `app.example` and `*.app.example`, and schemes such as `cursor:`; empty: anywhere.
    redirect_hosts: Vec<String>,
    /// How they may authenticate: of `client_secret_basic`, `client_secret_post`, `private_key_jwt` and `none`; empty: in any way.
    auth_methods: Vec<String>,
}

/// Makes a token, which is shown this once.
#[utoipa::path(
    post, path = "/api/v2/oauth2-provider/registration-tokens", tag = "oauth2 apps", operation_id = "create_registration_token",
    request_body = CreateBody,
    responses((status = 201, body = TokenObject)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let body: CreateBody = call.json_after(async |_| apps::may_create(&actor)).await?;
    let limits = RegistrationLimits {
        organization_id: body.organization_id.map(OrganizationId),
        scopes: body.scopes,
        redirect_hosts: body.redirect_hosts,
        auth_methods: body.auth_methods,
    };
    let command = CreateInitialToken { name: body.name, expires_at: body.expires_at, max_uses: body.max_uses, limits };
    let (token, secret) = tokens::create(call.context(), &actor, command).await?;
    Ok(created(&TokenObject { token: Some(secret.into_exposed()), ..TokenObject::from(token) }))
}

/// Ends a token at once. Clients that were registered by it stay.
#[utoipa::path(
    delete, path = "/api/v2/oauth2-provider/registration-tokens/{token}", tag = "oauth2 apps", operation_id = "revoke_registration_token",
    params(("token" = Uuid, Path, description = "Id of the token")),
    responses((status = 204)),
)]
pub(crate) async fn revoke(call: Call, actor: Principal) -> HandlerResult {
    tokens::revoke(call.context(), &actor, call.id::<RegistrationTokenId>("token")?).await?;
    Ok(no_content())
}
