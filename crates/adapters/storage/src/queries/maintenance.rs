//! Cleaning, facts about the deployment, health.

use super::{Conn, counts};
use crate::rows::purge_day;
use crate::schema::{api_keys, oauth2_codes, oauth2_grants, server_keys, signin_places, signin_throttles};
use crate::session::{Kind as _, Session};
use crate::touches::Touches;
use crate::types::{At, Id, sql as types};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use doorward_domain::Instant;
use doorward_domain::ids::{CodeId, GrantId};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::sessions::PLACE_MEMORY;
use doorward_ports::StoreError;
use doorward_ports::maintenance::{MaintenanceRepository, Purged};

/// The row of `server_keys` that is written in order to see whether anything can be.
const READINESS: &str = "readiness";

impl MaintenanceRepository for Session<'_, Conn> {
    fn find_server_key(&mut self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(|conn| Ok(server_keys::table.find(name).select(server_keys::value).get_result(conn).optional()?))
    }

    fn server_key(
        &mut self,
        permit: &Permit<action::Create, resource::CryptoKey>,
        name: &str,
        generated: &[u8],
        now: Instant,
    ) -> Result<Vec<u8>, StoreError> {
        self.write_all(permit, &permit.kind(), Touches::nobody("subjects know no keys of the server"), |conn| {
            diesel::insert_into(server_keys::table)
                .values((
                    server_keys::name.eq(name),
                    server_keys::value.eq(generated),
                    server_keys::created_at.eq(At(now)),
                ))
                .on_conflict(server_keys::name)
                .do_nothing()
                .execute(conn)?;
            Ok(server_keys::table.find(name).select(server_keys::value).get_result(conn)?)
        })
    }

    fn purge(
        &mut self,
        permit: &Permit<action::Delete, resource::System>,
        now: Instant,
        batch: u32,
    ) -> Result<Purged, StoreError> {
        let batch = i64::from(batch);
        // The dead are looked up by an index, and looked at once more where they are deleted: one that was prolonged in
        // between lives on.
        self.write_all(
            permit,
            &permit.kind(),
            Touches::nobody("what has expired counts for nothing, whoever remembers it"),
            |conn| {
                let now = At(now);
                let codes: Vec<Id<CodeId>> = oauth2_codes::table
                    .filter(oauth2_codes::expires_at.le(now))
                    .order(oauth2_codes::expires_at)
                    .limit(batch)
                    .select(oauth2_codes::id)
                    .load(conn)?;
                let codes = diesel::delete(oauth2_codes::table.filter(oauth2_codes::id.eq_any(codes))).execute(conn)?;
                let grants: Vec<Id<GrantId>> = oauth2_grants::table
                    .filter(oauth2_grants::purge_on.le(purge_day(now.0)))
                    .filter(oauth2_grants::refresh_expires_at.le(now))
                    .order(oauth2_grants::purge_on)
                    .limit(batch)
                    .select(oauth2_grants::id)
                    .load(conn)?;
                let grants = oauth2_grants::table
                    .filter(oauth2_grants::id.eq_any(grants))
                    .filter(oauth2_grants::refresh_expires_at.le(now));
                let grants = diesel::delete(grants).execute(conn)?;
                let keys: Vec<String> = api_keys::table
                    .filter(api_keys::purge_at.le(now))
                    .order(api_keys::purge_at)
                    .limit(batch)
                    .select(api_keys::id)
                    .load(conn)?;
                let keys = api_keys::table.filter(api_keys::id.eq_any(keys)).filter(api_keys::purge_at.le(now));
                let keys = diesel::delete(keys).execute(conn)?;
                let throttles: Vec<String> = signin_throttles::table
                    .filter(signin_throttles::forget_at.le(now))
                    .order(signin_throttles::forget_at)
                    .limit(batch)
                    .select(signin_throttles::key)
                    .load(conn)?;
                let throttles = signin_throttles::table
                    .filter(signin_throttles::key.eq_any(throttles))
                    .filter(signin_throttles::forget_at.le(now));
                let throttles = diesel::delete(throttles).execute(conn)?;
                let forgotten = At(now.0 - PLACE_MEMORY);
                let oldest =
                    sql::<Bool>("(user_id, place) IN (SELECT user_id, place FROM signin_places WHERE last_success <= ")
                        .bind::<types::Instant, _>(forgotten)
                        .sql(" ORDER BY last_success LIMIT ")
                        .bind::<BigInt, _>(batch)
                        .sql(")");
                let places = signin_places::table.filter(signin_places::last_success.le(forgotten)).filter(oldest);
                let places = diesel::delete(places).execute(conn)?;
                Ok(Purged { codes, grants, api_keys: keys, throttles, places, audit_logs: 0, crypto_keys: 0 })
            },
        )
    }

    fn renew_counts(&mut self, permit: &Permit<action::Update, resource::System>) -> Result<bool, StoreError> {
        self.write_all(permit, &permit.kind(), Touches::nobody("subjects know no counts"), |conn| {
            Ok(counts::renew(conn)?)
        })
    }

    fn ping(&mut self) -> Result<(), StoreError> {
        self.run(|conn| {
            diesel::select(1.into_sql::<diesel::sql_types::Integer>()).execute(conn)?;
            Ok(())
        })
    }

    fn prove_writable(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody("the row says nothing"), |conn| {
            diesel::insert_into(server_keys::table)
                .values((
                    server_keys::name.eq(READINESS),
                    server_keys::value.eq(&[][..]),
                    server_keys::created_at.eq(At(now)),
                ))
                .on_conflict(server_keys::name)
                .do_update()
                .set(server_keys::created_at.eq(At(now)))
                .execute(conn)?;
            Ok(())
        })
    }

    fn count_grants(&mut self) -> Result<u64, StoreError> {
        self.run(|conn| {
            let count: i64 = oauth2_grants::table.count().get_result(conn)?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
    }
}
