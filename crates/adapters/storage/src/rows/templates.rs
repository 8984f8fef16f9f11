use crate::schema::templates;
use crate::types::{At, Id, Json};
use diesel::prelude::*;
use doorward_domain::ids::{OrganizationId, TemplateId, UserId};
use doorward_domain::names::{DisplayName, TemplateName};
use doorward_domain::roles::Acl;
use doorward_domain::templates::{Template, TemplateSettings};
use uuid::Uuid;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = templates, treat_none_as_default_value = false)]
pub(crate) struct TemplateRow {
    id: Id<TemplateId>,
    organization_id: Id<OrganizationId>,
    name: String,
    name_key: String,
    display_name: String,
    description: String,
    icon: String,
    active_version_id: Option<Id<Uuid>>,
    created_by: Id<UserId>,
    created_at: At,
    updated_at: At,
    deleted: bool,
    user_acl: Json<Acl>,
    group_acl: Json<Acl>,
    deprecation_message: String,
    settings: Json<TemplateSettings>,
}

impl From<&Template> for TemplateRow {
    fn from(template: &Template) -> Self {
        Self {
            id: Id(template.id),
            organization_id: Id(template.organization_id),
            name: template.name.to_string(),
            name_key: template.name.key(),
            display_name: template.display_name.to_string(),
            description: template.description.clone(),
            icon: template.icon.clone(),
            active_version_id: template.active_version_id.map(Id),
            created_by: Id(template.created_by),
            created_at: At(template.created_at),
            updated_at: At(template.updated_at),
            deleted: template.deleted,
            user_acl: Json(template.user_acl.clone()),
            group_acl: Json(template.group_acl.clone()),
            deprecation_message: template.deprecation_message.clone(),
            settings: Json(template.settings.clone()),
        }
    }
}

impl From<TemplateRow> for Template {
    fn from(row: TemplateRow) -> Self {
        Self {
            id: row.id.0,
            organization_id: row.organization_id.0,
            name: TemplateName::from_storage(row.name),
            display_name: DisplayName::from_storage(row.display_name),
            description: row.description,
            icon: row.icon,
            active_version_id: row.active_version_id.map(|id| id.0),
            created_by: row.created_by.0,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            deleted: row.deleted,
            user_acl: row.user_acl.0,
            group_acl: row.group_acl.0,
            deprecation_message: row.deprecation_message,
            settings: row.settings.0,
        }
    }
}
