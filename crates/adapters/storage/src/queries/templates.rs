//! Templates.

use super::one_of::OneOf;
use super::user_lists::containing;
use super::visible::{Columns, Lists, Visible};
use super::{Conn, locks};
use crate::error::Error;
use crate::rows::TemplateRow;
use crate::schema::{organizations, templates, users, workspaces};
use crate::touches::Touches;
use crate::types::{At, Id, Json};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{count, not};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::{OrganizationId, TemplateId};
use doorward_domain::names::{self, DisplayName, OrganizationName, Username};
use doorward_domain::roles::{ListFilter, Permit, action, resource};
use doorward_domain::templates::{Template, TemplateFilter};
use doorward_ports::templates::{TemplateRepository, TemplateView};
use doorward_ports::{Conflict, StoreError};
use std::collections::HashMap;

type Backend = <Conn as Connection>::Backend;
type Query<'a> = templates::BoxedQuery<'a, Backend>;

/// A template belongs to an organization and to nobody, and has its access lists with it.
const COLUMNS: Columns = Columns {
    id: "templates.id",
    organization: Some("templates.organization_id"),
    owner: None,
    lists: Lists::Stored { user: "templates.user_acl", group: "templates.group_acl" },
};

impl TemplateRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, id: TemplateId) -> Result<Option<Template>, StoreError> {
        Ok(TemplateRepository::find_with_deleted(self, id)?.filter(|template| !template.deleted))
    }

    fn find_with_deleted(&mut self, id: TemplateId) -> Result<Option<Template>, StoreError> {
        self.run(|conn| {
            let row = templates::table.find(Id(id)).select(TemplateRow::as_select()).get_result(conn).optional()?;
            Ok(row.map(Template::from))
        })
    }

    fn find_for_update(&mut self, id: TemplateId) -> Result<Option<Template>, StoreError> {
        self.run(|conn| Ok(locks::template_for_update(conn, id)?.map(Template::from)))
    }

    fn find_for_share(&mut self, id: TemplateId) -> Result<Option<Template>, StoreError> {
        self.run(|conn| Ok(locks::template_for_share(conn, id)?.map(Template::from)))
    }

    fn find_by_name(&mut self, organization: OrganizationId, name: &str) -> Result<Option<Template>, StoreError> {
        self.run(|conn| {
            let row = templates::table
                .filter(templates::organization_id.eq(Id(organization)))
                .filter(templates::name_key.eq(names::key(name)))
                .filter(not(templates::deleted))
                .select(TemplateRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(Template::from))
        })
    }

    fn view(&mut self, id: TemplateId) -> Result<Option<TemplateView>, StoreError> {
        self.run(|conn| {
            let row = templates::table
                .find(Id(id))
                .filter(not(templates::deleted))
                .select(TemplateRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(views(conn, row.into_iter().collect())?.pop())
        })
    }

    fn list(&mut self, filter: &TemplateFilter, visible: &ListFilter) -> Result<Vec<TemplateView>, StoreError> {
        self.run(|conn| {
            let Some(query) = matching(filter, visible) else { return Ok(Vec::new()) };
            let query = query.order((templates::name_key, templates::id)).select(TemplateRow::as_select());
            let rows = query.load(conn)?;
            Ok(views(conn, rows)?)
        })
    }

    fn count_in(&mut self, organization: OrganizationId) -> Result<u64, StoreError> {
        self.run(|conn| {
            let living = templates::table
                .filter(templates::organization_id.eq(Id(organization)))
                .filter(not(templates::deleted));
            let count: i64 = living.count().get_result(conn)?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Template>,
        template: &Template,
    ) -> Result<(), StoreError> {
        self.write_all(
            permit,
            &permit.kind().id(template.id.0).organization(template.organization_id.0),
            Touches::nobody("subjects know no templates"),
            |conn| {
                if !locks::organization_for_key_share(conn, template.organization_id)? {
                    return Err(Error::Conflict(Conflict::OrganizationDeleted));
                }
                diesel::insert_into(templates::table).values(TemplateRow::from(template)).execute(conn)?;
                Ok(())
            },
        )
    }

    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::Template>,
        template: &Template,
    ) -> Result<bool, StoreError> {
        self.write(
            permit,
            &permit.kind().id(template.id.0).organization(template.organization_id.0),
            Touches::nobody("subjects know no templates"),
            |conn| {
                let changed = diesel::update(templates::table.find(Id(template.id)).filter(not(templates::deleted)))
                    .set((
                        templates::name.eq(template.name.as_str()),
                        templates::name_key.eq(template.name.key()),
                        templates::display_name.eq(template.display_name.as_str()),
                        templates::description.eq(&template.description),
                        templates::icon.eq(&template.icon),
                        templates::active_version_id.eq(template.active_version_id.map(Id)),
                        templates::updated_at.eq(At(template.updated_at)),
                        templates::user_acl.eq(Json(template.user_acl.clone())),
                        templates::group_acl.eq(Json(template.group_acl.clone())),
                        templates::deprecation_message.eq(&template.deprecation_message),
                        templates::settings.eq(Json(template.settings.clone())),
                    ))
                    .execute(conn)?;
                Ok(changed > 0)
            },
        )
    }

    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::Template>,
        id: TemplateId,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(id.0), Touches::nobody("subjects know no templates"), |conn| {
            let changed = diesel::update(templates::table.find(Id(id)).filter(not(templates::deleted)))
                .set((templates::deleted.eq(true), templates::updated_at.eq(At(now))))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }
}

/// The templates that match; `None` when there can be none.
fn matching<'a>(filter: &'a TemplateFilter, visible: &ListFilter) -> Option<Query<'a>> {
    let visible = Visible::new(visible, COLUMNS);
    if visible.is_never() {
        return None;
    }
    let mut query = templates::table.filter(not(templates::deleted)).into_boxed();
    if !visible.is_all() {
        query = query.filter(visible);
    }
    if let Some(organization) = filter.organization {
        query = query.filter(templates::organization_id.eq(Id(organization)));
    }
    if let Some(name) = &filter.exact_name {
        query = query.filter(templates::name_key.eq(names::key(name)));
    }
    if !filter.name.is_empty() {
        query = query.filter(templates::name_key.like(containing(&filter.name)).escape('\\'));
    }
    query = match filter.deprecated {
        None => query,
        Some(true) => query.filter(templates::deprecation_message.ne("")),
        Some(false) => query.filter(templates::deprecation_message.eq("")),
    };
    Some(query)
}

/// Templates with what is shown of their surroundings, in the same order.
fn views(conn: &mut Conn, rows: Vec<TemplateRow>) -> QueryResult<Vec<TemplateView>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let templates: Vec<Template> = rows.into_iter().map(Template::from).collect();
    let organizations: Vec<(Id<OrganizationId>, String, String, String)> = organizations::table
        .filter(OneOf::ids("organizations.id", templates.iter().map(|template| template.organization_id)))
        .select((organizations::id, organizations::name, organizations::display_name, organizations::icon))
        .load(conn)?;
    let shown = |name, display_name| (OrganizationName::from_storage(name), DisplayName::from_storage(display_name));
    let organizations: HashMap<_, _> =
        organizations.into_iter().map(|(id, a, b, c)| (id.0, (shown(a, b), c))).collect();
    let makers: Vec<(Id<uuid::Uuid>, String)> = users::table
        .filter(OneOf::ids("users.id", templates.iter().map(|template| template.created_by)))
        .select((users::id, users::username))
        .load(conn)?;
    let makers: HashMap<_, _> = makers.into_iter().map(|(id, name)| (id.0, Username::from_storage(name))).collect();
    let ids = templates.iter().map(|template| template.id);
    let counts: Vec<(Id<TemplateId>, i64)> = workspaces::table
        .filter(not(workspaces::deleted))
        .filter(OneOf::ids("workspaces.template_id", ids))
        .group_by(workspaces::template_id)
        .select((workspaces::template_id, count(workspaces::owner_id).aggregate_distinct()))
        .load(conn)?;
    let counts: HashMap<_, _> = counts.into_iter().map(|(id, count)| (id.0, count)).collect();
    // Both are there, as foreign keys say.
    let view = |template: Template| {
        let ((organization_name, organization_display_name), organization_icon) =
            organizations.get(&template.organization_id).cloned()?;
        Some(TemplateView {
            organization_name,
            organization_display_name,
            organization_icon,
            created_by_name: makers.get(&template.created_by.0).cloned()?,
            user_count: counts.get(&template.id).and_then(|count| u64::try_from(*count).ok()).unwrap_or(0),
            template,
        })
    };
    Ok(templates.into_iter().filter_map(view).collect())
}
