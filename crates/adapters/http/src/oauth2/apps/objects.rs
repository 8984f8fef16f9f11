//! Apps as they are sent.

use crate::kit::call::Call;
use crate::kit::site::Site;
use crate::oauth2::logos::logo_path;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::{
    App, ClientType, ClientUrl, KeySource, RedirectUri, Resource, Scopes, TokenAuthMethod, endpoints,
};
use doorward_domain::openid::AppRules;
use doorward_services::oauth2::app_rules::{self, RulesCommand};
use doorward_services::oauth2::{ClientRulesCommand, apps, client_documents, registration};
use doorward_services::{Error, Principal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An OAuth2 app.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuth2ProviderApp)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of its own, as clients know them")]
pub(crate) struct AppObject {
    id: Uuid,
    /// Its id, or the URL of its document.
    client_id: String,
    /// Whether it registered itself, or is known by a document, and somebody answers for it.
    pinned: bool,
    name: String,
    /// Its first redirect URI.
    callback_url: String,
    redirect_uris: Vec<String>,
    icon: String,
    endpoints: Endpoints,
    /// `exact` or `prefix`.
    redirect_match: &'static str,
    /// Whether it has no secret.
    public: bool,
    /// Whether it must use PKCE.
    require_pkce: bool,
    /// Scopes it may ask for; absent means any.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    /// The same in one text, separated by blanks; empty means any.
    scope: String,
    /// `confidential` or `public`.
    client_type: &'static str,
    /// Whether it registered itself (RFC 7591).
    dynamically_registered: bool,
    /// Resources its tokens may be bound to; absent means what the server allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_resources: Option<Vec<String>>,
    /// Resources it serves, whose tokens it may introspect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    resources: Vec<String>,
    /// The user as whom it acts with `client_credentials`.
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_id: Option<Uuid>,
    /// Whether devices may ask for access in its name (RFC 8628).
    device_flow: bool,
    /// `client_secret_basic` (which means `client_secret_post` too), `private_key_jwt` or `none`.
    token_endpoint_auth_method: &'static str,
    /// With `private_key_jwt`: the only algorithm by which it signs; absent means any.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_endpoint_auth_signing_alg: Option<String>,
    /// Its public keys, if they are registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    jwks: Option<serde_json::Value>,
    /// Where its public keys are.
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    /// For whom its assertions may be: `issuer` or `issuer_or_token_endpoint`.
    assertion_audience: &'static str,
    /// Whether its authorization requests must be pushed (RFC 9126 6).
    require_pushed_authorization_requests: bool,
    /// Whether they must be signed (RFC 9101 10.5).
    require_signed_request_object: bool,
    /// Whether its access tokens must be bound to a key of its own (RFC 9449 5.2).
    dpop_bound_access_tokens: bool,
    /// The only algorithm by which it signs them; absent means any.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_object_signing_alg: Option<String>,
    #[serde(flatten)]
    rules: RulesObject,
}

/// What is particular about an app as a relying party of OpenID Connect.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuth2AppRules)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of its own, as clients know them")]
pub(crate) struct RulesObject {
    /// `RS256`, `ES256` or `EdDSA`.
    id_token_signed_response_alg: &'static str,
    /// Whether what it may know stands in the ID token too.
    claims_in_id_token: bool,
    /// How many seconds ago a user may have signed in at most; absent when that does not matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    default_max_age: Option<u32>,
    /// Whether users are not asked whether they allow it.
    trusted: bool,
    /// Where users may be sent after they have signed out.
    post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session has ended; empty: nowhere.
    backchannel_logout_uri: String,
    /// Whether it must be told which session has ended.
    backchannel_logout_session_required: bool,
    /// Whether its grants end with the session in which they were given.
    end_with_session: bool,
    /// Its name for people, in any language; empty: `name`.
    display_name: String,
    homepage_uri: String,
    policy_uri: String,
    terms_uri: String,
    /// From where its logo was fetched; empty: it has none.
    logo_uri: String,
    /// Where the logo is kept: a path of this server.
    logo_path: String,
}

impl RulesObject {
    pub(super) fn new(app: AppId, rules: AppRules) -> Self {
        let logo_path = rules.profile.logo.as_ref().map(|logo| logo_path(app, logo)).unwrap_or_default();
        Self {
            display_name: rules.profile.display_name,
            homepage_uri: rules.profile.homepage_uri,
            policy_uri: rules.profile.policy_uri,
            terms_uri: rules.profile.terms_uri,
            logo_uri: rules.profile.logo.map(|logo| logo.fetched_from).unwrap_or_default(),
            logo_path,
            id_token_signed_response_alg: rules.id_token_signed_response_alg.as_str(),
            claims_in_id_token: rules.claims_in_id_token,
            default_max_age: rules.default_max_age,
            trusted: rules.trusted,
            post_logout_redirect_uris: rules.post_logout_redirect_uris,
            backchannel_logout_uri: rules.backchannel_logout_uri.unwrap_or_default(),
            backchannel_logout_session_required: rules.backchannel_logout_session_required,
            end_with_session: rules.end_with_session,
        }
    }
}

/// Where a client of an app finds the authorization server.
#[derive(Serialize, ToSchema)]
#[schema(as = OAuth2AppEndpoints)]
pub(crate) struct Endpoints {
    authorization: String,
    token: String,
    token_revoke: String,
    /// Empty unless the app may use the device grant.
    device_authorization: String,
}

impl AppObject {
    fn new(site: &Site, app: App, beside: Beside) -> Self {
        let Beside { rules, dynamically_registered, pinned, url } = beside;
        let issuer = site.context.settings.issuer();
        let has_devices = app.device_flow && site.context.settings.oauth2.device.enabled;
        let texts = |list: Vec<Resource>| list.iter().map(|resource| resource.as_str().to_owned()).collect();
        Self {
            id: app.id.0,
            client_id: url.map_or_else(|| app.id.to_string(), |url| url.as_str().to_owned()),
            pinned,
            name: app.name,
            callback_url: app.redirect_uris.first().map(|uri| uri.as_str().to_owned()).unwrap_or_default(),
            redirect_uris: app.redirect_uris.iter().map(RedirectUri::as_str).map(str::to_owned).collect(),
            icon: app.icon,
            endpoints: Endpoints {
                authorization: format!("{issuer}{}", endpoints::AUTHORIZE),
                token: format!("{issuer}{}", endpoints::TOKENS),
                token_revoke: format!("{issuer}{}", endpoints::REVOKE),
                device_authorization: if has_devices {
                    format!("{issuer}{}", endpoints::DEVICE)
                } else {
                    String::new()
                },
            },
            redirect_match: app.redirect_match.as_str(),
            public: app.client_type == ClientType::Public,
            require_pkce: app.require_pkce,
            scope: app.allowed_scopes.as_ref().map(ToString::to_string).unwrap_or_default(),
            scopes: app.allowed_scopes.as_ref().map(Scopes::to_names),
            client_type: if app.client_type.is_confidential() { "confidential" } else { "public" },
            dynamically_registered,
            allowed_resources: app.allowed_resources.map(texts),
            resources: texts(app.resources),
            service_account_id: app.service_account_id.map(|id| id.0),
            device_flow: app.device_flow,
            token_endpoint_auth_method: match app.client_type {
                ClientType::Confidential => TokenAuthMethod::Basic,
                ClientType::Keyed => TokenAuthMethod::PrivateKeyJwt,
                ClientType::Public => TokenAuthMethod::None,
            }
            .as_str(),
            token_endpoint_auth_signing_alg: app.rules.assertion_alg,
            jwks: app.rules.keys.as_ref().and_then(KeySource::jwks),
            jwks_uri: app.rules.keys.as_ref().and_then(KeySource::jwks_uri).map(str::to_owned),
            assertion_audience: app.rules.assertion_audience.as_str(),
            require_pushed_authorization_requests: app.rules.require_pushed_requests,
            require_signed_request_object: app.rules.require_signed_requests,
            dpop_bound_access_tokens: app.rules.dpop_bound,
            request_object_signing_alg: app.rules.request_object_alg,
            rules: RulesObject::new(app.id, rules),
        }
    }

    /// An app with all that is kept of it elsewhere.
    pub(super) async fn load(call: &Call, actor: &Principal, app: App) -> Result<Self, Error> {
        let mut all = Self::load_all(call, actor, vec![app]).await?;
        all.pop().ok_or(Error::NotFound)
    }

    /// Apps with all that is kept of them elsewhere.
    pub(super) async fn load_all(call: &Call, actor: &Principal, apps: Vec<App>) -> Result<Vec<Self>, Error> {
        let (ctx, ids) = (call.context(), apps.iter().map(|app| app.id).collect::<Vec<_>>());
        let registered = registration::among(ctx, actor, ids.clone()).await?;
        let adopted = registration::adopted_among(ctx, actor, ids.clone()).await?;
        let mut urls = client_documents::urls(ctx, actor, ids.clone()).await?;
        let mut rules = app_rules::list(ctx, actor, ids).await?;
        let shown = apps.into_iter().map(|app| {
            let beside = Beside {
                rules: rules.remove(&app.id).unwrap_or_default(),
                dynamically_registered: registered.contains(&app.id),
                pinned: adopted.contains(&app.id),
                url: urls.remove(&app.id),
            };
            Self::new(&call.site, app, beside)
        });
        Ok(shown.collect())
    }
}

/// What is kept of an app elsewhere.
struct Beside {
    rules: AppRules,
    dynamically_registered: bool,
    pinned: bool,
    url: Option<ClientUrl>,
}

/// What is registered of an app. On update, what is optional and absent stays as it is.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = OAuth2ProviderAppRequest)]
pub(crate) struct AppRequest {
    #[schema(required)]
    name: String,
    /// The first redirect URI. Required on creation unless `redirect_uris` is given.
    callback_url: Option<String>,
    /// Up to 32 redirect URIs.
    redirect_uris: Option<Vec<String>>,
    /// URL or path, up to 256 bytes.
    icon: String,
    /// `exact` (default), or `prefix` for apps that rely on sub-paths.
    redirect_match: Option<String>,
    /// Whether it has no secret; fixed at creation.
    public: Option<bool>,
    /// Whether it must use PKCE.
    require_pkce: Option<bool>,
    /// Scopes it may ask for; empty means any.
    scopes: Option<Vec<String>>,
    /// The same in one text, separated by blanks. Beside `scopes` it must name the same.
    scope: Option<String>,
    /// Resources its tokens may be bound to; empty means what the server allows.
    allowed_resources: Option<Vec<String>>,
    /// Resources it serves, whose tokens it may introspect.
    resources: Option<Vec<String>>,
    /// Whether it has a service account, as which it acts with `client_credentials`.
    service_account: Option<bool>,
    /// Whether devices may ask for access in its name (RFC 8628).
    device_flow: Option<bool>,
    /// `client_secret_basic` or `client_secret_post`, which mean both, or `private_key_jwt`; of a public app `none`.
    token_endpoint_auth_method: Option<String>,
    /// With `private_key_jwt`: the only algorithm by which it signs; empty means any.
    token_endpoint_auth_signing_alg: Option<String>,
    /// Its public keys (RFC 7517), at most 16, in the place of those that are registered.
    #[schema(value_type = Option<Object>)]
    jwks: Option<serde_json::Value>,
    /// The https URL of its public keys, in their place; empty means none.
    jwks_uri: Option<String>,
    /// `issuer` (default), or `issuer_or_token_endpoint` for clients that sign for the token endpoint.
    assertion_audience: Option<String>,
    /// Whether its authorization requests must be pushed (RFC 9126 6).
    require_pushed_authorization_requests: Option<bool>,
    /// Whether they must be signed (RFC 9101 10.5); needs keys.
    require_signed_request_object: Option<bool>,
    /// Whether its access tokens must be bound to a key of its own (RFC 9449 5.2).
    dpop_bound_access_tokens: Option<bool>,
    /// The only algorithm by which it signs them; empty means any.
    request_object_signing_alg: Option<String>,
    /// Whether somebody answers for an app that registered itself: then it stays, and changes itself no more. Who changes one answers
    /// for it, unless this is false.
    pinned: Option<bool>,
    /// On creation: the URL of the document that the app is known by, which then says where its answers go.
    pub(super) client_id_url: Option<String>,
    /// `RS256` (default), `ES256` or `EdDSA`.
    id_token_signed_response_alg: Option<String>,
    /// Whether what it may know stands in the ID token too, for programs that do not ask for it.
    claims_in_id_token: Option<bool>,
    /// How many seconds ago a user may have signed in at most; negative: that does not matter.
    default_max_age: Option<i64>,
    /// Whether users are not asked whether they allow it, as long as its answers go to a site.
    trusted: Option<bool>,
    /// Up to 32 addresses where users may be sent after they have signed out.
    post_logout_redirect_uris: Option<Vec<String>>,
    /// Where it is told that a session has ended: https. Empty: nowhere.
    backchannel_logout_uri: Option<String>,
    /// Whether it must be told which session has ended, and not only whose.
    backchannel_logout_session_required: Option<bool>,
    /// Whether its grants end with the session in which they were given.
    end_with_session: Option<bool>,
    /// Its name for people, in any language, up to 64 characters; empty: `name`.
    display_name: Option<String>,
    /// http or https; empty: none.
    homepage_uri: Option<String>,
    /// http or https; empty: none.
    policy_uri: Option<String>,
    /// http or https; empty: none.
    terms_uri: Option<String>,
    /// From where its logo is fetched, now: PNG, JPEG, WebP or GIF of up to 128 KiB. It is kept here. Empty: none.
    logo_uri: Option<String>,
}

/// A number of seconds; negative ones take it back.
fn seconds(sent: i64) -> Option<u32> {
    u32::try_from(sent).ok().or((sent > 0).then_some(u32::MAX))
}

impl From<AppRequest> for apps::AppCommand {
    fn from(body: AppRequest) -> Self {
        Self {
            name: body.name,
            callback_url: body.callback_url,
            redirect_uris: body.redirect_uris,
            icon: body.icon,
            redirect_match: body.redirect_match,
            public: body.public,
            require_pkce: body.require_pkce,
            scopes: body.scopes,
            scope: body.scope,
            allowed_resources: body.allowed_resources,
            resources: body.resources,
            service_account: body.service_account,
            device_flow: body.device_flow,
            pinned: body.pinned,
            rules: RulesCommand {
                id_token_signed_response_alg: body.id_token_signed_response_alg,
                claims_in_id_token: body.claims_in_id_token,
                default_max_age: body.default_max_age.map(seconds),
                trusted: body.trusted,
                post_logout_redirect_uris: body.post_logout_redirect_uris,
                backchannel_logout_uri: body.backchannel_logout_uri,
                backchannel_logout_session_required: body.backchannel_logout_session_required,
                end_with_session: body.end_with_session,
                display_name: body.display_name,
                homepage_uri: body.homepage_uri,
                policy_uri: body.policy_uri,
                terms_uri: body.terms_uri,
                logo_uri: body.logo_uri,
            },
            client: ClientRulesCommand {
                auth_method: body.token_endpoint_auth_method,
                jwks: body.jwks,
                jwks_uri: body.jwks_uri,
                assertion_alg: body.token_endpoint_auth_signing_alg,
                assertion_audience: body.assertion_audience,
                require_pushed_requests: body.require_pushed_authorization_requests,
                require_signed_requests: body.require_signed_request_object,
                dpop_bound: body.dpop_bound_access_tokens,
                request_object_alg: body.request_object_signing_alg,
            },
        }
    }
}
