//! Versions of templates.

use super::provisioner_job_views::views as job_views;
use super::workspace_views::is_latest;
use super::{Conn, locks};
use crate::error::Error;
use crate::rows::{JobRow, VersionRow};
use crate::schema::{provisioner_jobs, template_versions, templates, users, workspace_builds, workspaces};
use crate::touches::Touches;
use crate::types::{At, Id, Json};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::{TemplateId, TemplateVersionId};
use doorward_domain::names::{self, Username};
use doorward_domain::page::Page;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::template_versions::TemplateVersion;
use doorward_ports::StoreError;
use doorward_ports::template_versions::{TemplateVersionRepository, TemplateVersionView};

const NOBODY: &str = "subjects know no versions of templates";

/// Most versions that are archived at once.
const ARCHIVED_MAX: i64 = 1000;

/// Versions with who made them and the job that imports them.
macro_rules! shown {
    () => {
        template_versions::table
            .inner_join(users::table.on(users::id.eq(template_versions::created_by)))
            .inner_join(provisioner_jobs::table.on(provisioner_jobs::id.eq(template_versions::job_id)))
            .select((VersionRow::as_select(), users::username, users::avatar_url, JobRow::as_select()))
    };
}
impl TemplateVersionRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, id: TemplateVersionId) -> Result<Option<TemplateVersion>, StoreError> {
        self.run(|conn| {
            let row = template_versions::table.find(Id(id)).select(VersionRow::as_select()).get_result(conn);
            Ok(row.optional()?.map(TemplateVersion::from))
        })
    }

    fn find_for_update(&mut self, id: TemplateVersionId) -> Result<Option<TemplateVersion>, StoreError> {
        self.run(|conn| Ok(locks::template_version_for_update(conn, id)?.map(TemplateVersion::from)))
    }

    fn find_by_name(&mut self, template: TemplateId, name: &str) -> Result<Option<TemplateVersion>, StoreError> {
        self.run(|conn| {
            let row = template_versions::table
                .filter(template_versions::template_id.eq(Id(template)))
                .filter(template_versions::name_key.eq(names::key(name)))
                .select(VersionRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(TemplateVersion::from))
        })
    }

    fn view(&mut self, id: TemplateVersionId) -> Result<Option<TemplateVersionView>, StoreError> {
        self.run(|conn| {
            let row = shown!().filter(template_versions::id.eq(Id(id))).get_result(conn).optional()?;
            Ok(views(conn, row.into_iter().collect())?.pop())
        })
    }

    fn list(
        &mut self,
        template: TemplateId,
        include_archived: bool,
        page: Page,
    ) -> Result<Vec<TemplateVersionView>, StoreError> {
        self.run(|conn| {
            let mut query = shown!()
                .filter(template_versions::template_id.eq(Id(template)))
                .order((template_versions::created_at.desc(), template_versions::id.desc()))
                .offset(page.offset.into())
                // SQLite takes no offset without a limit.
                .limit(page.limit.map_or(i64::MAX, i64::from))
                .into_boxed();
            if !include_archived {
                query = query.filter(not(template_versions::archived));
            }
            if let Some(after) = page.after_id {
                let place = template_versions::table
                    .find(Id(after))
                    .select((template_versions::created_at, template_versions::id));
                let Some((at, id)) = place.get_result::<(At, Id<TemplateVersionId>)>(conn).optional()? else {
                    return Ok(Vec::new());
                };
                query = query.filter(
                    template_versions::created_at
                        .lt(at)
                        .or(template_versions::created_at.eq(at).and(template_versions::id.lt(id))),
                );
            }
            let rows = query.load(conn)?;
            views(conn, rows)
        })
    }

    fn variables(&mut self, id: TemplateVersionId) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(|conn| {
            let sealed = template_versions::table.find(Id(id)).select(template_versions::variables);
            Ok(sealed.get_result::<Option<Vec<u8>>>(conn).optional()?.flatten())
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Template>,
        version: &TemplateVersion,
    ) -> Result<(), StoreError> {
        let about = permit.kind().organization(version.organization_id.0);
        let about = version.template_id.map_or_else(|| about.clone(), |template| about.clone().id(template.0));
        self.write(permit, &about, Touches::nobody(NOBODY), |conn| {
            diesel::insert_into(template_versions::table).values(VersionRow::from(version)).execute(conn)?;
            Ok(())
        })
    }

    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::Template>,
        version: &TemplateVersion,
    ) -> Result<bool, StoreError> {
        let about = permit.kind().organization(version.organization_id.0);
        let about = version.template_id.map_or_else(|| about.clone(), |template| about.clone().id(template.0));
        self.write(permit, &about, Touches::nobody(NOBODY), |conn| {
            let changed = diesel::update(template_versions::table.find(Id(version.id)))
                .set((
                    template_versions::template_id.eq(version.template_id.map(Id)),
                    template_versions::name.eq(version.name.as_str()),
                    template_versions::name_key.eq(version.name.key()),
                    template_versions::message.eq(&version.message),
                    template_versions::readme.eq(&version.readme),
                    template_versions::updated_at.eq(At(version.updated_at)),
                    template_versions::archived.eq(version.archived),
                    template_versions::workspace_tags.eq(Json(version.workspace_tags.clone())),
                    template_versions::parameters.eq(Json(version.parameters.clone())),
                    template_versions::presets.eq(Json(version.presets.clone())),
                    template_versions::external_auth.eq(Json(version.external_auth.clone())),
                    template_versions::has_ai_tasks.eq(version.has_ai_tasks),
                ))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn update_variables(
        &mut self,
        permit: &Permit<action::Update, resource::Template>,
        id: TemplateVersionId,
        sealed: &[u8],
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let version = template_versions::table.find(Id(id));
            Ok(diesel::update(version).set(template_versions::variables.eq(sealed)).execute(conn)? > 0)
        })
    }

    fn archive_unused(
        &mut self,
        permit: &Permit<action::Update, resource::Template>,
        template: TemplateId,
        all: bool,
        now: Instant,
    ) -> Result<Vec<TemplateVersionId>, StoreError> {
        self.write_all(permit, &permit.kind().id(template.0), Touches::nobody(NOBODY), |conn| {
            let active = templates::table
                .find(Id(template))
                .filter(templates::active_version_id.eq(template_versions::id.nullable()));
            let used = workspace_builds::table
                .inner_join(workspaces::table.on(workspaces::id.eq(workspace_builds::workspace_id)))
                .filter(workspace_builds::template_version_id.eq(template_versions::id.nullable()))
                .filter(not(workspaces::deleted))
                .filter(is_latest!());
            let failed = provisioner_jobs::table
                .filter(provisioner_jobs::id.eq(template_versions::job_id))
                .filter(provisioner_jobs::completed_at.is_not_null())
                .filter(provisioner_jobs::error.ne("").or(provisioner_jobs::canceled_at.is_not_null()));
            let mut unused = template_versions::table
                .filter(template_versions::template_id.eq(Id(template)))
                .filter(not(template_versions::archived))
                .filter(not(exists(active)))
                .filter(not(exists(used)))
                .order((template_versions::created_at, template_versions::id))
                .limit(ARCHIVED_MAX)
                .select(template_versions::id)
                .into_boxed();
            if !all {
                unused = unused.filter(exists(failed));
            }
            let ids: Vec<Id<TemplateVersionId>> = unused.load(conn)?;
            let found = template_versions::table
                .filter(super::one_of::OneOf::ids("template_versions.id", ids.iter().map(|id| id.0)));
            diesel::update(found)
                .set((template_versions::archived.eq(true), template_versions::updated_at.eq(At(now))))
                .execute(conn)?;
            Ok(ids.into_iter().map(|id| id.0).collect())
        })
    }
}

/// Versions with all that is shown of their surroundings, in the same order.
fn views(conn: &mut Conn, rows: Vec<(VersionRow, String, String, JobRow)>) -> Result<Vec<TemplateVersionView>, Error> {
    let jobs = job_views(conn, rows.iter().map(|(.., job)| job.clone()).collect())?;
    let views = rows.into_iter().zip(jobs).map(|((version, name, created_by_avatar_url, _), job)| {
        let created_by_name = Username::from_storage(name);
        TemplateVersionView { version: version.into(), created_by_name, created_by_avatar_url, job }
    });
    Ok(views.collect())
}
