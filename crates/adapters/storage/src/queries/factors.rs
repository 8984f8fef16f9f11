//! Second factors.

use super::Conn;
use crate::rows::{ProofRow, TotpRow};
use crate::schema::{recovery_codes, session_proofs, totp_factors};
use crate::touches::Touches;
use crate::types::{At, Hash, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::factors::{Failures, PendingTotp, Proof, Totp};
use doorward_domain::ids::UserId;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::{Digest, Instant};
use doorward_ports::StoreError;
use doorward_ports::factors::FactorRepository;

const NOBODY: &str = "no permission depends on a second factor";

/// Removes what a user proves themselves by beside the password; whether there was anything.
pub(super) fn forget(conn: &mut Conn, user: UserId) -> QueryResult<bool> {
    let codes = diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(Id(user)))).execute(conn)?;
    let apps = diesel::delete(totp_factors::table.find(Id(user))).execute(conn)?;
    Ok(codes + apps > 0)
}

impl FactorRepository for UnitOfWork<'_, Conn> {
    fn find_totp(&mut self, user: UserId) -> Result<Option<Totp>, StoreError> {
        self.run(|conn| {
            let row = totp_factors::table.find(Id(user)).select(TotpRow::as_select());
            Ok(row.get_result(conn).optional()?.map(Totp::from))
        })
    }

    fn begin_totp(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        pending: &PendingTotp,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().id(user.0).owner(user.0), Touches::nobody(NOBODY), |conn| {
            let (sealed, until) = (Some(pending.sealed.expose().as_slice()), Some(At(pending.expires_at)));
            diesel::insert_into(totp_factors::table)
                .values((
                    totp_factors::user_id.eq(Id(user)),
                    totp_factors::last_step.eq(0),
                    totp_factors::failures.eq(0),
                    totp_factors::pending.eq(sealed),
                    totp_factors::pending_until.eq(until),
                ))
                .on_conflict(totp_factors::user_id)
                .do_update()
                .set((totp_factors::pending.eq(sealed), totp_factors::pending_until.eq(until)))
                .execute(conn)?;
            Ok(())
        })
    }

    fn confirm_totp(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        pending: &PendingTotp,
        step: i64,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(user.0).owner(user.0), Touches::nobody(NOBODY), |conn| {
            let sealed = Some(pending.sealed.expose().as_slice());
            let same = totp_factors::table.find(Id(user)).filter(totp_factors::pending.eq(sealed));
            let confirmed = diesel::update(same)
                .set((
                    totp_factors::secret.eq(sealed),
                    totp_factors::confirmed_at.eq(Some(At(now))),
                    totp_factors::last_step.eq(step),
                    totp_factors::pending.eq(None::<Vec<u8>>),
                    totp_factors::pending_until.eq(None::<At>),
                    totp_factors::failures.eq(0),
                    totp_factors::failures_since.eq(None::<At>),
                    totp_factors::locked_at.eq(None::<At>),
                ))
                .execute(conn)?;
            Ok(confirmed > 0)
        })
    }

    fn use_step(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        step: i64,
        resealed: Option<Vec<u8>>,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(user.0).owner(user.0), Touches::nobody(NOBODY), |conn| {
            // `None` leaves the column as it is.
            let secret = resealed.map(|sealed| totp_factors::secret.eq(Some(sealed)));
            let unused = totp_factors::table.find(Id(user)).filter(totp_factors::last_step.lt(step));
            let rows = diesel::update(unused)
                .set((
                    totp_factors::last_step.eq(step),
                    totp_factors::failures.eq(0),
                    totp_factors::failures_since.eq(None::<At>),
                    secret,
                ))
                .execute(conn)?;
            Ok(rows > 0)
        })
    }

    fn update_failures(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        failures: Failures,
        locked_at: Option<Instant>,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().id(user.0).owner(user.0), Touches::nobody(NOBODY), |conn| {
            diesel::update(totp_factors::table.find(Id(user)))
                .set((
                    totp_factors::failures.eq(failures.count),
                    totp_factors::failures_since.eq(failures.since.map(At)),
                    totp_factors::locked_at.eq(locked_at.map(At)),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    fn delete(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
    ) -> Result<bool, StoreError> {
        self.write_all(permit, &permit.kind().id(user.0).owner(user.0), Touches::nobody(NOBODY), |conn| {
            Ok(forget(conn, user)?)
        })
    }

    fn count_recovery_codes(&mut self, user: UserId) -> Result<i64, StoreError> {
        self.run(|conn| {
            let codes = recovery_codes::table.filter(recovery_codes::user_id.eq(Id(user)));
            Ok(codes.count().get_result(conn)?)
        })
    }

    fn replace_recovery_codes(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        codes: &[Digest],
    ) -> Result<(), StoreError> {
        self.write_all(permit, &permit.kind().id(user.0).owner(user.0), Touches::nobody(NOBODY), |conn| {
            diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(Id(user)))).execute(conn)?;
            for code in codes {
                let row = (recovery_codes::user_id.eq(Id(user)), recovery_codes::digest.eq(Hash(*code)));
                diesel::insert_into(recovery_codes::table).values(row).execute(conn)?;
            }
            Ok(())
        })
    }

    fn use_recovery_code(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        code: &Digest,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(user.0).owner(user.0), Touches::nobody(NOBODY), |conn| {
            Ok(diesel::delete(recovery_codes::table.find((Id(user), Hash(*code)))).execute(conn)? > 0)
        })
    }

    fn find_proof(&mut self, key: &ApiKeyId) -> Result<Option<Proof>, StoreError> {
        self.run(|conn| {
            let row = session_proofs::table.find(key.as_str()).select(ProofRow::as_select());
            let row: Option<ProofRow> = row.get_result(conn).optional()?;
            Ok(row.map(Proof::try_from).transpose()?)
        })
    }

    fn upsert_proof(
        &mut self,
        permit: &Permit<action::Create, resource::ApiKey>,
        proof: &Proof,
    ) -> Result<(), StoreError> {
        let why = "no permission depends on what a session is worth";
        self.write(permit, &permit.kind(), Touches::nobody(why), |conn| {
            diesel::insert_into(session_proofs::table)
                .values(ProofRow::from(proof))
                .on_conflict(session_proofs::key_id)
                .do_update()
                .set(ProofRow::from(proof))
                .execute(conn)?;
            Ok(())
        })
    }
}
