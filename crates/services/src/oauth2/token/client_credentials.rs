//! Client credentials grant (RFC 6749 4.4): the app acts as its service account.

use super::{Common, TokenSet};
use crate::oauth2::client::note_use;
use crate::oauth2::dpop::check_required;
use crate::oauth2::scopes;
use crate::sessions::random_token;
use crate::{Context, OAuthError};
use doorward_domain::oauth2::{Authorization, ClientType, OAuthErrorCode, Scopes};
use doorward_domain::roles::{Permit, System, action, resource};
use doorward_domain::sessions::{ApiKey, NewAccessToken};
use doorward_ports::oauth2::ClientToken;
use std::sync::Arc;

pub(super) async fn issue(ctx: &Context, common: Common, scope: Option<String>) -> Result<TokenSet, OAuthError> {
    let now = common.now;
    let expires_at = now + ctx.settings.oauth2.access_token_lifetime.get();
    let token = random_token(&*ctx.random).map_err(OAuthError::internal)?;
    let asks = scope.as_deref().is_some_and(|text| text.split(' ').any(|name| !name.is_empty()));
    // With limits to check, or a secret that cannot be one, the steps decide; else one statement does it all.
    if let (Some(client), None, false, None) =
        (common.client.credentials(), &common.resource, asks, &ctx.settings.oauth2.resources)
    {
        let asked = ClientToken {
            client,
            key_id: token.id.clone(),
            key_digest: token.digest(),
            scopes: Scopes::all(),
            ip: common.by.origin.ip.clone(),
            now,
            expires_at,
            jkt: common.jkt.clone(),
        };
        let issued = ctx.at_once(move |once| Ok::<_, OAuthError>(once.issue_client_token(&permit(), &asked)?)).await?;
        if let Some((secret, last_used_at)) = issued {
            note_use(ctx, secret, last_used_at, now).await?;
            return Ok(TokenSet::new(token.to_wire(), None, expires_at, Scopes::all(), now));
        }
    }
    let (settings, access, by) = (Arc::clone(&ctx.settings), token.to_wire(), common.by.clone());
    let policy = Arc::clone(&common.policy);
    let granted = ctx
        .act(&by, move |deed| {
            let app = common.client.find_app(deed.repos)?;
            let secret_id = common.client.authenticate(&app, deed.repos, now)?;
            if app.client_type == ClientType::Public {
                return Err(OAuthError::new(
                    OAuthErrorCode::UnauthorizedClient,
                    "a public client cannot use this grant",
                ));
            }
            let Some(service_account) = app.service_account_id else {
                return Err(OAuthError::new(OAuthErrorCode::UnauthorizedClient, "the app has no service account"));
            };
            if !deed.repos.users().find(service_account)?.is_some_and(|user| user.may_act()) {
                return Err(OAuthError::new(OAuthErrorCode::UnauthorizedClient, "the service account may not act"));
            }
            let resource = super::bind(&settings, &app, common.resource.as_ref())?;
            check_required(&common.policy, &app, resource.as_ref(), common.jkt.as_ref())?;
            let names = common.policy.names(&settings, resource.as_ref());
            let (scopes, _) = scopes::ask(names, app.allowed_scopes.as_ref(), scope.as_deref())?;
            let authorization = Authorization { scopes, resource };
            let granted = authorization.clone();
            let key = ApiKey::access_token(NewAccessToken {
                id: token.id.clone(),
                secret_digest: token.digest(),
                user_id: service_account,
                app_id: app.id,
                secret_id,
                grant: None,
                authorization,
                jkt: common.jkt.clone(),
                ip: common.by.origin.ip.clone(),
                issued_at: now,
                expires_at,
            });
            deed.repos.api_keys().insert(&permit(), &key)?;
            Ok(deed.unrecorded("tokens are not recorded when they are issued", granted))
        })
        .await?;
    let Authorization { scopes, resource } = granted;
    TokenSet::new(access, None, expires_at, scopes, now).signed(ctx, &policy, resource.as_ref()).await
}

fn permit() -> Permit<action::Create, resource::ApiKey> {
    System::because("an authenticated client asks for its own token").permit()
}
