//! The servers of the deployment and of its workspace proxies, by the clock of the database.

use super::Conn;
use super::clock::{later, micros};
use super::expiring::Expiring;
use crate::rows::ReplicaRow;
use crate::schema::replicas;
use crate::touches::Touches;
use crate::types::Id;
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::ids::{ReplicaId, WorkspaceProxyId};
use doorward_domain::replicas::{Heartbeat, Replica};
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::replicas::ReplicaRepository;
use time::Duration;

/// Whoever has not been heard of for so long is gone, and nobody asks for it any more.
pub(super) const EXPIRING: Expiring = Expiring::after("replicas", "id", "updated_at", Duration::minutes(30));

const NOBODY: &str = "subjects know no servers";

/// The row of a replica of this proxy that has not ended, for changing it.
macro_rules! living {
    ($id:expr, $proxy:expr) => {
        replicas::table.find(Id($id)).filter(replicas::stopped_at.is_null()).filter(replicas::proxy_id.eq(of($proxy)))
    };
}

/// The proxy, as it is stored; that of zeroes is the deployment itself.
fn of(proxy: Option<WorkspaceProxyId>) -> Id<WorkspaceProxyId> {
    Id(proxy.unwrap_or(WorkspaceProxyId::NIL))
}

impl ReplicaRepository for UnitOfWork<'_, Conn> {
    fn beat(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        beat: &Heartbeat,
    ) -> Result<bool, StoreError> {
        self.write_all(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let said = || {
                (
                    replicas::hostname.eq(&beat.hostname),
                    replicas::region_id.eq(beat.region_id),
                    replicas::relay_address.eq(&beat.relay_address),
                    replicas::version.eq(&beat.version),
                    replicas::database_latency.eq(micros(beat.database_latency)),
                    replicas::updated_at.eq(later(Duration::ZERO)),
                )
            };
            let renewed = diesel::update(living!(beat.id, beat.proxy_id))
                .set((said(), replicas::error.eq(&beat.error)))
                .execute(conn)?;
            if renewed > 0 {
                return Ok(true);
            }
            let made = diesel::insert_into(replicas::table)
                .values((
                    replicas::id.eq(Id(beat.id)),
                    replicas::proxy_id.eq(of(beat.proxy_id)),
                    replicas::created_at.eq(later(Duration::ZERO)),
                    replicas::started_at.eq(later(Duration::ZERO)),
                    said(),
                    replicas::error.eq(""),
                ))
                .on_conflict(replicas::id)
                .do_nothing()
                .execute(conn)?;
            Ok(made > 0)
        })
    }

    fn stop(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        proxy: Option<WorkspaceProxyId>,
        id: ReplicaId,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let stopped = diesel::update(living!(id, proxy))
                .set((
                    replicas::stopped_at.eq(later(Duration::ZERO).nullable()),
                    replicas::updated_at.eq(later(Duration::ZERO)),
                    replicas::database_latency.eq(0),
                ))
                .execute(conn)?;
            Ok(stopped > 0)
        })
    }

    fn find(&mut self, id: ReplicaId) -> Result<Option<Replica>, StoreError> {
        self.run(|conn| {
            let row: Option<ReplicaRow> =
                replicas::table.find(Id(id)).select(ReplicaRow::as_select()).get_result(conn).optional()?;
            Ok(row.map(Replica::from))
        })
    }

    fn list_live(&mut self, within: Duration) -> Result<Vec<Replica>, StoreError> {
        self.run(|conn| {
            let rows: Vec<ReplicaRow> = replicas::table
                .filter(replicas::updated_at.gt(later(-within)))
                .filter(replicas::stopped_at.is_null())
                .order((replicas::created_at, replicas::id))
                .select(ReplicaRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(Replica::from).collect())
        })
    }
}
