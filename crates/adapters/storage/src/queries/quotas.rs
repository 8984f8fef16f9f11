//! What users spend and may spend.

use super::Conn;
use super::workspace_views::is_latest;
use crate::schema::{effective_members, groups, organization_members, workspace_builds, workspaces};
use crate::types::Id;
use crate::unit_of_work::UnitOfWork;
use diesel::dsl::{exists, not, sum};
use diesel::prelude::*;
use doorward_domain::ids::{OrganizationId, UserId, WorkspaceId};
use doorward_ports::StoreError;
use doorward_ports::quotas::QuotaRepository;

impl QuotaRepository for UnitOfWork<'_, Conn> {
    fn consumed(
        &mut self,
        owner: UserId,
        organization: OrganizationId,
        except: Option<WorkspaceId>,
    ) -> Result<i64, StoreError> {
        // No workspace has the id of zeroes.
        let except = except.unwrap_or(WorkspaceId::NIL);
        self.run(|conn| {
            let total: Option<i64> = workspaces::table
                .inner_join(workspace_builds::table.on(workspace_builds::workspace_id.eq(workspaces::id)))
                .filter(workspaces::owner_id.eq(Id(owner)))
                .filter(workspaces::organization_id.eq(Id(organization)))
                .filter(not(workspaces::deleted))
                .filter(workspaces::id.ne(Id(except)))
                .filter(is_latest!())
                .select(sum(workspace_builds::daily_cost))
                .get_result(conn)?;
            Ok(total.unwrap_or(0))
        })
    }

    fn budget(&mut self, user: UserId, organization: OrganizationId) -> Result<i64, StoreError> {
        self.run(|conn| {
            let is_member = organization_members::table.find((Id(organization), Id(user)));
            let is_in_group = effective_members::table
                .filter(effective_members::group_id.eq(groups::id))
                .filter(effective_members::user_id.eq(Id(user)));
            // The group Everyone has the id of its organization.
            let everyone = groups::id.eq(groups::organization_id).and(exists(is_member));
            let total: Option<i64> = groups::table
                .filter(groups::organization_id.eq(Id(organization)))
                .filter(everyone.or(exists(is_in_group)))
                .select(sum(groups::quota_allowance))
                .get_result(conn)?;
            Ok(total.unwrap_or(0))
        })
    }
}
