//! Settings of the authorization server that owners may look at and change.

use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_services::Principal;
use doorward_services::oauth2::provider;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_show, show).no_store();
    r.user(__path_update, update).no_store();
}

/// Settings of the authorization server.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OAuth2ProviderSettings)]
pub(crate) struct SettingsObject {
    /// Whether clients may register themselves (RFC 7591).
    dynamic_client_registration_enabled: bool,
}

/// What is to change; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = UpdateOAuth2ProviderSettingsRequest)]
pub(crate) struct Update {
    dynamic_client_registration_enabled: Option<bool>,
}

impl From<provider::ProviderSettings> for SettingsObject {
    fn from(settings: provider::ProviderSettings) -> Self {
        Self { dynamic_client_registration_enabled: settings.dynamic_registration }
    }
}

/// Shows settings of the authorization server, to owners.
#[utoipa::path(
    get, path = "/api/v2/oauth2-provider/settings", tag = "oauth2 apps", operation_id = "show_settings",
    responses((status = 200, body = SettingsObject)),
)]
pub(crate) async fn show(call: Call, actor: Principal) -> HandlerResult {
    Ok(ok(&SettingsObject::from(provider::settings(call.context(), &actor).await?)))
}

/// Changes settings of the authorization server, which counts on all servers at once.
#[utoipa::path(
    put, path = "/api/v2/oauth2-provider/settings", tag = "oauth2 apps", operation_id = "update_settings", request_body = Update,
    responses((status = 200, body = SettingsObject)),
)]
pub(crate) async fn update(mut call: Call, actor: Principal) -> HandlerResult {
    let body: Update = call.json_after(async |_| provider::may_update(&actor)).await?;
    let wanted = body.dynamic_client_registration_enabled;
    let settings = provider::update_settings(call.context(), &actor, wanted).await?;
    call.site.registration_is(settings.dynamic_registration);
    Ok(ok(&SettingsObject::from(settings)))
}
