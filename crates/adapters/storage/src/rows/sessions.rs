use crate::error::RowError;
use crate::schema::api_keys;
use crate::types::{At, Hash, Id, Json};
use diesel::prelude::*;
use doorward_domain::ids::{AppId, AppSecretId, GrantId, UserId};
use doorward_domain::oauth2::{Resource, Scopes, ThumbprintError};
use doorward_domain::roles::{AllowEntry, AllowEntryError};
use doorward_domain::sessions::{ApiKey, ApiKeyId, OAuth2Binding};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false)]
pub(crate) struct KeyRow {
    id: String,
    user_id: Id<UserId>,
    secret_digest: Hash,
    login_type: String,
    /// Names separated by single spaces, see [`ApiKey::scope_names`].
    scopes: String,
    token_name: String,
    ip: String,
    created_at: At,
    updated_at: At,
    last_used: Option<At>,
    expires_at: At,
    lifetime_seconds: i64,
    app_id: Option<Id<AppId>>,
    grant_id: Option<Id<GrantId>>,
    app_secret_id: Option<Id<AppSecretId>>,
    audience: Option<String>,
    slides_until: Option<At>,
    purge_at: Option<At>,
    allow_list: Option<Json<Vec<String>>>,
    unused: bool,
    jkt: Option<String>,
}

impl From<&ApiKey> for KeyRow {
    fn from(key: &ApiKey) -> Self {
        let binding = key.oauth2.as_ref();
        let grant_id = binding.and_then(|binding| binding.grant_id);
        Self {
            id: key.id.as_str().to_owned(),
            user_id: Id(key.user_id),
            secret_digest: Hash(key.secret_digest),
            login_type: key.login_type.as_str().to_owned(),
            scopes: key.stored_scopes(),
            token_name: key.token_name.clone(),
            ip: key.ip.clone(),
            created_at: At(key.created_at),
            updated_at: At(key.updated_at),
            last_used: key.last_used.map(At),
            expires_at: At(key.expires_at),
            lifetime_seconds: key.lifetime_seconds,
            app_id: binding.map(|binding| Id(binding.app_id)),
            grant_id: grant_id.map(Id),
            app_secret_id: binding.and_then(|binding| binding.secret_id).map(Id),
            audience: binding.and_then(|binding| binding.audience.as_ref()).map(|uri| uri.as_str().to_owned()),
            slides_until: binding.map(|binding| binding.slides_until).or(key.slides_until).map(At),
            // A key of a grant is deleted with the grant, whatever its own expiry.
            purge_at: grant_id.is_none().then_some(At(key.expires_at)),
            allow_list: key.allow_list.as_ref().map(|list| Json(list.iter().map(ToString::to_string).collect())),
            unused: binding.is_some_and(|binding| binding.unused),
            jkt: key.jkt().map(ToString::to_string),
        }
    }
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = RowError;

    fn try_from(row: KeyRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("api_keys", column, &row.id);
        let login_type = row.login_type.parse().map_err(|cause| bad("login_type").because(cause))?;
        // What cannot be read must not pass for no key.
        let jkt = row
            .jkt
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|cause: ThumbprintError| bad("jkt").because(cause))?;
        let oauth2 = match (row.app_id, row.slides_until) {
            (None, _) => None,
            (Some(_), None) => return Err(bad("slides_until")),
            (Some(app_id), Some(slides_until)) => Some(OAuth2Binding {
                app_id: app_id.0,
                grant_id: row.grant_id.map(|id| id.0),
                secret_id: row.app_secret_id.map(|id| id.0),
                audience: row.audience.map(Resource::from_storage),
                slides_until: slides_until.0,
                unused: row.unused,
                jkt,
            }),
        };
        // What cannot be read must not pass for no limit.
        let allow_list = row.allow_list.as_ref().map(|list| list.0.iter().map(|entry| entry.parse()).collect());
        let allow_list: Option<Vec<AllowEntry>> =
            allow_list.transpose().map_err(|cause: AllowEntryError| bad("allow_list").because(cause))?;
        let id = ApiKeyId::new(row.id.as_str()).map_err(|cause| bad("id").because(cause))?;
        Ok(Self {
            id,
            user_id: row.user_id.0,
            secret_digest: row.secret_digest.0,
            login_type,
            scopes: Scopes::from_storage(&row.scopes),
            allow_list,
            token_name: row.token_name,
            ip: row.ip,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            last_used: row.last_used.map(|at| at.0),
            expires_at: row.expires_at.0,
            lifetime_seconds: row.lifetime_seconds,
            slides_until: row.slides_until.filter(|_| oauth2.is_none()).map(|at| at.0),
            oauth2,
        })
    }
}
