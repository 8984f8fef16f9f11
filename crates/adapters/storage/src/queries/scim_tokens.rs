//! Tokens of the directories of organizations.

use super::Conn;
use crate::rows::ScimTokenRow;
use crate::schema::{organizations, scim_tokens};
use crate::touches::Touches;
use crate::types::{At, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::not;
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::{OrganizationId, ScimTokenId};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::scim::ScimToken;
use doorward_ports::StoreError;
use doorward_ports::scim::ScimTokenRepository;

/// Directories are asked for their token each time.
const WHY: &str = "no remembered subject depends on the token of a directory";

/// A token of an organization, for changing it.
macro_rules! mine {
    ($organization:expr, $id:expr) => {
        scim_tokens::table.find(Id($id)).filter(scim_tokens::organization_id.eq(Id($organization)))
    };
}

impl ScimTokenRepository for UnitOfWork<'_, Conn> {
    fn list(&mut self, organization: OrganizationId) -> Result<Vec<ScimToken>, StoreError> {
        self.run(|conn| {
            let rows: Vec<ScimTokenRow> = scim_tokens::table
                .filter(scim_tokens::organization_id.eq(Id(organization)))
                .order(scim_tokens::id)
                .select(ScimTokenRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(ScimToken::from).collect())
        })
    }

    fn find_by_prefix(&mut self, prefix: &str) -> Result<Option<ScimToken>, StoreError> {
        self.run(|conn| {
            let row: Option<ScimTokenRow> = scim_tokens::table
                .inner_join(organizations::table.on(organizations::id.eq(scim_tokens::organization_id)))
                .filter(scim_tokens::prefix.eq(prefix))
                .filter(not(organizations::deleted))
                .select(ScimTokenRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(ScimToken::from))
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Update, resource::IdpsyncSettings>,
        token: &ScimToken,
    ) -> Result<(), StoreError> {
        let about = permit.kind().organization(token.organization_id.0);
        self.write(permit, &about, Touches::nobody(WHY), |conn| {
            diesel::insert_into(scim_tokens::table).values(ScimTokenRow::from(token)).execute(conn)?;
            Ok(())
        })
    }

    fn expire(
        &mut self,
        permit: &Permit<action::Update, resource::IdpsyncSettings>,
        organization: OrganizationId,
        id: ScimTokenId,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let about = permit.kind().organization(organization.0);
        self.write(permit, &about, Touches::nobody(WHY), |conn| {
            let set = scim_tokens::expires_at.eq(Some(At(at)));
            Ok(diesel::update(mine!(organization, id)).set(set).execute(conn)? > 0)
        })
    }

    fn delete(
        &mut self,
        permit: &Permit<action::Update, resource::IdpsyncSettings>,
        organization: OrganizationId,
        id: ScimTokenId,
    ) -> Result<bool, StoreError> {
        let about = permit.kind().organization(organization.0);
        self.write(permit, &about, Touches::nobody(WHY), |conn| {
            Ok(diesel::delete(mine!(organization, id)).execute(conn)? > 0)
        })
    }

    fn touch(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        id: ScimTokenId,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(WHY), |conn| {
            diesel::update(scim_tokens::table.find(Id(id)))
                .set(scim_tokens::last_used_at.eq(Some(At(now))))
                .execute(conn)?;
            Ok(())
        })
    }
}
