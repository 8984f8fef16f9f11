//! Clients that registered themselves.

use super::advisory::Advisory;
use super::one_of::OneOf;
use super::{Conn, locks};
use crate::rows::RegisteredClientRow;
use crate::schema::{oauth2_apps, oauth2_codes, oauth2_grants, oauth2_registered_clients, oauth2_registrations};
use crate::touches::Touches;
use crate::types::{At, Hash, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::{REGISTRATIONS_MAX, RegisteredClient};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::{Digest, Instant};
use doorward_ports::StoreError;
use doorward_ports::registrations::{Idle, RegistrationRepository};
use std::collections::BTreeSet;
use time::Duration;

/// No key depends on how its app came to be.
const WHY: &str = "no remembered subject depends on a registration";

/// The live grants of the client in the row around it.
macro_rules! live_grants {
    ($app:expr, $now:expr) => {
        oauth2_grants::table
            .filter(oauth2_grants::app_id.eq($app))
            .filter(oauth2_grants::refresh_expires_at.gt(At($now)))
            .select(oauth2_grants::id)
    };
}

/// The codes of the client in the row around it of which a grant may still come.
macro_rules! live_codes {
    ($app:expr, $now:expr) => {
        oauth2_codes::table
            .filter(oauth2_codes::app_id.eq($app))
            .filter(oauth2_codes::expires_at.gt(At($now)))
            .select(oauth2_codes::id)
    };
}

impl RegistrationRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, app: AppId) -> Result<Option<RegisteredClient>, StoreError> {
        self.run(|conn| {
            let row: Option<RegisteredClientRow> = oauth2_registered_clients::table
                .find(Id(app))
                .select(RegisteredClientRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(RegisteredClient::from))
        })
    }

    fn find_for_update(&mut self, app: AppId) -> Result<Option<RegisteredClient>, StoreError> {
        self.run(|conn| Ok(locks::registered_client_for_update(conn, app)?.map(RegisteredClient::from)))
    }

    fn adopted_among(&mut self, apps: &[AppId]) -> Result<BTreeSet<AppId>, StoreError> {
        if apps.is_empty() {
            return Ok(BTreeSet::new());
        }
        self.run(|conn| {
            let found: Vec<Id<AppId>> = oauth2_registered_clients::table
                .filter(OneOf::ids("oauth2_registered_clients.app_id", apps.iter().copied()))
                .filter(oauth2_registered_clients::adopted)
                .select(oauth2_registered_clients::app_id)
                .load(conn)?;
            Ok(found.into_iter().map(|Id(app)| app).collect())
        })
    }

    fn among(&mut self, apps: &[AppId]) -> Result<BTreeSet<AppId>, StoreError> {
        if apps.is_empty() {
            return Ok(BTreeSet::new());
        }
        self.run(|conn| {
            let found: Vec<Id<AppId>> = oauth2_registered_clients::table
                .filter(OneOf::ids("oauth2_registered_clients.app_id", apps.iter().copied()))
                .select(oauth2_registered_clients::app_id)
                .load(conn)?;
            Ok(found.into_iter().map(|Id(app)| app).collect())
        })
    }

    fn find_by_identity_for_update(&mut self, identity: &Digest) -> Result<Option<RegisteredClient>, StoreError> {
        self.run(|conn| {
            let known = locks::registered_client_by_identity_for_update(conn, identity)?;
            if let Some(known) = known {
                return Ok(Some(known.into()));
            }
            // Somebody else may be making it.
            Advisory::Registrations.lock(conn)?;
            Ok(locks::registered_client_by_identity_for_update(conn, identity)?.map(RegisteredClient::from))
        })
    }

    fn wait_for_turn(&mut self) -> Result<(), StoreError> {
        self.run(|conn| Ok(Advisory::Registrations.lock(conn)?))
    }

    fn count_new(&mut self, since: Instant, address: &str) -> Result<(usize, usize), StoreError> {
        self.run(|conn| {
            let new = oauth2_registered_clients::table.filter(oauth2_registered_clients::created_at.gt(At(since)));
            let all: i64 = new.count().get_result(conn)?;
            let here: i64 = new.filter(oauth2_registered_clients::created_from.eq(address)).count().get_result(conn)?;
            Ok((usize::try_from(all).unwrap_or(0), usize::try_from(here).unwrap_or(0)))
        })
    }

    fn count_idle(&mut self, now: Instant, enough: usize) -> Result<usize, StoreError> {
        self.run(|conn| {
            let idle: Vec<Id<AppId>> = oauth2_registered_clients::table
                .filter(not(exists(live_grants!(oauth2_registered_clients::app_id, now))))
                .select(oauth2_registered_clients::app_id)
                .limit(i64::try_from(enough).unwrap_or(i64::MAX))
                .load(conn)?;
            Ok(idle.len())
        })
    }

    fn find_replaceable(&mut self, before: Instant, now: Instant) -> Result<Option<AppId>, StoreError> {
        self.run(|conn| {
            let grants = oauth2_grants::table
                .filter(oauth2_grants::app_id.eq(oauth2_registered_clients::app_id))
                .select(oauth2_grants::id);
            let found: Option<Id<AppId>> = oauth2_registered_clients::table
                .filter(oauth2_registered_clients::matched_at.lt(At(before)))
                .filter(oauth2_registered_clients::granted_at.is_null())
                .filter(not(oauth2_registered_clients::adopted))
                .filter(not(exists(grants)))
                .filter(not(exists(live_codes!(oauth2_registered_clients::app_id, now))))
                .order(oauth2_registered_clients::matched_at)
                .select(oauth2_registered_clients::app_id)
                .first(conn)
                .optional()?;
            Ok(found.map(|Id(app)| app))
        })
    }

    fn is_in_use(&mut self, app: AppId, now: Instant) -> Result<bool, StoreError> {
        self.run(|conn| {
            let has_grant: bool = diesel::select(exists(live_grants!(Id(app), now))).get_result(conn)?;
            Ok(has_grant || diesel::select(exists(live_codes!(Id(app), now))).get_result(conn)?)
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2App>,
        client: &RegisteredClient,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().id(client.app_id.0), Touches::nobody(WHY), |conn| {
            diesel::insert_into(oauth2_registered_clients::table)
                .values(RegisteredClientRow::from(client))
                .execute(conn)?;
            Ok(())
        })
    }

    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2App>,
        client: &RegisteredClient,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(client.app_id.0), Touches::nobody(WHY), |conn| {
            let row = oauth2_registered_clients::table.find(Id(client.app_id));
            Ok(diesel::update(row).set(RegisteredClientRow::from(client)).execute(conn)? > 0)
        })
    }

    fn has_token(&mut self, app: AppId, token: &Digest) -> Result<bool, StoreError> {
        self.run(|conn| {
            let known = oauth2_registrations::table
                .find(Hash(*token))
                .filter(oauth2_registrations::app_id.eq(Id(app)))
                .select(oauth2_registrations::app_id);
            Ok(diesel::select(exists(known)).get_result(conn)?)
        })
    }

    fn insert_token(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2App>,
        app: AppId,
        token: &Digest,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.write_all(permit, &permit.kind().id(app.0), Touches::nobody(WHY), |conn| {
            diesel::insert_into(oauth2_registrations::table)
                .values((
                    oauth2_registrations::digest.eq(Hash(*token)),
                    oauth2_registrations::app_id.eq(Id(app)),
                    oauth2_registrations::created_at.eq(At(now)),
                ))
                .execute(conn)?;
            let of_app = oauth2_registrations::table.filter(oauth2_registrations::app_id.eq(Id(app)));
            let oldest_kept: Option<At> = of_app
                .order(oauth2_registrations::created_at.desc())
                .offset(i64::try_from(REGISTRATIONS_MAX - 1).unwrap_or(i64::MAX))
                .select(oauth2_registrations::created_at)
                .first(conn)
                .optional()?;
            if let Some(oldest) = oldest_kept {
                diesel::delete(of_app.filter(oauth2_registrations::created_at.lt(oldest))).execute(conn)?;
            }
            Ok(())
        })
    }

    fn delete_token(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2App>,
        app: AppId,
        token: &Digest,
    ) -> Result<Option<usize>, StoreError> {
        self.write(permit, &permit.kind().id(app.0), Touches::nobody(WHY), |conn| {
            let of_app = oauth2_registrations::table.filter(oauth2_registrations::app_id.eq(Id(app)));
            if diesel::delete(of_app.filter(oauth2_registrations::digest.eq(Hash(*token)))).execute(conn)? == 0 {
                return Ok(None);
            }
            let left: i64 = of_app.count().get_result(conn)?;
            Ok(Some(usize::try_from(left).unwrap_or(0)))
        })
    }

    fn note_grants(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        now: Instant,
    ) -> Result<usize, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(WHY), |conn| {
            let noted = oauth2_registered_clients::granted_at;
            let is_old = noted.is_null().or(noted.lt(Some(At(now - Duration::HOUR))).assume_not_null());
            let granted = oauth2_registered_clients::table
                .filter(is_old)
                .filter(exists(live_grants!(oauth2_registered_clients::app_id, now)));
            Ok(diesel::update(granted).set(noted.eq(Some(At(now)))).execute(conn)?)
        })
    }

    fn delete_idle(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2App>,
        idle: &Idle,
        batch: u32,
    ) -> Result<usize, StoreError> {
        let touches = Touches::nobody("it has no live grant, so nobody acts by a key of it");
        self.write_all(permit, &permit.kind(), touches, |conn| {
            let (granted, matched) = (oauth2_registered_clients::granted_at, oauth2_registered_clients::matched_at);
            let is_unused = granted.is_null().and(matched.lt(At(idle.unused_since)));
            let had_grants = granted.lt(Some(At(idle.idle_since))).assume_not_null();
            let found: Vec<Id<AppId>> = oauth2_registered_clients::table
                .filter(is_unused.or(had_grants.and(matched.lt(At(idle.idle_since)))))
                .filter(not(oauth2_registered_clients::adopted))
                .filter(not(exists(live_grants!(oauth2_registered_clients::app_id, idle.now))))
                .filter(not(exists(live_codes!(oauth2_registered_clients::app_id, idle.now))))
                .order(matched)
                .limit(batch.into())
                .select(oauth2_registered_clients::app_id)
                .load(conn)?;
            let found = OneOf::ids("oauth2_apps.id", found.into_iter().map(|Id(app)| app));
            let candidates = locks::free_apps_for_update(conn, found)?;
            // Whoever was given a grant or a code before the rows were locked is seen now, and nobody is given one after.
            let gone = oauth2_apps::table
                .filter(oauth2_apps::id.eq_any(candidates))
                .filter(not(exists(live_grants!(oauth2_apps::id, idle.now))))
                .filter(not(exists(live_codes!(oauth2_apps::id, idle.now))));
            Ok(diesel::delete(gone).execute(conn)?)
        })
    }
}
