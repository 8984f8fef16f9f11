//! Resources that owners have registered.

use super::Conn;
use crate::schema::resource_servers;
use crate::touches::Touches;
use crate::types::{At, Id, Json};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::ids::ResourceServerId;
use doorward_domain::oauth2::{Resource, ResourceRules, ResourceServer};
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::changes::Change;
use doorward_ports::resource_servers::ResourceServerRepository;

/// Id, identifier, rules, times.
type Row = (Id<ResourceServerId>, String, Json<ResourceRules>, At, At);

/// The columns of a [`Row`].
macro_rules! columns {
    () => {
        (
            resource_servers::id,
            resource_servers::identifier,
            resource_servers::rules,
            resource_servers::created_at,
            resource_servers::updated_at,
        )
    };
}

impl ResourceServerRepository for UnitOfWork<'_, Conn> {
    fn list(&mut self) -> Result<Vec<ResourceServer>, StoreError> {
        self.run(|conn| {
            let rows: Vec<Row> =
                resource_servers::table.order(resource_servers::normal_form).select(columns!()).load(conn)?;
            Ok(rows.into_iter().map(server).collect())
        })
    }

    fn find(&mut self, id: ResourceServerId) -> Result<Option<ResourceServer>, StoreError> {
        self.run(|conn| {
            let row = resource_servers::table.find(Id(id)).select(columns!());
            Ok(row.get_result(conn).optional()?.map(server))
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2App>,
        server: &ResourceServer,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::from(Change::ClientPolicy), |conn| {
            let added = diesel::insert_into(resource_servers::table)
                .values((
                    resource_servers::id.eq(Id(server.id)),
                    resource_servers::identifier.eq(server.identifier.as_str()),
                    resource_servers::normal_form.eq(server.identifier.to_normal_form()),
                    resource_servers::rules.eq(Json(server.rules.clone())),
                    resource_servers::created_at.eq(At(server.created_at)),
                    resource_servers::updated_at.eq(At(server.updated_at)),
                ))
                .on_conflict(resource_servers::normal_form)
                .do_nothing()
                .execute(conn)?;
            Ok(added > 0)
        })
    }

    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2App>,
        server: &ResourceServer,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::from(Change::ClientPolicy), |conn| {
            let changed = diesel::update(resource_servers::table.find(Id(server.id)))
                .set((
                    resource_servers::rules.eq(Json(server.rules.clone())),
                    resource_servers::updated_at.eq(At(server.updated_at)),
                ))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2App>,
        id: ResourceServerId,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::from(Change::ClientPolicy), |conn| {
            Ok(diesel::delete(resource_servers::table.find(Id(id))).execute(conn)? > 0)
        })
    }
}

fn server((Id(id), identifier, Json(rules), At(created_at), At(updated_at)): Row) -> ResourceServer {
    ResourceServer { id, identifier: Resource::from_storage(identifier), rules, created_at, updated_at }
}
