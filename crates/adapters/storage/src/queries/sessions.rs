//! Sessions, API tokens and access tokens.

use super::expiring::Expiring;
use super::logouts::{note_end, note_end_of_all};
use super::{Conn, locks, owner};
use crate::error::Error;
use crate::rows::{KeyRow, entities};
use crate::schema::{api_keys, oauth2_codes, oauth2_device_authorizations, oauth2_grants, one_time_passcodes, users};
use crate::touches::Touches;
use crate::types::{At, Hash, Id, sql};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{case_when, exists};
use diesel::prelude::*;
use diesel::sql_types::Nullable;
use doorward_domain::ids::UserId;
use doorward_domain::oauth2::ScopeEntry;
use doorward_domain::roles::{Permit, ScopeName, action, resource};
use doorward_domain::sessions::{ApiKey, ApiKeyId, KeyRefresh};
use doorward_domain::users::LoginType;
use doorward_domain::{Digest, Instant};
use doorward_ports::StoreError;
use doorward_ports::changes::Change;
use doorward_ports::sessions::{ApiKeyRepository, KeyOwner};
use time::Duration;

/// Keys that are named by one statement; SQLite takes so many values at least.
const NAMED_AT_ONCE: usize = 400;

/// Deletes all that lets somebody act for a user: codes, grants and keys.
///
/// Codes go first, and what devices were allowed. An exchange that runs at the same time has either redeemed its code already, then this waits for it
/// and deletes the grant it has made; or it finds the code gone.
pub(super) fn end_all(conn: &mut Conn, user: UserId) -> Result<(), Error> {
    note_end_of_all(conn, user)?;
    diesel::delete(oauth2_codes::table.filter(oauth2_codes::user_id.eq(Id(user)))).execute(conn)?;
    let devices = oauth2_device_authorizations::table.filter(oauth2_device_authorizations::user_id.eq(Some(Id(user))));
    diesel::delete(devices).execute(conn)?;
    diesel::delete(oauth2_grants::table.filter(oauth2_grants::user_id.eq(Id(user)))).execute(conn)?;
    diesel::delete(api_keys::table.filter(api_keys::user_id.eq(Id(user)))).execute(conn)?;
    diesel::delete(one_time_passcodes::table.filter(one_time_passcodes::user_id.eq(Id(user)))).execute(conn)?;
    Ok(())
}

/// A key that ends, with those whose grants end with it.
fn ended(key: &ApiKeyId) -> impl FnOnce(&(bool, Vec<Change>)) -> Touches {
    |(_, others)| Touches::Now(std::iter::once(Change::Key(key.clone())).chain(others.iter().cloned()).collect())
}

/// Keys expire; those that belong to a grant end with it and hold no time.
pub(super) const EXPIRING: Expiring = Expiring::at("api_keys", "id", "purge_at");

impl ApiKeyRepository for UnitOfWork<'_, Conn> {
    fn find_owner(&mut self, id: &ApiKeyId) -> Result<Option<KeyOwner>, StoreError> {
        self.run(|conn| owner::find(conn, id))
    }

    fn find(&mut self, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        self.run(|conn| {
            let row = api_keys::table.find(id.as_str()).select(KeyRow::as_select()).get_result(conn).optional()?;
            Ok(row.map(ApiKey::try_from).transpose()?)
        })
    }

    fn find_digests(&mut self, ids: &[ApiKeyId], now: Instant) -> Result<Vec<(ApiKeyId, Digest)>, StoreError> {
        self.run(|conn| {
            let mut found = Vec::new();
            for ids in ids.chunks(NAMED_AT_ONCE) {
                let rows: Vec<(String, Hash)> = api_keys::table
                    .filter(api_keys::id.eq_any(ids.iter().map(ApiKeyId::as_str)))
                    .filter(api_keys::expires_at.gt(At(now)))
                    .select((api_keys::id, api_keys::secret_digest))
                    .load(conn)?;
                for (id, Hash(digest)) in rows {
                    found.extend(ApiKeyId::new(id).ok().map(|id| (id, digest)));
                }
            }
            Ok(found)
        })
    }

    fn find_token(&mut self, user: UserId, name: &str) -> Result<Option<ApiKey>, StoreError> {
        self.run(|conn| {
            let row = api_keys::table
                .filter(api_keys::user_id.eq(Id(user)))
                .filter(api_keys::login_type.eq(LoginType::Token.as_str()))
                .filter(api_keys::token_name.eq(name))
                .select(KeyRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(ApiKey::try_from).transpose()?)
        })
    }

    fn list(&mut self, login_type: LoginType, user: Option<UserId>) -> Result<Vec<(ApiKey, String)>, StoreError> {
        self.run(|conn| {
            let mut query = api_keys::table
                .inner_join(users::table.on(users::id.eq(api_keys::user_id)))
                .filter(api_keys::login_type.eq(login_type.as_str()))
                .order((api_keys::created_at, api_keys::id))
                .select((KeyRow::as_select(), users::username))
                .into_boxed();
            if let Some(user) = user {
                query = query.filter(api_keys::user_id.eq(Id(user)));
            }
            let rows: Vec<(KeyRow, String)> = query.load(conn)?;
            let (keys, names): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            Ok(entities(keys)?.into_iter().zip(names).collect())
        })
    }

    fn insert(&mut self, permit: &Permit<action::Create, resource::ApiKey>, key: &ApiKey) -> Result<(), StoreError> {
        self.write(
            permit,
            &permit.kind().id(key.id.as_str()).owner(key.user_id.0),
            Touches::nobody("nobody has used this key yet"),
            |conn| {
                let began_at = key.is_session().then_some(At(key.created_at));
                let row = (KeyRow::from(key), api_keys::began_at.eq(began_at));
                diesel::insert_into(api_keys::table).values(row).execute(conn)?;
                Ok(())
            },
        )
    }

    fn refresh(
        &mut self,
        permit: &Permit<action::Update, resource::ApiKey>,
        key: &ApiKey,
        refresh: KeyRefresh,
        ip: &str,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().id(key.id.as_str()).owner(key.user_id.0), Touches::key(&key.id), |conn| {
            let expiry = Some(At(refresh.expires_at)).into_sql::<Nullable<sql::Instant>>();
            let as_read = api_keys::table
                .find(key.id.as_str())
                .filter(api_keys::secret_digest.eq(Hash(key.secret_digest)))
                .filter(api_keys::expires_at.ge(At(key.expires_at)))
                .filter(api_keys::expires_at.le(At(refresh.expires_at)));
            diesel::update(as_read)
                .set((
                    api_keys::last_used.eq(refresh.last_used.map(At)),
                    api_keys::expires_at.eq(At(refresh.expires_at)),
                    api_keys::purge_at.eq(case_when(api_keys::grant_id.is_null(), expiry)),
                    api_keys::ip.eq(ip),
                    api_keys::updated_at.eq(At(now)),
                    api_keys::unused.eq(false),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    fn mark_used(
        &mut self,
        permit: &Permit<action::Update, resource::ApiKey>,
        uses: &[(ApiKeyId, Digest)],
    ) -> Result<(), StoreError> {
        // No change is told: what is remembered of these keys is as good as before.
        self.write_all(
            permit,
            &permit.kind(),
            Touches::nobody("what is remembered of these keys is as good as before"),
            |conn| {
                for some in uses.chunks(NAMED_AT_ONCE) {
                    let keys = locks::unused_keys_for_update(conn, some)?;
                    diesel::update(api_keys::table.filter(api_keys::id.eq_any(keys)))
                        .set(api_keys::unused.eq(false))
                        .execute(conn)?;
                }
                Ok(())
            },
        )
    }

    fn shorten_tokens(
        &mut self,
        permit: &Permit<action::Update, resource::ApiKey>,
        user: UserId,
        longest: Duration,
        now: Instant,
    ) -> Result<usize, StoreError> {
        let until = At(now.saturating_add(longest));
        self.write(permit, &permit.kind().owner(user.0), Touches::user(user), |conn| {
            let longer = api_keys::table
                .filter(api_keys::user_id.eq(Id(user)))
                .filter(api_keys::login_type.eq(LoginType::Token.as_str()))
                .filter(api_keys::expires_at.gt(until));
            let shortened = diesel::update(longer)
                .set((
                    api_keys::expires_at.eq(until),
                    api_keys::purge_at.eq(Some(until)),
                    api_keys::slides_until.eq(Some(until)),
                    api_keys::lifetime_seconds.eq(longest.whole_seconds()),
                    api_keys::updated_at.eq(At(now)),
                ))
                .execute(conn)?;
            Ok(shortened)
        })
    }

    fn expire(
        &mut self,
        permit: &Permit<action::Update, resource::ApiKey>,
        id: &ApiKeyId,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let (found, _) = self.write_all(permit, &permit.kind().id(id.as_str()), ended(id), |conn| {
            let others = note_end(conn, id)?;
            let alive = api_keys::table.find(id.as_str()).filter(api_keys::expires_at.gt(At(now)));
            let end = Some(At(now)).into_sql::<Nullable<sql::Instant>>();
            let changed = diesel::update(alive)
                .set((
                    api_keys::expires_at.eq(At(now)),
                    api_keys::purge_at.eq(case_when(api_keys::grant_id.is_null(), end)),
                    api_keys::updated_at.eq(At(now)),
                ))
                .execute(conn)?;
            let found = changed > 0 || diesel::select(exists(api_keys::table.find(id.as_str()))).get_result(conn)?;
            Ok((found, others))
        })?;
        Ok(found)
    }

    fn delete(&mut self, permit: &Permit<action::Delete, resource::ApiKey>, id: &ApiKeyId) -> Result<bool, StoreError> {
        let (deleted, _) = self.write_all(permit, &permit.kind().id(id.as_str()), ended(id), |conn| {
            let others = note_end(conn, id)?;
            // The grant first, which takes its key along: in the same order as an exchange of its refresh token.
            let of_key = api_keys::table.find(id.as_str()).filter(api_keys::grant_id.is_not_null());
            let grants =
                oauth2_grants::table.filter(oauth2_grants::id.nullable().eq_any(of_key.select(api_keys::grant_id)));
            let grants = diesel::delete(grants).execute(conn)?;
            Ok((grants + diesel::delete(api_keys::table.find(id.as_str())).execute(conn)? > 0, others))
        })?;
        Ok(deleted)
    }

    fn delete_of_scope(
        &mut self,
        permit: &Permit<action::Delete, resource::ApiKey>,
        user: UserId,
        scope: ScopeName,
    ) -> Result<usize, StoreError> {
        self.write_all(permit, &permit.kind().owner(user.0), Touches::user(user), |conn| {
            let scope = ScopeEntry::from(scope);
            let keys = api_keys::table
                .filter(api_keys::user_id.eq(Id(user)))
                .filter(api_keys::app_id.is_null())
                .filter(api_keys::scopes.eq(scope.key_name()));
            Ok(diesel::delete(keys).execute(conn)?)
        })
    }
}
