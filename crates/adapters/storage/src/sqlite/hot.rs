//! What a busy server does all day, step by step: within one process a step costs microseconds, and the writer thread
//! makes the steps of one call one whole.

use super::Conn;
use crate::error::{Error, RowError};
use crate::rows::{AppLists, AppRow, GrantRow, KeyRow, SecretRow, app_limits, purge_day};
use crate::schema::{api_keys, oauth2_app_secrets, oauth2_apps, oauth2_grants, users};
use crate::types::{At, Hash, Id, ScopeText};
use diesel::dsl::not;
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::{AppSecretId, GrantId, UserId};
use doorward_domain::oauth2::{App, AppSecret, Authorization, ClientType, ExchangedTokens, KeyThumbprint, Resource};
use doorward_domain::sessions::{ApiKey, ApiKeyId, NewAccessToken};
use doorward_domain::users::UserStatus;
use doorward_ports::oauth2::{
    ClientCredentials, ClientToken, Introspection, IntrospectionQuery, Rotated, Rotation, TokenFacts,
};

/// A grant and the key that is its access token.
pub(super) fn insert_grant(conn: &mut Conn, grant: GrantRow, key: KeyRow) -> Result<(), Error> {
    diesel::insert_into(oauth2_grants::table).values(grant).execute(conn)?;
    diesel::insert_into(api_keys::table).values(key).execute(conn)?;
    Ok(())
}

/// The secret with which a confidential client proves itself, and its app.
fn prove(conn: &mut Conn, client: &ClientCredentials) -> Result<Option<(AppSecret, App)>, Error> {
    let Some((prefix, digest)) = &client.secret else { return Ok(None) };
    let row: Option<(SecretRow, AppRow)> = oauth2_app_secrets::table
        .inner_join(oauth2_apps::table.on(oauth2_apps::id.eq(oauth2_app_secrets::app_id)))
        .filter(oauth2_app_secrets::prefix.eq(prefix))
        .filter(oauth2_app_secrets::app_id.eq(Id(client.app_id)))
        .select((SecretRow::as_select(), AppRow::as_select()))
        .get_result(conn)
        .optional()?;
    let Some((secret, app)) = row else { return Ok(None) };
    let (secret, app) = (AppSecret::from(secret), App::try_from(app)?);
    let proven = secret.digest == *digest && app.client_type == ClientType::Confidential;
    Ok(proven.then_some((secret, app)))
}

/// The name of a user who may act.
fn acting_user(conn: &mut Conn, id: UserId) -> QueryResult<Option<String>> {
    users::table
        .find(Id(id))
        .filter(not(users::deleted))
        .filter(users::status.ne(UserStatus::Suspended.as_str()))
        .select(users::username)
        .get_result(conn)
        .optional()
}

/// Id, user, live digest and its expiry, exchanged tokens, scopes, key and audience of a grant, whether it is a device's, and whether it
/// asks for a client with a key, and to which key it is bound.
type LiveGrant =
    (Id<GrantId>, Id<UserId>, Hash, At, Vec<u8>, ScopeText, String, Option<String>, bool, bool, Option<String>);

/// Exchanges a refresh token, see [`GrantRepository::rotate`](doorward_ports::oauth2::GrantRepository::rotate).
pub(super) fn rotate(conn: &mut Conn, rotation: &Rotation) -> Result<Option<Rotated>, Error> {
    let client = &rotation.client;
    let secret = if client.secret.is_some() {
        let Some((secret, _)) = prove(conn, client)? else { return Ok(None) };
        Some((secret.id, secret.last_used_at))
    } else {
        let client_type: Option<String> =
            oauth2_apps::table.find(Id(client.app_id)).select(oauth2_apps::client_type).get_result(conn).optional()?;
        let needed = if client.by_key { ClientType::Keyed } else { ClientType::Public };
        // A public client may have keys too.
        let fits = client_type
            .is_some_and(|found| found == needed.as_str() || client.by_key && found == ClientType::Public.as_str());
        if !fits {
            return Ok(None);
        }
        None
    };
    let row: Option<LiveGrant> = oauth2_grants::table
        .filter(oauth2_grants::refresh_prefix.eq(&rotation.prefix))
        .filter(oauth2_grants::app_id.eq(Id(client.app_id)))
        .inner_join(oauth2_apps::table.on(oauth2_apps::id.eq(oauth2_grants::app_id)))
        .filter(oauth2_grants::app_revision.eq(oauth2_apps::revision))
        .select((
            oauth2_grants::id,
            oauth2_grants::user_id,
            oauth2_grants::refresh_digest,
            oauth2_grants::refresh_expires_at,
            oauth2_grants::exchanged,
            oauth2_grants::scopes,
            oauth2_grants::access_key_id,
            oauth2_grants::audience,
            oauth2_grants::is_device,
            oauth2_grants::by_key,
            oauth2_grants::jkt,
        ))
        .get_result(conn)
        .optional()?;
    let Some((Id(id), Id(user), Hash(live), At(expires_at), exchanged, scopes, key, audience, is_device, by_key, jkt)) =
        row
    else {
        return Ok(None);
    };
    if by_key && !client.by_key || jkt.as_deref() != rotation.bound_to.as_ref().map(KeyThumbprint::as_str) {
        return Ok(None);
    }
    if let Some(allowed) = &rotation.resources
        && !allowed.iter().any(|resource| audience.as_deref() == Some(resource.as_str()))
    {
        return Ok(None);
    }
    if live != rotation.presented || expires_at <= rotation.now || acting_user(conn, user)?.is_none() {
        return Ok(None);
    }
    let bad = |column| RowError::new("oauth2_grants", column, id);
    let mut exchanged = ExchangedTokens::from_bytes(&exchanged).ok_or_else(|| bad("exchanged"))?;
    exchanged.push(rotation.presented, rotation.now);
    let refresh_expires_at = if is_device { rotation.device_refresh_expires_at } else { rotation.refresh_expires_at };
    diesel::update(oauth2_grants::table.find(Id(id)))
        .set((
            oauth2_grants::refresh_digest.eq(Hash(rotation.next)),
            oauth2_grants::refresh_expires_at.eq(At(refresh_expires_at)),
            oauth2_grants::purge_on.eq(purge_day(refresh_expires_at)),
            oauth2_grants::access_expires_at.eq(At(rotation.access_expires_at)),
            oauth2_grants::exchanged.eq(exchanged.to_bytes()),
            oauth2_grants::generation.eq(oauth2_grants::generation + 1),
            oauth2_grants::jkt.eq(rotation.jkt.as_ref().map(KeyThumbprint::as_str)),
        ))
        .execute(conn)?;
    diesel::update(api_keys::table.find(&key))
        .set((
            api_keys::secret_digest.eq(Hash(rotation.next_access)),
            api_keys::scopes.eq(&scopes),
            api_keys::created_at.eq(At(rotation.now)),
            api_keys::updated_at.eq(At(rotation.now)),
            api_keys::expires_at.eq(At(rotation.access_expires_at)),
            api_keys::lifetime_seconds.eq(rotation.access_lifetime_seconds),
            api_keys::slides_until.eq(Some(At(refresh_expires_at))),
            api_keys::unused.eq(true),
            api_keys::jkt.eq(rotation.jkt.as_ref().map(KeyThumbprint::as_str)),
        ))
        .execute(conn)?;
    let access_key_id = ApiKeyId::new(key).map_err(|cause| bad("access_key_id").because(cause))?;
    Ok(Some(Rotated {
        grant_id: id,
        access_key_id,
        scopes: scopes.0,
        secret,
        resource: audience.map(Resource::from_storage),
    }))
}

/// Issues an access token for a service account, see
/// [`GrantRepository::issue_client_token`](doorward_ports::oauth2::GrantRepository::issue_client_token).
pub(super) fn issue_client_token(
    conn: &mut Conn,
    token: &ClientToken,
) -> Result<Option<(AppSecretId, Option<Instant>)>, Error> {
    let Some((secret, app)) = prove(conn, &token.client)? else { return Ok(None) };
    let Some(user_id) = app.service_account_id else { return Ok(None) };
    let is_limited = app.allowed_scopes.is_some() || app.allowed_resources.is_some();
    let is_short = app.rules.dpop_bound && token.jkt.is_none();
    if is_limited || is_short || acting_user(conn, user_id)?.is_none() {
        return Ok(None);
    }
    let key = ApiKey::access_token(NewAccessToken {
        id: token.key_id.clone(),
        secret_digest: token.key_digest,
        user_id,
        app_id: app.id,
        secret_id: Some(secret.id),
        grant: None,
        authorization: Authorization { scopes: token.scopes.clone(), resource: None },
        jkt: token.jkt.clone(),
        ip: token.ip.clone(),
        issued_at: token.now,
        expires_at: token.expires_at,
    });
    diesel::insert_into(api_keys::table).values(KeyRow::from(&key)).execute(conn)?;
    Ok(Some((secret.id, secret.last_used_at)))
}

/// Looks at an access token, see
/// [`GrantRepository::introspect_access`](doorward_ports::oauth2::GrantRepository::introspect_access).
pub(super) fn introspect_access(conn: &mut Conn, query: &IntrospectionQuery) -> Result<Option<Introspection>, Error> {
    let Some((secret, app)) = prove(conn, &query.client)? else { return Ok(None) };
    let token = match &query.token {
        Some((id, digest)) => find_access(conn, id, |key| key.secret_digest == *digest && !key.is_expired(query.now))?,
        None => None,
    };
    Ok(Some(Introspection {
        secret_id: secret.id,
        secret_last_used_at: secret.last_used_at,
        caller_resources: app.resources,
        token,
    }))
}

/// The access token with this id, if it passes the test and its user may act.
fn find_access(
    conn: &mut Conn,
    id: &ApiKeyId,
    is_live: impl FnOnce(&ApiKey) -> bool,
) -> Result<Option<TokenFacts>, Error> {
    let found = api_keys::table.find(id.as_str()).select(KeyRow::as_select()).get_result(conn).optional()?;
    let Some(key) = found.map(ApiKey::try_from).transpose()?.filter(is_live) else { return Ok(None) };
    let Some(binding) = key.oauth2 else { return Ok(None) };
    let Some(username) = acting_user(conn, key.user_id)? else { return Ok(None) };
    let allowed: Option<AppLists> = oauth2_apps::table
        .find(Id(binding.app_id))
        .select((oauth2_apps::allowed_scopes, oauth2_apps::allowed_resources))
        .get_result(conn)
        .optional()?;
    Ok(Some(TokenFacts {
        app_id: binding.app_id,
        user_id: key.user_id,
        username,
        authorization: Authorization { scopes: key.scopes, resource: binding.audience },
        app: app_limits(allowed.unwrap_or_default()),
        unused: binding.unused,
        issued_at: key.created_at,
        expires_at: key.expires_at,
        jkt: binding.jkt,
    }))
}
