//! Failed sign-ins, and places from where users sign in.

use super::Conn;
use super::expiring::Expiring;
use crate::schema::{known_devices, signin_places, signin_throttles};
use crate::touches::Touches;
use crate::types::{At, Hash, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{case_when, exists};
use diesel::prelude::*;
use diesel::upsert::excluded;
use doorward_domain::ids::UserId;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::sessions::{Acquaintance, DEVICES_MAX, PLACE_MEMORY, Throttle, ThrottlePolicy};
use doorward_domain::{Digest, Instant};
use doorward_ports::StoreError;
use doorward_ports::sessions::ThrottleRepository;

/// Failures are forgotten.
pub(super) const EXPIRING: Expiring = Expiring::at("signin_throttles", "key", "forget_at");

/// Places from where a user has not signed in for long are forgotten.
pub(super) const EXPIRING_PLACES: Expiring =
    Expiring::after("signin_places", "(user_id, place)", "last_success", PLACE_MEMORY);

impl ThrottleRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, keys: &[String]) -> Result<Vec<Throttle>, StoreError> {
        self.run(|conn| {
            let rows: Vec<(String, i32, At)> = signin_throttles::table
                .filter(signin_throttles::key.eq_any(keys))
                .select((signin_throttles::key, signin_throttles::failures, signin_throttles::last_failure))
                .load(conn)?;
            let of_key = |wanted: &String| {
                rows.iter().find(|(key, ..)| key == wanted).map_or_else(Throttle::default, |(_, failures, last)| {
                    Throttle { failures: u32::try_from(*failures).unwrap_or(0), last_failure: Some(last.0) }
                })
            };
            Ok(keys.iter().map(of_key).collect())
        })
    }

    fn record_failure(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        keys: &[(String, ThrottlePolicy)],
        now: Instant,
    ) -> Result<(), StoreError> {
        // Always in the same order, so that two servers cannot wait for each other.
        let mut keys: Vec<_> = keys.iter().collect();
        keys.sort_by(|(one, _), (other, _)| one.cmp(other));
        self.write_all(permit, &permit.kind(), Touches::nobody("subjects know no failures"), |conn| {
            for (key, policy) in keys {
                diesel::insert_into(signin_throttles::table)
                    .values((
                        signin_throttles::key.eq(key),
                        signin_throttles::failures.eq(1),
                        signin_throttles::last_failure.eq(At(now)),
                        signin_throttles::forget_at.eq(At(now + policy.memory)),
                    ))
                    .on_conflict(signin_throttles::key)
                    .do_update()
                    .set((
                        signin_throttles::failures.eq(case_when(
                            signin_throttles::last_failure.le(At(now - policy.memory)),
                            excluded(signin_throttles::failures),
                        )
                        .otherwise(signin_throttles::failures + 1)),
                        signin_throttles::last_failure.eq(excluded(signin_throttles::last_failure)),
                        signin_throttles::forget_at.eq(excluded(signin_throttles::forget_at)),
                    ))
                    .execute(conn)?;
            }
            Ok(())
        })
    }

    fn bring_back(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        keys: &[String],
        now: Instant,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody("subjects know no failures"), |conn| {
            let ahead = signin_throttles::table
                .filter(signin_throttles::key.eq_any(keys))
                .filter(signin_throttles::last_failure.gt(At(now)));
            diesel::update(ahead).set(signin_throttles::last_failure.eq(At(now))).execute(conn)?;
            Ok(())
        })
    }

    fn clear(&mut self, permit: &Permit<action::Update, resource::System>, key: &str) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody("subjects know no failures"), |conn| {
            diesel::delete(signin_throttles::table.filter(signin_throttles::key.eq(key))).execute(conn)?;
            Ok(())
        })
    }

    fn knows_place(&mut self, user: UserId, place: &str, since: Instant) -> Result<bool, StoreError> {
        self.run(|conn| {
            let known = signin_places::table.find((Id(user), place)).filter(signin_places::last_success.ge(At(since)));
            Ok(diesel::select(exists(known)).get_result(conn)?)
        })
    }

    fn remember_device(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        user: UserId,
        device: &Digest,
        now: Instant,
    ) -> Result<Acquaintance, StoreError> {
        self.write_all(permit, &permit.kind(), Touches::nobody("subjects know no devices"), |conn| {
            let known = known_devices::table.find((Id(user), Hash(*device)));
            if diesel::update(known).set(known_devices::last_used_at.eq(At(now))).execute(conn)? > 0 {
                return Ok(Acquaintance::Known);
            }
            let others: Vec<Hash> = known_devices::table
                .filter(known_devices::user_id.eq(Id(user)))
                .order((known_devices::last_used_at.desc(), known_devices::digest))
                .select(known_devices::digest)
                .load(conn)?;
            let too_many = usize::try_from(DEVICES_MAX).unwrap_or(usize::MAX) - 1;
            for forgotten in others.iter().skip(too_many) {
                diesel::delete(known_devices::table.find((Id(user), forgotten))).execute(conn)?;
            }
            diesel::insert_into(known_devices::table)
                .values((
                    known_devices::user_id.eq(Id(user)),
                    known_devices::digest.eq(Hash(*device)),
                    known_devices::last_used_at.eq(At(now)),
                ))
                .on_conflict((known_devices::user_id, known_devices::digest))
                .do_nothing()
                .execute(conn)?;
            Ok(if others.is_empty() { Acquaintance::First } else { Acquaintance::New })
        })
    }

    fn remember_place(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        user: UserId,
        place: &str,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody("subjects know no places"), |conn| {
            diesel::insert_into(signin_places::table)
                .values((
                    signin_places::user_id.eq(Id(user)),
                    signin_places::place.eq(place),
                    signin_places::last_success.eq(At(now)),
                ))
                .on_conflict((signin_places::user_id, signin_places::place))
                .do_update()
                .set(signin_places::last_success.eq(excluded(signin_places::last_success)))
                .execute(conn)?;
            Ok(())
        })
    }
}
