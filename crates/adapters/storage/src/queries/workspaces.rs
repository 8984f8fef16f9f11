//! Workspaces and their builds.

use super::one_of::OneOf;
use super::user_lists::containing;
use super::visible::{Columns, Lists, Visible};
use super::workspace_views::{ShownBuild, build_views, is_latest, shown_builds, views};
use super::{Conn, locks};
use crate::error::{Error, RowError};
use crate::rows::{BuildRow, WorkspaceRow};
use crate::schema::{templates, workspace_build_inputs, workspace_builds, workspaces};
use crate::touches::Touches;
use crate::types::{At, Id, Json};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{count_star, not};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::{BuildId, OrganizationId, TemplateId, UserId, WorkspaceId};
use doorward_domain::names;
use doorward_domain::page::Page;
use doorward_domain::roles::{ListFilter, Permit, action, resource};
use doorward_domain::workspaces::{Build, Outcome, Transition, Workspace, WorkspaceFilter};
use doorward_ports::workspaces::{BuildView, LastBuilds, WorkspacePage, WorkspaceRepository, WorkspaceView};
use doorward_ports::{Conflict, StoreError};
use std::collections::BTreeMap;

type Backend = <Conn as Connection>::Backend;
type Query<'a> = workspaces::BoxedQuery<'a, Backend>;

/// A workspace belongs to a user and to an organization, and has no access lists.
const COLUMNS: Columns = Columns {
    id: "workspaces.id",
    organization: Some("workspaces.organization_id"),
    owner: Some("workspaces.owner_id"),
    lists: Lists::None,
};

const NO_WORKSPACES: &str = "subjects know no workspaces";

impl WorkspaceRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, id: WorkspaceId) -> Result<Option<Workspace>, StoreError> {
        Ok(WorkspaceRepository::find_with_deleted(self, id)?.filter(|workspace| !workspace.deleted))
    }

    fn find_with_deleted(&mut self, id: WorkspaceId) -> Result<Option<Workspace>, StoreError> {
        self.run(|conn| {
            let row = workspaces::table.find(Id(id)).select(WorkspaceRow::as_select()).get_result(conn).optional()?;
            Ok(row.map(Workspace::from))
        })
    }

    fn find_for_update(&mut self, id: WorkspaceId) -> Result<Option<Workspace>, StoreError> {
        self.run(|conn| Ok(locks::workspace_for_update(conn, id)?.map(Workspace::from)))
    }

    fn find_by_name(
        &mut self,
        owner: UserId,
        key: &str,
        include_deleted: bool,
    ) -> Result<Option<WorkspaceId>, StoreError> {
        self.run(|conn| {
            let living = workspaces::table
                .filter(workspaces::owner_id.eq(Id(owner)))
                .filter(workspaces::name_key.eq(key))
                .filter(not(workspaces::deleted))
                .select(workspaces::id);
            let found: Option<Id<WorkspaceId>> = living.get_result(conn).optional()?;
            if found.is_some() || !include_deleted {
                return Ok(found.map(|id| id.0));
            }
            let gone = workspaces::table
                .filter(workspaces::owner_id.eq(Id(owner)))
                .filter(workspaces::name_key.eq(key))
                .order((workspaces::created_at.desc(), workspaces::id.desc()))
                .select(workspaces::id);
            let gone: Option<Id<WorkspaceId>> = gone.first(conn).optional()?;
            Ok(gone.map(|id| id.0))
        })
    }

    fn view(&mut self, id: WorkspaceId) -> Result<Option<WorkspaceView>, StoreError> {
        self.run(|conn| {
            let row = workspaces::table.find(Id(id)).select(WorkspaceRow::as_select()).get_result(conn).optional()?;
            Ok(views(conn, row.into_iter().collect())?.pop())
        })
    }

    fn list(
        &mut self,
        filter: &WorkspaceFilter,
        visible: &ListFilter,
        page: Page,
    ) -> Result<WorkspacePage, StoreError> {
        self.run(|conn| {
            let Some(rows) = matching(filter, visible) else { return Ok(WorkspacePage::default()) };
            let Some(count) = matching(filter, visible) else { return Ok(WorkspacePage::default()) };
            let rows = rows
                .order((workspaces::name_key, workspaces::id))
                .offset(page.offset.into())
                // SQLite takes no offset without a limit.
                .limit(page.limit.map_or(i64::MAX, i64::from))
                .select(WorkspaceRow::as_select())
                .load(conn)?;
            let count: i64 = count.count().get_result(conn)?;
            Ok(WorkspacePage { workspaces: views(conn, rows)?, count: u64::try_from(count).unwrap_or(0) })
        })
    }

    fn count_of_owner(&mut self, owner: UserId) -> Result<u64, StoreError> {
        self.run(|conn| {
            let living = workspaces::table.filter(workspaces::owner_id.eq(Id(owner))).filter(not(workspaces::deleted));
            count(living.count().get_result(conn))
        })
    }

    fn count_of_template(&mut self, template: TemplateId) -> Result<u64, StoreError> {
        self.run(|conn| {
            let living =
                workspaces::table.filter(workspaces::template_id.eq(Id(template))).filter(not(workspaces::deleted));
            count(living.count().get_result(conn))
        })
    }

    fn count_in(&mut self, organization: OrganizationId) -> Result<u64, StoreError> {
        self.run(|conn| {
            let living = workspaces::table
                .filter(workspaces::organization_id.eq(Id(organization)))
                .filter(not(workspaces::deleted));
            count(living.count().get_result(conn))
        })
    }

    fn count_by_last_build(&mut self) -> Result<Vec<LastBuilds>, StoreError> {
        self.run(|conn| {
            let built: Vec<(String, String, i64)> = workspaces::table
                .inner_join(workspace_builds::table.on(workspace_builds::workspace_id.eq(workspaces::id)))
                .filter(not(workspaces::deleted))
                .filter(is_latest!())
                .group_by((workspace_builds::transition, workspace_builds::outcome))
                .order((workspace_builds::transition, workspace_builds::outcome))
                .select((workspace_builds::transition, workspace_builds::outcome, count_star()))
                .load(conn)?;
            let living = count(workspaces::table.filter(not(workspaces::deleted)).count().get_result(conn))?;
            let mut counted = Vec::with_capacity(built.len() + 1);
            let mut unbuilt = living;
            for (transition, outcome, number) in built {
                let bad = |column| RowError::new("workspace_builds", column, "(counted)");
                let transition = transition.parse().map_err(|cause| bad("transition").because(cause))?;
                let outcome = outcome.parse().map_err(|cause| bad("outcome").because(cause))?;
                let number = count(Ok(number))?;
                unbuilt = unbuilt.saturating_sub(number);
                counted.push(LastBuilds { build: Some((transition, outcome)), workspaces: number });
            }
            counted.push(LastBuilds { build: None, workspaces: unbuilt });
            Ok(counted)
        })
    }

    fn latest_build(&mut self, id: WorkspaceId) -> Result<Option<Build>, StoreError> {
        self.run(|conn| {
            let row = workspace_builds::table
                .filter(workspace_builds::workspace_id.eq(Id(id)))
                .filter(is_latest!())
                .select(BuildRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(Build::try_from).transpose()?)
        })
    }

    fn find_build(&mut self, id: BuildId) -> Result<Option<Build>, StoreError> {
        self.run(|conn| {
            let row = workspace_builds::table.find(Id(id)).select(BuildRow::as_select()).get_result(conn).optional()?;
            Ok(row.map(Build::try_from).transpose()?)
        })
    }

    fn view_build(&mut self, id: BuildId) -> Result<Option<BuildView>, StoreError> {
        self.run(|conn| {
            let row = shown_builds!().filter(workspace_builds::id.eq(Id(id))).get_result(conn).optional()?;
            Ok(build_views(conn, row.into_iter().collect())?.pop())
        })
    }

    fn view_build_by_number(&mut self, id: WorkspaceId, number: i32) -> Result<Option<BuildView>, StoreError> {
        self.run(|conn| {
            let row = shown_builds!()
                .filter(workspace_builds::workspace_id.eq(Id(id)))
                .filter(workspace_builds::build_number.eq(number))
                .get_result(conn)
                .optional()?;
            Ok(build_views(conn, row.into_iter().collect())?.pop())
        })
    }

    fn build_parameters(&mut self, id: BuildId) -> Result<Option<BTreeMap<String, String>>, StoreError> {
        self.run(|conn| {
            let input = workspace_build_inputs::table.find(Id(id)).select(workspace_build_inputs::parameters);
            let found: Option<Json<BTreeMap<String, String>>> = input.get_result(conn).optional()?;
            Ok(found.map(|parameters| parameters.0))
        })
    }

    fn build_state(&mut self, id: BuildId) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(|conn| {
            let input = workspace_build_inputs::table.find(Id(id)).select(workspace_build_inputs::state);
            Ok(input.get_result::<Option<Vec<u8>>>(conn).optional()?.flatten())
        })
    }

    fn list_builds(&mut self, id: WorkspaceId, page: Page) -> Result<Vec<BuildView>, StoreError> {
        self.run(|conn| {
            let rows: Vec<ShownBuild> = shown_builds!()
                .filter(workspace_builds::workspace_id.eq(Id(id)))
                .order(workspace_builds::build_number.desc())
                .offset(page.offset.into())
                .limit(page.limit.map_or(i64::MAX, i64::from))
                .load(conn)?;
            build_views(conn, rows)
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Workspace>,
        workspace: &Workspace,
    ) -> Result<(), StoreError> {
        self.write_all(
            permit,
            &permit.kind().id(workspace.id.0).owner(workspace.owner_id.0).organization(workspace.organization_id.0),
            Touches::nobody("subjects know no workspaces"),
            |conn| {
                if !locks::organization_for_key_share(conn, workspace.organization_id)? {
                    return Err(Error::Conflict(Conflict::OrganizationDeleted));
                }
                diesel::insert_into(workspaces::table).values(WorkspaceRow::from(workspace)).execute(conn)?;
                Ok(())
            },
        )
    }

    fn update_dormancy(
        &mut self,
        permit: &Permit<action::Update, resource::Workspace>,
        id: WorkspaceId,
        dormant_at: Option<Instant>,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(id.0), Touches::nobody("subjects know no workspaces"), |conn| {
            let changed = diesel::update(workspaces::table.find(Id(id)).filter(not(workspaces::deleted)))
                .set((workspaces::dormant_at.eq(dormant_at.map(At)), workspaces::updated_at.eq(At(now))))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn touch(
        &mut self,
        permit: &Permit<action::Update, resource::Workspace>,
        ids: &[WorkspaceId],
        now: Instant,
    ) -> Result<usize, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody("subjects know no workspaces"), |conn| {
            let used = workspaces::table
                .filter(OneOf::ids("workspaces.id", ids.iter().copied()))
                .filter(not(workspaces::deleted))
                .filter(workspaces::last_used_at.lt(At(now)));
            Ok(diesel::update(used).set(workspaces::last_used_at.eq(At(now))).execute(conn)?)
        })
    }

    fn insert_build(
        &mut self,
        permit: &Permit<action::Update, resource::Workspace>,
        build: &Build,
    ) -> Result<bool, StoreError> {
        let about = permit.kind().id(build.workspace_id.0);
        self.write_all(permit, &about, Touches::nobody(NO_WORKSPACES), |conn| {
            let changed = change_workspace(conn, build, build.created_at)?;
            if changed > 0 {
                diesel::insert_into(workspace_builds::table).values(BuildRow::from(build)).execute(conn)?;
            }
            Ok(changed > 0)
        })
    }

    fn insert_build_input(
        &mut self,
        permit: &Permit<action::Update, resource::Workspace>,
        build: &Build,
        parameters: &BTreeMap<String, String>,
        state: Option<Vec<u8>>,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(build.workspace_id.0), Touches::nobody(NO_WORKSPACES), |conn| {
            let made = diesel::insert_into(workspace_build_inputs::table)
                .values((
                    workspace_build_inputs::build_id.eq(Id(build.id)),
                    workspace_build_inputs::parameters.eq(Json(parameters.clone())),
                    workspace_build_inputs::state.eq(state),
                ))
                .execute(conn)?;
            Ok(made > 0)
        })
    }

    fn update_build_state(
        &mut self,
        permit: &Permit<action::Update, resource::Workspace>,
        build: &Build,
        state: &[u8],
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(build.workspace_id.0), Touches::nobody(NO_WORKSPACES), |conn| {
            let input = workspace_build_inputs::table.find(Id(build.id));
            Ok(diesel::update(input).set(workspace_build_inputs::state.eq(state)).execute(conn)? > 0)
        })
    }

    fn update_build(
        &mut self,
        permit: &Permit<action::Update, resource::Workspace>,
        build: &Build,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let about = permit.kind().id(build.workspace_id.0);
        self.write_all(permit, &about, Touches::nobody(NO_WORKSPACES), |conn| {
            if change_workspace(conn, build, now)? == 0 {
                return Ok(false);
            }
            let changed = diesel::update(workspace_builds::table.find(Id(build.id)))
                .set((
                    workspace_builds::outcome.eq(build.outcome.as_str()),
                    workspace_builds::error.eq(&build.error),
                    workspace_builds::daily_cost.eq(build.daily_cost),
                ))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }
}

/// Changes the workspace of a build as its outcome has it; of how many that is true.
fn change_workspace(conn: &mut Conn, build: &Build, now: Instant) -> QueryResult<usize> {
    let done = |transition| build.outcome == Outcome::Succeeded && build.transition == transition;
    let used = done(Transition::Start).then(|| workspaces::last_used_at.eq(At(now)));
    let gone = workspaces::deleted.eq(done(Transition::Delete));
    let workspace = workspaces::table.find(Id(build.workspace_id)).filter(not(workspaces::deleted));
    diesel::update(workspace).set((workspaces::updated_at.eq(At(now)), used, gone)).execute(conn)
}

fn count(answer: QueryResult<i64>) -> Result<u64, Error> {
    Ok(u64::try_from(answer?).unwrap_or(0))
}

/// The workspaces that match; `None` when there can be none.
fn matching<'a>(filter: &'a WorkspaceFilter, list: &ListFilter) -> Option<Query<'a>> {
    let visible = Visible::new(list, COLUMNS);
    if visible.is_never() {
        return None;
    }
    let mut query = workspaces::table.filter(not(workspaces::deleted)).into_boxed();
    if !visible.is_all() {
        query = query.filter(visible);
        // Who sees only what is their own is led there by an index.
        let own = list.owner().filter(|_| list.organizations().is_empty() && !list.is_all());
        if let Some(owner) = own.and_then(|clause| clause.owner().as_uuid()) {
            query = query.filter(workspaces::owner_id.eq(Id(owner)));
        }
    }
    if let Some(owner) = filter.owner {
        query = query.filter(workspaces::owner_id.eq(Id(owner)));
    }
    if let Some(organization) = filter.organization {
        query = query.filter(workspaces::organization_id.eq(Id(organization)));
    }
    if let Some(template) = &filter.template {
        let named = templates::table.filter(templates::name_key.eq(names::key(template))).select(templates::id);
        query = query.filter(workspaces::template_id.eq_any(named.filter(not(templates::deleted))));
    }
    if !filter.name.is_empty() {
        query = query.filter(workspaces::name_key.like(containing(&filter.name)).escape('\\'));
    }
    Some(query)
}
