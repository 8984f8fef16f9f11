//! What a busy server does all day: one prepared statement and one round trip each.
//!
//! `rotate` and `issue_client_token` compare digests of secrets in SQL, where the time may tell at which byte they
//! begin to differ. That is of no use to anybody: a digest is SHA-256 of a secret of 178 random bits or more, and who
//! knows how the digest of the right secret begins cannot make a secret from it. Where a row is read, the comparison
//! happens here, in constant time.

use super::Conn;
use super::statement::statement;
use crate::error::{Error, RowError};
use crate::rows::{GrantRow, KeyRow, app_limits, purge_day, resources};
use crate::schema::{api_keys, oauth2_grants};
use crate::types::{At, Hash, Id, Json, ScopeText, sql};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text};
use diesel::{OptionalExtension as _, QueryResult, RunQueryDsl};
use doorward_domain::Instant;
use doorward_domain::ids::{AppId, AppSecretId, GrantId, UserId};
use doorward_domain::oauth2::{Authorization, ExchangedTokens, KeyThumbprint, Resource, ThumbprintError};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::users::LoginType;
use doorward_ports::oauth2::{ClientToken, Introspection, IntrospectionQuery, Rotated, Rotation, TokenFacts};

/// A grant and the key that is its access token, inserted in one round trip. The foreign key is looked at when both are there.
#[derive(Debug, QueryId)]
struct InsertGrant<Grant, Key> {
    grant: Grant,
    key: Key,
}

impl<Grant, Key> RunQueryDsl<Conn> for InsertGrant<Grant, Key> {}

impl<Grant: QueryFragment<Pg>, Key: QueryFragment<Pg>> QueryFragment<Pg> for InsertGrant<Grant, Key> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH granted AS (");
        self.grant.walk_ast(out.reborrow())?;
        out.push_sql(") ");
        self.key.walk_ast(out)
    }
}

pub(super) fn insert_grant(conn: &mut Conn, grant: GrantRow, key: KeyRow) -> Result<(), Error> {
    let grant = diesel::insert_into(oauth2_grants::table).values(grant);
    let key = diesel::insert_into(api_keys::table).values(key);
    InsertGrant { grant, key }.execute(conn)?;
    Ok(())
}

/// Grant, its key, its scopes, the client secret with the time it was last seen, and its audience.
type RotatedRow = (Id<GrantId>, String, ScopeText, Option<Id<AppSecretId>>, Option<At>, Option<String>);

statement! {
    /// Of several at once, the first to lock the grant wins: the others wait for it, look at the row again and find
    /// another digest, or no row.
    Rotate {
        next: Hash as sql::Digest,
        device_refresh_expires_at: At as sql::Instant,
        refresh_expires_at: At as sql::Instant,
        device_purge_on: i32 as Integer,
        purge_on: i32 as Integer,
        access_expires_at: At as sql::Instant,
        exchanged: &'a [u8] as Binary,
        exchanged_len: i32 as Integer,
        secret_prefix: Option<&'a str> as Nullable<Text>,
        secret_digest: Option<Hash> as Nullable<sql::Digest>,
        app: Id<AppId> as sql::Uuid,
        prefix: &'a str as Text,
        presented: Hash as sql::Digest,
        now: At as sql::Instant,
        by_key: bool as Bool,
        resources: Option<Vec<&'a str>> as Nullable<Array<Text>>,
        bound_to: Option<&'a str> as Nullable<Text>,
        next_access: Hash as sql::Digest,
        access_lifetime_seconds: i64 as BigInt,
        jkt: Option<&'a str> as Nullable<Text>,
    } -> (sql::Uuid, Text, Text, Nullable<sql::Uuid>, Nullable<sql::Instant>, Nullable<Text>) {
        "WITH rotated AS (\
           UPDATE oauth2_grants g SET refresh_digest = ?, \
             refresh_expires_at = CASE WHEN g.is_device THEN ? ELSE ? END, \
             purge_on = CASE WHEN g.is_device THEN ? ELSE ? END, \
             access_expires_at = ?, jkt = $20, generation = g.generation + 1, exchanged = substring(? || g.exchanged FROM 1 FOR ?) \
           FROM users u, oauth2_apps a \
             LEFT JOIN oauth2_app_secrets s ON s.app_id = a.id AND s.prefix = ? AND s.digest = ? \
           WHERE a.id = ? AND g.app_id = a.id AND g.refresh_prefix = ? AND g.refresh_digest = ? \
             AND g.refresh_expires_at > ? \
             AND CASE a.client_type WHEN 'confidential' THEN s.id IS NOT NULL WHEN 'public' THEN $9 IS NULL \
               ELSE $9 IS NULL AND ? END AND ($15 OR NOT g.by_key) \
             AND u.id = g.user_id AND NOT u.deleted AND u.status <> 'suspended' \
             AND g.app_revision = a.revision AND (?::text[] IS NULL OR g.audience = ANY ($16)) \
             AND g.jkt IS NOT DISTINCT FROM ? \
           RETURNING g.id, g.access_key_id, g.scopes, g.refresh_expires_at, g.audience, s.id AS secret_id, s.last_used_at), \
         access AS (\
           UPDATE api_keys k SET secret_digest = ?, lifetime_seconds = ?, scopes = r.scopes, created_at = $14, \
             updated_at = $14, expires_at = $6, slides_until = r.refresh_expires_at, unused = true, jkt = ? \
           FROM rotated r WHERE k.id = r.access_key_id RETURNING k.id) \
         SELECT r.id, r.access_key_id, r.scopes, r.secret_id, r.last_used_at, r.audience \
         FROM rotated r JOIN access k ON k.id = r.access_key_id"
    }
}

/// Exchanges a refresh token, see [`GrantRepository::rotate`](doorward_ports::oauth2::GrantRepository::rotate).
pub(super) fn rotate(conn: &mut Conn, rotation: &Rotation) -> Result<Option<Rotated>, Error> {
    let secret = rotation.client.secret.as_ref();
    let statement = Rotate {
        next: Hash(rotation.next),
        device_refresh_expires_at: At(rotation.device_refresh_expires_at),
        refresh_expires_at: At(rotation.refresh_expires_at),
        device_purge_on: purge_day(rotation.device_refresh_expires_at),
        purge_on: purge_day(rotation.refresh_expires_at),
        access_expires_at: At(rotation.access_expires_at),
        exchanged: &ExchangedTokens::entry(&rotation.presented, rotation.now),
        exchanged_len: i32::try_from(ExchangedTokens::MAX * ExchangedTokens::ENTRY_LEN).unwrap_or(i32::MAX),
        secret_prefix: secret.map(|(prefix, _)| prefix.as_str()),
        secret_digest: secret.map(|(_, digest)| Hash(*digest)),
        app: Id(rotation.client.app_id),
        prefix: &rotation.prefix,
        presented: Hash(rotation.presented),
        now: At(rotation.now),
        by_key: rotation.client.by_key,
        resources: rotation.resources.as_ref().map(|list| list.iter().map(Resource::as_str).collect()),
        bound_to: rotation.bound_to.as_ref().map(KeyThumbprint::as_str),
        next_access: Hash(rotation.next_access),
        access_lifetime_seconds: rotation.access_lifetime_seconds,
        jkt: rotation.jkt.as_ref().map(KeyThumbprint::as_str),
    };
    let row: Option<RotatedRow> = statement.get_result(conn).optional()?;
    let Some((Id(grant_id), key, scopes, secret, seen, audience)) = row else { return Ok(None) };
    let access_key_id =
        ApiKeyId::new(key).map_err(|cause| RowError::new("oauth2_grants", "access_key_id", grant_id).because(cause))?;
    let secret = secret.map(|id| (id.0, seen.map(|at| at.0)));
    Ok(Some(Rotated {
        grant_id,
        access_key_id,
        scopes: scopes.0,
        secret,
        resource: audience.map(Resource::from_storage),
    }))
}

statement! {
    IssueClientToken {
        prefix: &'a str as Text,
        digest: Hash as sql::Digest,
        app: Id<AppId> as sql::Uuid,
        key_id: &'a str as Text,
        key_digest: Hash as sql::Digest,
        login_type: &'a str as Text,
        scopes: ScopeText as Text,
        ip: &'a str as Text,
        now: At as sql::Instant,
        expires_at: At as sql::Instant,
        lifetime_seconds: i64 as BigInt,
        jkt: Option<&'a str> as Nullable<Text>,
    } -> (sql::Uuid, Nullable<sql::Instant>) {
        "WITH client AS (\
           SELECT s.id, s.app_id, s.last_used_at, u.id AS user_id FROM oauth2_app_secrets s \
           JOIN oauth2_apps a ON a.id = s.app_id JOIN users u ON u.id = a.service_account_id \
           WHERE s.prefix = ? AND s.digest = ? AND s.app_id = ? AND a.client_type = 'confidential' \
             AND a.allowed_scopes IS NULL AND a.allowed_resources IS NULL AND NOT u.deleted AND u.status <> 'suspended' \
             AND ($12 IS NOT NULL OR a.rules ->> 'dpop_bound' IS DISTINCT FROM 'true')), \
         issued AS (\
           INSERT INTO api_keys (id, user_id, secret_digest, login_type, scopes, token_name, ip, created_at, \
             updated_at, expires_at, lifetime_seconds, app_id, app_secret_id, slides_until, purge_at, jkt) \
           SELECT ?, c.user_id, ?, ?, ?, '', ?, ?, $9, ?, ?, c.app_id, c.id, $10, $10, ? FROM client c \
           RETURNING app_secret_id) \
         SELECT c.id, c.last_used_at FROM client c JOIN issued i ON i.app_secret_id = c.id"
    }
}

/// Issues an access token for a service account, see
/// [`GrantRepository::issue_client_token`](doorward_ports::oauth2::GrantRepository::issue_client_token).
pub(super) fn issue_client_token(
    conn: &mut Conn,
    token: &ClientToken,
) -> Result<Option<(AppSecretId, Option<Instant>)>, Error> {
    let Some((prefix, digest)) = &token.client.secret else { return Ok(None) };
    let statement = IssueClientToken {
        prefix,
        digest: Hash(*digest),
        app: Id(token.client.app_id),
        key_id: token.key_id.as_str(),
        key_digest: Hash(token.key_digest),
        login_type: LoginType::Oauth2ProviderApp.as_str(),
        scopes: ScopeText(token.scopes.clone()),
        ip: &token.ip,
        now: At(token.now),
        expires_at: At(token.expires_at),
        lifetime_seconds: (token.expires_at - token.now).whole_seconds(),
        jkt: token.jkt.as_ref().map(KeyThumbprint::as_str),
    };
    let row: Option<(Id<AppSecretId>, Option<At>)> = statement.get_result(conn).optional()?;
    Ok(row.map(|(secret, seen)| (secret.0, seen.map(|at| at.0))))
}

/// Secret, its digest, when it was last used, and what the app serves.
type Caller = (Id<AppSecretId>, Hash, Option<At>, Json<Vec<String>>);
/// Digest of the key, app, user, name, scopes, audience, whether it is unused, times of issue and
/// expiry, scopes and resources that its app may have, and the key to which it is bound.
type Token = (
    Hash,
    Id<AppId>,
    Id<UserId>,
    String,
    ScopeText,
    Option<String>,
    bool,
    At,
    At,
    Option<Json<Vec<String>>>,
    Option<Json<Vec<String>>>,
    Option<String>,
);

statement! {
    /// Without a key, the client alone is looked at.
    IntrospectAccess {
        key: Option<&'a str> as Nullable<Text>,
        now: At as sql::Instant,
        prefix: &'a str as Text,
        app: Id<AppId> as sql::Uuid,
    } -> (
        (sql::Uuid, sql::Digest, Nullable<sql::Instant>, sql::Json),
        Nullable<(
            sql::Digest,
            sql::Uuid,
            sql::Uuid,
            Text,
            Text,
            Nullable<Text>,
            Bool,
            sql::Instant,
            sql::Instant,
            Nullable<sql::Json>,
            Nullable<sql::Json>,
            Nullable<Text>,
        )>,
    ) {
        "SELECT s.id, s.digest, s.last_used_at, a.resources, \
           k.secret_digest, k.app_id, k.user_id, u.username, k.scopes, k.audience, k.unused, k.created_at, k.expires_at, \
           t.allowed_scopes, t.allowed_resources, k.jkt \
         FROM oauth2_app_secrets s JOIN oauth2_apps a ON a.id = s.app_id AND a.client_type = 'confidential' \
         LEFT JOIN (api_keys k JOIN users u ON u.id = k.user_id AND NOT u.deleted AND u.status <> 'suspended' \
           JOIN oauth2_apps t ON t.id = k.app_id) \
           ON k.id = ? AND k.expires_at > ? AND k.app_id IS NOT NULL \
         WHERE s.prefix = ? AND s.app_id = ?"
    }
}

/// Looks at an access token, see
/// [`GrantRepository::introspect_access`](doorward_ports::oauth2::GrantRepository::introspect_access).
pub(super) fn introspect_access(conn: &mut Conn, query: &IntrospectionQuery) -> Result<Option<Introspection>, Error> {
    let Some((prefix, secret)) = &query.client.secret else { return Ok(None) };
    let key = query.token.as_ref().map(|(key, _)| key.as_str());
    let statement = IntrospectAccess { key, now: At(query.now), prefix, app: Id(query.client.app_id) };
    let row: Option<(Caller, Option<Token>)> = statement.get_result(conn).optional()?;
    let Some(((secret_id, secret_digest, seen, serves), token)) = row else { return Ok(None) };
    if secret_digest.0 != *secret {
        return Ok(None);
    }
    // Compared in constant time, by the type.
    let is_presented = |found: Hash| query.token.as_ref().is_some_and(|(_, digest)| found.0 == *digest);
    let token = token.filter(|(key_digest, ..)| is_presented(*key_digest));
    let token = token
        .map(|(_, app, user, username, scopes, audience, unused, issued_at, expires_at, allowed, targets, jkt)| {
            let bad = |cause: ThumbprintError| RowError::new("api_keys", "jkt", key.unwrap_or_default()).because(cause);
            Ok::<_, Error>(TokenFacts {
                app_id: app.0,
                user_id: user.0,
                username,
                authorization: Authorization { scopes: scopes.0, resource: audience.map(Resource::from_storage) },
                app: app_limits((allowed, targets)),
                unused,
                issued_at: issued_at.0,
                expires_at: expires_at.0,
                jkt: jkt.as_deref().map(str::parse).transpose().map_err(bad)?,
            })
        })
        .transpose()?;
    Ok(Some(Introspection {
        secret_id: secret_id.0,
        secret_last_used_at: seen.map(|at| at.0),
        caller_resources: resources(serves),
        token,
    }))
}
