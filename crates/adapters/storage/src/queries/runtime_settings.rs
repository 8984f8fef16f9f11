//! Settings that people change while the server runs.

use super::Conn;
use super::advisory::Advisory;
use super::one_of::OneOf;
use crate::schema::runtime_settings;
use crate::touches::Touches;
use crate::types::Id;
use crate::unit_of_work::UnitOfWork;
use diesel::prelude::*;
use doorward_domain::ids::OrganizationId;
use doorward_domain::oauth2::BlockList;
use doorward_domain::runtime_settings::RuntimeSetting as _;
use doorward_ports::StoreError;
use doorward_ports::changes::Change;
use doorward_ports::runtime_settings::{RuntimeSettingRepository, SettingChange, StoredSetting};

/// Settings of the deployment stand beside those of organizations; no organization has the id of zeroes.
fn place(organization: Option<OrganizationId>) -> Id<OrganizationId> {
    Id(organization.unwrap_or(OrganizationId::NIL))
}

fn find(conn: &mut Conn, name: &str, organization: Option<OrganizationId>) -> QueryResult<Option<String>> {
    let row = runtime_settings::table.find((name, place(organization)));
    row.select(runtime_settings::document).get_result(conn).optional()
}

impl RuntimeSettingRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, name: &str, organization: Option<OrganizationId>) -> Result<Option<String>, StoreError> {
        self.run(|conn| Ok(find(conn, name, organization)?))
    }

    fn list(
        &mut self,
        names: &[&'static str],
        organizations: &[OrganizationId],
    ) -> Result<Vec<StoredSetting>, StoreError> {
        if names.is_empty() || organizations.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|conn| {
            let rows: Vec<(String, Id<OrganizationId>, String)> = runtime_settings::table
                .filter(OneOf::texts("runtime_settings.name", names.iter().copied()))
                .filter(OneOf::ids("runtime_settings.organization_id", organizations.iter().copied()))
                .select((runtime_settings::name, runtime_settings::organization_id, runtime_settings::document))
                .load(conn)?;
            let stored = |(name, Id(organization), document)| StoredSetting { name, organization, document };
            Ok(rows.into_iter().map(stored).collect())
        })
    }

    fn find_for_update(
        &mut self,
        name: &str,
        organization: Option<OrganizationId>,
    ) -> Result<Option<String>, StoreError> {
        self.run(|conn| {
            // A row that is not there yet cannot be locked.
            Advisory::RuntimeSettings.lock(conn)?;
            Ok(find(conn, name, organization)?)
        })
    }

    fn update(&mut self, change: &SettingChange) -> Result<(), StoreError> {
        // What is blocked is remembered; see `Change::ClientPolicy`.
        let touches = if change.name() == BlockList::NAME {
            Touches::from(Change::ClientPolicy)
        } else {
            Touches::nobody("no permission depends on these settings")
        };
        self.write_permitted(touches, |conn| {
            diesel::insert_into(runtime_settings::table)
                .values((
                    runtime_settings::name.eq(change.name()),
                    runtime_settings::organization_id.eq(place(change.organization())),
                    runtime_settings::document.eq(change.document()),
                ))
                .on_conflict((runtime_settings::name, runtime_settings::organization_id))
                .do_update()
                .set(runtime_settings::document.eq(change.document()))
                .execute(conn)?;
            Ok(())
        })
    }
}
