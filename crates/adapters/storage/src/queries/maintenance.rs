//! Cleaning, facts about the deployment, health.

use super::expiring::Expiring;
use super::{
    Conn, client_keys, codes, counts, device_authorizations, files, grants, inbox, initial_tokens, notifications,
    passcodes, provisioner_jobs, provisioners, pushed_requests, replays, replicas, room, sessions, throttles,
};
use crate::error::Error;
use crate::known::Room;
use crate::schema::{oauth2_grants, server_keys};
use crate::touches::Touches;
use crate::types::At;
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::maintenance::{MaintenanceRepository, Purged};

/// All tables whose rows die by themselves. A grant takes its access token along.
const EXPIRING: &[Expiring] = &[
    codes::EXPIRING,
    device_authorizations::EXPIRING,
    grants::EXPIRING,
    sessions::EXPIRING,
    throttles::EXPIRING,
    throttles::EXPIRING_PLACES,
    replays::EXPIRING,
    provisioners::EXPIRING,
    // Trials before files, of which they are made.
    provisioner_jobs::EXPIRING,
    provisioner_jobs::EXPIRING_LOGS,
    files::EXPIRING,
    replicas::EXPIRING,
    notifications::EXPIRING,
    inbox::EXPIRING,
    initial_tokens::EXPIRING,
    passcodes::EXPIRING,
    pushed_requests::EXPIRING,
    client_keys::EXPIRING,
];

/// The row of `server_keys` that is written in order to see whether anything can be.
const READINESS: &str = "readiness";

impl MaintenanceRepository for UnitOfWork<'_, Conn> {
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
        self.write_all(
            permit,
            &permit.kind(),
            Touches::nobody("what has expired counts for nothing, whoever remembers it"),
            |conn| {
                let purge = |expiring: &Expiring| Ok((expiring.table, expiring.purge(conn, now, batch)?));
                Ok(Purged(EXPIRING.iter().map(purge).collect::<QueryResult<_>>()?))
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
            let _one: i32 = diesel::select(1.into_sql::<diesel::sql_types::Integer>()).get_result(conn)?;
            Ok(())
        })
    }

    fn prove_writable(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        now: Instant,
    ) -> Result<(), StoreError> {
        // The row is written where it stands, also on a full disk.
        let known = self.room();
        self.write(permit, &permit.kind(), Touches::nobody("the row says nothing"), |conn| {
            if known != Room::Enough {
                room::prove(conn)?;
            }
            if known == Room::Lacking {
                return Err(Error::NoRoom);
            }
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
        })?;
        if known == Room::Doubtful {
            self.found_room();
        }
        Ok(())
    }

    fn count_grants(&mut self) -> Result<u64, StoreError> {
        self.run(|conn| {
            let count: i64 = oauth2_grants::table.count().get_result(conn)?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
    }
}
