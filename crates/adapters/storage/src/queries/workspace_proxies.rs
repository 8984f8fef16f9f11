//! Workspace proxies.

use super::advisory::Advisory;
use super::{Conn, locks};
use crate::rows::WorkspaceProxyRow;
use crate::schema::workspace_proxies;
use crate::touches::Touches;
use crate::types::{At, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{max, not};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::WorkspaceProxyId;
use doorward_domain::names;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::workspace_proxies::WorkspaceProxy;
use doorward_ports::StoreError;
use doorward_ports::workspace_proxies::WorkspaceProxyRepository;

/// Proxies are asked for their token each time.
const WHY: &str = "no remembered subject depends on a proxy";

impl WorkspaceProxyRepository for UnitOfWork<'_, Conn> {
    fn list(&mut self) -> Result<Vec<WorkspaceProxy>, StoreError> {
        self.run(|conn| {
            let rows: Vec<WorkspaceProxyRow> = workspace_proxies::table
                .filter(not(workspace_proxies::deleted))
                .order(workspace_proxies::region_number)
                .select(WorkspaceProxyRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(WorkspaceProxy::from).collect())
        })
    }

    fn find(&mut self, id: WorkspaceProxyId) -> Result<Option<WorkspaceProxy>, StoreError> {
        self.run(|conn| {
            let row: Option<WorkspaceProxyRow> = workspace_proxies::table
                .find(Id(id))
                .select(WorkspaceProxyRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(WorkspaceProxy::from))
        })
    }

    fn find_for_update(&mut self, id: WorkspaceProxyId) -> Result<Option<WorkspaceProxy>, StoreError> {
        self.run(|conn| Ok(locks::workspace_proxy_for_update(conn, id)?.map(WorkspaceProxy::from)))
    }

    fn find_by_name(&mut self, name: &str) -> Result<Option<WorkspaceProxy>, StoreError> {
        self.run(|conn| {
            let row: Option<WorkspaceProxyRow> = workspace_proxies::table
                .filter(workspace_proxies::name_key.eq(names::key(name)))
                .filter(not(workspace_proxies::deleted))
                .filter(workspace_proxies::name.eq(name))
                .select(WorkspaceProxyRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(WorkspaceProxy::from))
        })
    }

    fn next_region_number(&mut self) -> Result<i32, StoreError> {
        self.run(|conn| {
            Advisory::WorkspaceProxies.lock(conn)?;
            let last: Option<i32> =
                workspace_proxies::table.select(max(workspace_proxies::region_number)).get_result(conn)?;
            Ok(last.unwrap_or(0).saturating_add(1))
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::WorkspaceProxy>,
        proxy: &WorkspaceProxy,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(WHY), |conn| {
            diesel::insert_into(workspace_proxies::table).values(WorkspaceProxyRow::from(proxy)).execute(conn)?;
            Ok(())
        })
    }

    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::WorkspaceProxy>,
        proxy: &WorkspaceProxy,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(proxy.id.0), Touches::nobody(WHY), |conn| {
            let row = workspace_proxies::table.find(Id(proxy.id)).filter(not(workspace_proxies::deleted));
            Ok(diesel::update(row).set(WorkspaceProxyRow::from(proxy)).execute(conn)? > 0)
        })
    }

    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::WorkspaceProxy>,
        id: WorkspaceProxyId,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(id.0), Touches::nobody(WHY), |conn| {
            let row = workspace_proxies::table.find(Id(id)).filter(not(workspace_proxies::deleted));
            let set = (workspace_proxies::deleted.eq(true), workspace_proxies::updated_at.eq(At(now)));
            Ok(diesel::update(row).set(set).execute(conn)? > 0)
        })
    }
}
