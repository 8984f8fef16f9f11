//! Tokens of the directories of organizations.

use crate::conventions::Api;
use crate::kit::answer::{created, no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::routes::Room;
use doorward_domain::entitlements::Feature;
use doorward_domain::ids::ScimTokenId;
use doorward_domain::roles::{Action, ResourceType};
use doorward_domain::scim::ScimToken;
use doorward_services::Principal;
use doorward_services::intent::Intent;
use doorward_services::scim::tokens::{self, CreateToken, NewToken};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) fn routes(r: &mut Room<'_, Api>) {
    r.user(__path_list, list);
    r.user(__path_create, create).needs(Feature::Scim).no_store();
    r.user(__path_rotate, rotate).needs(Feature::Scim).no_store();
    r.user(__path_revoke, revoke);
}

/// A token of the directory of an organization.
#[derive(Serialize, ToSchema)]
#[schema(as = ScimToken)]
pub(crate) struct TokenObject {
    id: Uuid,
    organization_id: Uuid,
    name: String,
    /// The public part.
    prefix: String,
    /// Who made it.
    created_by: Option<Uuid>,
    created_at: Timestamp,
    /// Until when it is good; "never" until it is revoked.
    expires_at: Timestamp,
    /// When it was used last, to the minute.
    last_used_at: Timestamp,
    /// What the directory presents: shown once, when the token is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<ScimToken> for TokenObject {
    fn from(token: ScimToken) -> Self {
        Self {
            id: token.id.0,
            organization_id: token.organization_id.0,
            name: token.name,
            prefix: token.prefix,
            created_by: token.created_by.map(|id| id.0),
            created_at: Timestamp::from(token.created_at),
            expires_at: Timestamp::from(token.expires_at),
            last_used_at: Timestamp::from(token.last_used_at),
            token: None,
        }
    }
}

impl From<NewToken> for TokenObject {
    fn from(new: NewToken) -> Self {
        Self { token: Some(new.secret.into_exposed()), ..Self::from(new.token) }
    }
}

/// Lists the tokens of the directories of an organization.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/scim/tokens", tag = "scim tokens",
    params(("organization" = String, Path, description = "Id or name")),
    responses((status = 200, body = [TokenObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let all = tokens::list(call.context(), &actor, &call.organization()).await?;
    Ok(ok(&all.into_iter().map(TokenObject::from).collect::<Vec<_>>()))
}

/// A token that is to be made.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateScimTokenRequest)]
pub(crate) struct CreateBody {
    /// What people call it, at most 64 bytes.
    #[schema(required)]
    name: String,
    /// For how many seconds it is good; without it, until it is revoked.
    lifetime_seconds: Option<i64>,
}

/// Makes a token, which is shown this once.
#[utoipa::path(
    post, path = "/api/v2/organizations/{organization}/scim/tokens", tag = "scim tokens",
    params(("organization" = String, Path, description = "Id or name")),
    request_body = CreateBody,
    responses((status = 201, body = TokenObject)),
)]
pub(crate) async fn create(mut call: Call, actor: Principal) -> HandlerResult {
    let body: CreateBody = call
        .json_for(&actor, Intent::Within(call.organization(), Action::Update, ResourceType::IdpsyncSettings))
        .await?;
    let command = CreateToken { name: body.name, lifetime_seconds: body.lifetime_seconds };
    let new = tokens::create(call.context(), &actor, &call.organization(), command).await?;
    Ok(created(&TokenObject::from(new)))
}

/// A token that is to be replaced.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = RotateScimTokenRequest)]
pub(crate) struct RotateBody {
    /// For how many seconds the old token stays good, at most 30 days; without it, a day.
    overlap_seconds: Option<i64>,
}

/// Makes a token in the place of another one, which stays good for a while.
#[utoipa::path(
    post, path = "/api/v2/organizations/{organization}/scim/tokens/{token}/rotate", tag = "scim tokens",
    params(("organization" = String, Path, description = "Id or name"), ("token" = Uuid, Path, description = "Id of the token")),
    request_body = RotateBody,
    responses((status = 201, body = TokenObject)),
)]
pub(crate) async fn rotate(mut call: Call, actor: Principal) -> HandlerResult {
    let (id, body) = (
        call.id::<ScimTokenId>("token")?,
        call.json_for::<RotateBody>(
            &actor,
            Intent::Within(call.organization(), Action::Update, ResourceType::IdpsyncSettings),
        )
        .await?,
    );
    let new = tokens::rotate(call.context(), &actor, &call.organization(), id, body.overlap_seconds).await?;
    Ok(created(&TokenObject::from(new)))
}

/// Ends a token at once.
#[utoipa::path(
    delete, path = "/api/v2/organizations/{organization}/scim/tokens/{token}", tag = "scim tokens",
    params(("organization" = String, Path, description = "Id or name"), ("token" = Uuid, Path, description = "Id of the token")),
    responses((status = 204, description = "Revoked")),
)]
pub(crate) async fn revoke(call: Call, actor: Principal) -> HandlerResult {
    let id = call.id::<ScimTokenId>("token")?;
    tokens::revoke(call.context(), &actor, &call.organization(), id).await?;
    Ok(no_content())
}
