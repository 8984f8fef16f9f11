use crate::schema::template_versions;
use crate::types::{At, Id, Json};
use diesel::prelude::*;
use doorward_domain::ids::{FileId, OrganizationId, ProvisionerJobId, TemplateId, TemplateVersionId, UserId};
use doorward_domain::names::TemplateVersionName;
use doorward_domain::template_versions::{ExternalAuth, Preset, RichParameter, TemplateVersion};
use std::collections::BTreeMap;

/// A version without its variables, which are sealed.
#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = template_versions, treat_none_as_default_value = false)]
pub(crate) struct VersionRow {
    id: Id<TemplateVersionId>,
    template_id: Option<Id<TemplateId>>,
    organization_id: Id<OrganizationId>,
    name: String,
    name_key: String,
    message: String,
    readme: String,
    created_by: Id<UserId>,
    created_at: At,
    updated_at: At,
    archived: bool,
    job_id: Id<ProvisionerJobId>,
    file_id: Id<FileId>,
    workspace_tags: Json<BTreeMap<String, String>>,
    parameters: Json<Vec<RichParameter>>,
    presets: Json<Vec<Preset>>,
    external_auth: Json<Vec<ExternalAuth>>,
    has_ai_tasks: bool,
}

impl From<&TemplateVersion> for VersionRow {
    fn from(version: &TemplateVersion) -> Self {
        Self {
            id: Id(version.id),
            template_id: version.template_id.map(Id),
            organization_id: Id(version.organization_id),
            name: version.name.to_string(),
            name_key: version.name.key(),
            message: version.message.clone(),
            readme: version.readme.clone(),
            created_by: Id(version.created_by),
            created_at: At(version.created_at),
            updated_at: At(version.updated_at),
            archived: version.archived,
            job_id: Id(version.job_id),
            file_id: Id(version.file_id),
            workspace_tags: Json(version.workspace_tags.clone()),
            parameters: Json(version.parameters.clone()),
            presets: Json(version.presets.clone()),
            external_auth: Json(version.external_auth.clone()),
            has_ai_tasks: version.has_ai_tasks,
        }
    }
}

impl From<VersionRow> for TemplateVersion {
    fn from(row: VersionRow) -> Self {
        Self {
            id: row.id.0,
            template_id: row.template_id.map(|id| id.0),
            organization_id: row.organization_id.0,
            name: TemplateVersionName::from_storage(row.name),
            message: row.message,
            readme: row.readme,
            created_by: row.created_by.0,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
            archived: row.archived,
            job_id: row.job_id.0,
            file_id: row.file_id.0,
            workspace_tags: row.workspace_tags.0,
            parameters: row.parameters.0,
            presets: row.presets.0,
            external_auth: row.external_auth.0,
            has_ai_tasks: row.has_ai_tasks,
        }
    }
}
