//! Token revocation (RFC 7009): a client gives a token back, and the grant ends with it.

use super::client::ClientAuthentication;
use super::client_assertions::{self, Place};
use super::signed_tokens;
use crate::{Context, OAuthError, Origin, Principal, keys};
use doorward_domain::oauth2::{Grant, OAuthErrorCode, OpaqueToken};
use doorward_domain::roles::System;
use doorward_domain::sessions::{ApiKeyId, ApiToken};
use doorward_domain::{Digest, Secret};

/// A request to the revocation endpoint.
#[derive(Clone, Debug, Default)]
pub struct RevokeRequest {
    /// Who asks.
    pub client: ClientAuthentication,
    /// `token`.
    pub token: Option<Secret<String>>,
    /// A parameter that may come once and came twice.
    pub repeated: Option<&'static str>,
}

#[derive(Clone)]
enum Presented {
    Refresh(OpaqueToken),
    Access(ApiKeyId, Digest),
    /// A signed token that stands for nothing any more.
    Nothing,
}

/// Revokes a token of the client. Unknown and foreign tokens change nothing and are no error (RFC 7009 2.2).
///
/// Needs no permission; a confidential client authenticates. Errors: `invalid_client`, `invalid_request` (`client_id`
/// or `token` is missing or malformed, or a parameter was given twice), `temporarily_unavailable`, `server_error`.
pub async fn revoke(ctx: &Context, request: RevokeRequest) -> Result<(), OAuthError> {
    let client = client_assertions::present(ctx, &request.client, Place::Other).await?;
    let presented = request.token.as_ref().and_then(|token| OpaqueToken::parse(token.expose()).ok());
    let keys = match presented {
        Some(presented) => keys::ring_for(ctx, &presented, ctx.clock.now()).await?,
        None => ctx.keys.ring(),
    };
    let signed = match request.token.as_ref().map(|token| token.expose().as_str()) {
        Some(text) if signed_tokens::is_meant(text) => {
            let read = signed_tokens::read(ctx, text).await.map_err(keys::for_token)?;
            Some(read.map_or(Presented::Nothing, |token| Presented::Access(token.key, token.digest)))
        }
        Some(_) | None => None,
    };
    ctx.act(&Principal::anonymous(Origin::unknown()), move |deed| {
        let app = client.find_app(deed.repos)?;
        if let Some(name) = request.repeated {
            return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, format!("parameter given twice: {name}")));
        }
        let token = request.token.filter(|token| !token.expose().is_empty());
        let token = token.ok_or_else(|| OAuthError::missing("token"))?;
        client.authenticate(&app, deed.repos, deed.now)?;
        let presented = match signed {
            Some(signed) => signed,
            None => parse(token.expose())?,
        };
        match presented {
            Presented::Nothing => {}
            Presented::Refresh(token) => {
                let grant = deed.repos.grants().find_by_prefix(token.prefix())?;
                // An exchanged token of the grant is good enough to end it; an invented one is not.
                let proves = |grant: &Grant| {
                    grant.refresh_digest == token.digest() || keys.refresh_tokens().has_issued(&token, deed.now)
                };
                if let Some(grant) = grant.filter(|grant| grant.app_id == app.id && proves(grant)) {
                    let permit = System::because("the client gives its grant back").permit();
                    deed.repos.grants().delete(&permit, grant.id)?;
                }
            }
            Presented::Access(id, digest) => {
                let key = deed.repos.api_keys().find(&id)?;
                let is_ours = |key: &doorward_domain::sessions::ApiKey| {
                    key.secret_digest == digest && key.oauth2.as_ref().is_some_and(|o| o.app_id == app.id)
                };
                if let Some(key) = key.filter(is_ours) {
                    let permit = System::because("the client gives its token back").permit();
                    deed.repos.api_keys().delete(&permit, &key.id)?;
                }
            }
        }
        Ok(deed.unrecorded("what a client gives back itself is not recorded", ()))
    })
    .await
}

fn parse(text: &str) -> Result<Presented, OAuthError> {
    let malformed =
        |reason: String| OAuthError::new(OAuthErrorCode::InvalidRequest, "the token is malformed").because(reason);
    if OpaqueToken::is_meant(text) {
        OpaqueToken::parse(text).map(Presented::Refresh).map_err(|error| malformed(error.to_string()))
    } else {
        let access = |token: ApiToken| {
            let digest = token.digest();
            Presented::Access(token.id, digest)
        };
        ApiToken::parse(text).map(access).map_err(|error| malformed(error.to_string()))
    }
}
