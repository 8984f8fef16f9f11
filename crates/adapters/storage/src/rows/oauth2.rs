use super::purge_day;
use crate::error::RowError;
use crate::schema::{oauth2_app_secrets, oauth2_apps, oauth2_codes, oauth2_grants};
use crate::types::{At, Hash, Id, Json, ScopeText};
use diesel::prelude::*;
use doorward_domain::ids::{AppId, AppSecretId, CodeId, GrantId, UserId};
use doorward_domain::oauth2::{
    App, AppSecret, Authorization, AuthorizationCode, ClientRules, ClientType, CodeChallenge, ExchangedTokens, Grant,
    RedirectUri, Resource, Scopes, ThumbprintError,
};
use doorward_domain::sessions::ApiKeyId;
use doorward_ports::sessions::AppLimits;

fn texts(resources: &[Resource]) -> Json<Vec<String>> {
    Json(resources.iter().map(|resource| resource.as_str().to_owned()).collect())
}

/// The scopes and resources that an app may have, as stored.
pub(crate) type AppLists = (Option<Json<Vec<String>>>, Option<Json<Vec<String>>>);

/// What an app may have.
pub(crate) fn app_limits((scopes, allowed): AppLists) -> AppLimits {
    AppLimits { scopes: scopes.as_ref().map(listed_scopes), resources: allowed.map(resources) }
}

fn listed_scopes(names: &Json<Vec<String>>) -> Scopes {
    Scopes::from_stored_names(&names.0)
}

/// Reads resources that were checked when they were stored.
pub(crate) fn resources(texts: Json<Vec<String>>) -> Vec<Resource> {
    texts.0.into_iter().map(Resource::from_storage).collect()
}

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = oauth2_apps, treat_none_as_null = true, treat_none_as_default_value = false)]
pub(crate) struct AppRow {
    id: Id<AppId>,
    name: String,
    icon: String,
    redirect_uris: Json<Vec<String>>,
    redirect_match: String,
    client_type: String,
    require_pkce: bool,
    allowed_scopes: Option<Json<Vec<String>>>,
    allowed_resources: Option<Json<Vec<String>>>,
    resources: Json<Vec<String>>,
    service_account_id: Option<Id<UserId>>,
    #[diesel(skip_update)]
    created_at: At,
    updated_at: At,
    #[diesel(skip_update)]
    revision: i32,
    device_flow: bool,
    refresh_tokens: bool,
    rules: Option<Json<ClientRules>>,
}

impl From<&App> for AppRow {
    fn from(app: &App) -> Self {
        Self {
            id: Id(app.id),
            name: app.name.clone(),
            icon: app.icon.clone(),
            redirect_uris: Json(app.redirect_uris.iter().map(|uri| uri.as_str().to_owned()).collect()),
            redirect_match: app.redirect_match.as_str().to_owned(),
            client_type: app.client_type.as_str().to_owned(),
            require_pkce: app.require_pkce,
            allowed_scopes: app.allowed_scopes.as_ref().map(|scopes| Json(scopes.to_names())),
            allowed_resources: app.allowed_resources.as_deref().map(texts),
            resources: texts(&app.resources),
            service_account_id: app.service_account_id.map(Id),
            created_at: At(app.created_at),
            updated_at: At(app.updated_at),
            revision: app.revision,
            device_flow: app.device_flow,
            refresh_tokens: app.refresh_tokens,
            rules: (app.rules != ClientRules::default()).then(|| Json(app.rules.clone())),
        }
    }
}

impl TryFrom<AppRow> for App {
    type Error = RowError;

    fn try_from(row: AppRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("oauth2_apps", column, row.id.0);
        Ok(Self {
            redirect_match: row.redirect_match.parse().map_err(|cause| bad("redirect_match").because(cause))?,
            client_type: match row.client_type.as_str() {
                "confidential" => ClientType::Confidential,
                "keyed" => ClientType::Keyed,
                "public" => ClientType::Public,
                _ => return Err(bad("client_type")),
            },
            id: row.id.0,
            name: row.name,
            icon: row.icon,
            redirect_uris: row.redirect_uris.0.into_iter().map(RedirectUri::from_storage).collect(),
            require_pkce: row.require_pkce,
            allowed_scopes: row.allowed_scopes.as_ref().map(listed_scopes),
            allowed_resources: row.allowed_resources.map(resources),
            resources: resources(row.resources),
            service_account_id: row.service_account_id.map(|id| id.0),
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            revision: row.revision,
            device_flow: row.device_flow,
            refresh_tokens: row.refresh_tokens,
            rules: row.rules.map(|rules| rules.0).unwrap_or_default(),
        })
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth2_app_secrets, treat_none_as_default_value = false)]
pub(crate) struct SecretRow {
    id: Id<AppSecretId>,
    app_id: Id<AppId>,
    prefix: String,
    digest: Hash,
    display_suffix: String,
    created_at: At,
    last_used_at: Option<At>,
}

impl From<&AppSecret> for SecretRow {
    fn from(secret: &AppSecret) -> Self {
        Self {
            id: Id(secret.id),
            app_id: Id(secret.app_id),
            prefix: secret.prefix.clone(),
            digest: Hash(secret.digest),
            display_suffix: secret.display_suffix.clone(),
            created_at: At(secret.created_at),
            last_used_at: secret.last_used_at.map(At),
        }
    }
}

impl From<SecretRow> for AppSecret {
    fn from(row: SecretRow) -> Self {
        Self {
            id: row.id.0,
            app_id: row.app_id.0,
            prefix: row.prefix,
            digest: row.digest.0,
            display_suffix: row.display_suffix,
            created_at: row.created_at.0,
            last_used_at: row.last_used_at.map(|at| at.0),
        }
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth2_codes, treat_none_as_default_value = false)]
pub(crate) struct CodeRow {
    id: Id<CodeId>,
    prefix: String,
    digest: Hash,
    app_id: Id<AppId>,
    user_id: Id<UserId>,
    redirect_uri: Option<String>,
    challenge: Option<String>,
    resource: Option<String>,
    scopes: ScopeText,
    created_at: At,
    expires_at: At,
    redeemed_at: Option<At>,
    grant_id: Option<Id<GrantId>>,
    implied_redirect_uri: Option<String>,
    jkt: Option<String>,
}

impl From<&AuthorizationCode> for CodeRow {
    fn from(code: &AuthorizationCode) -> Self {
        Self {
            id: Id(code.id),
            prefix: code.prefix.clone(),
            digest: Hash(code.digest),
            app_id: Id(code.app_id),
            user_id: Id(code.user_id),
            redirect_uri: code.redirect_uri.clone(),
            challenge: code.challenge.as_ref().map(|challenge| challenge.as_str().to_owned()),
            resource: code.authorization.resource.as_ref().map(|resource| resource.as_str().to_owned()),
            scopes: ScopeText(code.authorization.scopes.clone()),
            created_at: At(code.created_at),
            expires_at: At(code.expires_at),
            redeemed_at: code.redeemed.map(|(at, _)| At(at)),
            grant_id: code.redeemed.map(|(_, grant)| Id(grant)),
            implied_redirect_uri: code.implied_redirect_uri.clone(),
            jkt: code.jkt.as_ref().map(ToString::to_string),
        }
    }
}

impl TryFrom<CodeRow> for AuthorizationCode {
    type Error = RowError;

    fn try_from(row: CodeRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("oauth2_codes", column, row.id.0);
        let challenge = match row.challenge {
            Some(text) => Some(CodeChallenge::parse(&text, None).map_err(|cause| bad("challenge").because(cause))?),
            None => None,
        };
        let jkt = row
            .jkt
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|cause: ThumbprintError| bad("jkt").because(cause))?;
        let redeemed = match (row.redeemed_at, row.grant_id) {
            (Some(at), Some(grant)) => Some((at.0, grant.0)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(bad("grant_id")),
        };
        Ok(Self {
            id: row.id.0,
            prefix: row.prefix,
            digest: row.digest.0,
            app_id: row.app_id.0,
            user_id: row.user_id.0,
            redirect_uri: row.redirect_uri,
            implied_redirect_uri: row.implied_redirect_uri,
            challenge,
            jkt,
            authorization: Authorization { scopes: row.scopes.0, resource: row.resource.map(Resource::from_storage) },
            created_at: row.created_at.0,
            expires_at: row.expires_at.0,
            redeemed,
        })
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth2_grants, treat_none_as_default_value = false)]
pub(crate) struct GrantRow {
    id: Id<GrantId>,
    app_id: Id<AppId>,
    user_id: Id<UserId>,
    app_secret_id: Option<Id<AppSecretId>>,
    audience: Option<String>,
    scopes: ScopeText,
    access_key_id: String,
    access_expires_at: At,
    refresh_prefix: String,
    refresh_digest: Hash,
    refresh_expires_at: At,
    exchanged: Vec<u8>,
    generation: i32,
    created_at: At,
    purge_on: i32,
    app_revision: i32,
    is_device: bool,
    by_key: bool,
    jkt: Option<String>,
}

impl From<&Grant> for GrantRow {
    fn from(grant: &Grant) -> Self {
        Self {
            id: Id(grant.id),
            app_id: Id(grant.app_id),
            user_id: Id(grant.user_id),
            app_secret_id: grant.secret_id.map(Id),
            audience: grant.authorization.resource.as_ref().map(|resource| resource.as_str().to_owned()),
            scopes: ScopeText(grant.authorization.scopes.clone()),
            access_key_id: grant.access_key_id.as_str().to_owned(),
            access_expires_at: At(grant.access_expires_at),
            refresh_prefix: grant.refresh_prefix.clone(),
            refresh_digest: Hash(grant.refresh_digest),
            refresh_expires_at: At(grant.refresh_expires_at),
            exchanged: grant.exchanged.to_bytes(),
            generation: grant.generation,
            created_at: At(grant.created_at),
            purge_on: purge_day(grant.refresh_expires_at),
            app_revision: grant.app_revision,
            is_device: grant.is_device,
            by_key: grant.by_key,
            jkt: grant.jkt.as_ref().map(ToString::to_string),
        }
    }
}

impl TryFrom<GrantRow> for Grant {
    type Error = RowError;

    fn try_from(row: GrantRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("oauth2_grants", column, row.id.0);
        Ok(Self {
            access_key_id: ApiKeyId::new(row.access_key_id).map_err(|cause| bad("access_key_id").because(cause))?,
            jkt: row
                .jkt
                .as_deref()
                .map(str::parse)
                .transpose()
                .map_err(|cause: ThumbprintError| bad("jkt").because(cause))?,
            exchanged: ExchangedTokens::from_bytes(&row.exchanged).ok_or_else(|| bad("exchanged"))?,
            id: row.id.0,
            app_id: row.app_id.0,
            user_id: row.user_id.0,
            secret_id: row.app_secret_id.map(|id| id.0),
            authorization: Authorization { scopes: row.scopes.0, resource: row.audience.map(Resource::from_storage) },
            access_expires_at: row.access_expires_at.0,
            refresh_prefix: row.refresh_prefix,
            refresh_digest: row.refresh_digest.0,
            refresh_expires_at: row.refresh_expires_at.0,
            generation: row.generation,
            app_revision: row.app_revision,
            is_device: row.is_device,
            by_key: row.by_key,
            created_at: row.created_at.0,
        })
    }
}
