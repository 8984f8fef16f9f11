//! Versions as they are sent.

use crate::kit::json::Timestamp;
use crate::provisioner_jobs::objects::JobObject;
use doorward_domain::ids::{TemplateId, TemplateVersionId};
use doorward_domain::template_versions::{ParameterOption, Preset, RichParameter, Variable};
use doorward_services::template_versions::{MatchedProvisioners, ShownVersion, TemplateVersionView};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A version of a template.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVersion)]
pub(crate) struct VersionObject {
    id: Uuid,
    /// Absent until a template is made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<Uuid>,
    organization_id: Uuid,
    created_at: Timestamp,
    updated_at: Timestamp,
    name: String,
    message: String,
    job: JobObject,
    readme: String,
    created_by: MakerObject,
    archived: bool,
    /// The daemons that can import it, while that waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_provisioners: Option<MatchedObject>,
}

/// Who made something.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MinimalUser)]
pub(crate) struct MakerObject {
    id: Uuid,
    username: String,
    avatar_url: String,
}

/// The daemons that can take a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MatchedProvisioners)]
pub(crate) struct MatchedObject {
    /// How many there are, whether or not they are there now.
    count: usize,
    /// How many are there now.
    available: usize,
    /// When one of them was seen last.
    most_recently_seen: Option<Timestamp>,
}

impl From<MatchedProvisioners> for MatchedObject {
    fn from(matched: MatchedProvisioners) -> Self {
        Self {
            count: matched.count,
            available: matched.available,
            most_recently_seen: matched.most_recently_seen.map(Timestamp::from),
        }
    }
}

impl From<TemplateVersionView> for VersionObject {
    fn from(view: TemplateVersionView) -> Self {
        let version = view.version;
        Self {
            id: version.id.0,
            template_id: version.template_id.map(|id| id.0),
            organization_id: version.organization_id.0,
            created_at: version.created_at.into(),
            updated_at: version.updated_at.into(),
            name: version.name.into(),
            message: version.message,
            job: JobObject::from(&view.job),
            readme: version.readme,
            created_by: MakerObject {
                id: version.created_by.0,
                username: view.created_by_name.into(),
                avatar_url: view.created_by_avatar_url,
            },
            archived: version.archived,
            matched_provisioners: None,
        }
    }
}

impl From<ShownVersion> for VersionObject {
    fn from(shown: ShownVersion) -> Self {
        Self { matched_provisioners: shown.matched.map(MatchedObject::from), ..Self::from(shown.view) }
    }
}

/// The versions that were archived.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ArchiveTemplateVersionsResponse)]
pub(crate) struct ArchivedObject {
    template_id: Uuid,
    archived_ids: Vec<Uuid>,
}

impl ArchivedObject {
    pub(super) fn new(template: TemplateId, archived: Vec<TemplateVersionId>) -> Self {
        Self { template_id: template.0, archived_ids: archived.into_iter().map(|id| id.0).collect() }
    }
}

/// A variable of the source.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVersionVariable)]
pub(crate) struct VariableObject {
    name: String,
    description: String,
    #[serde(rename = "type")]
    kind: String,
    /// `*redacted*` when nobody is to see it.
    value: String,
    default_value: String,
    required: bool,
    sensitive: bool,
}

impl From<Variable> for VariableObject {
    fn from(variable: Variable) -> Self {
        Self {
            name: variable.name,
            description: variable.description,
            kind: variable.kind,
            value: variable.value,
            default_value: variable.default_value,
            required: variable.required,
            sensitive: variable.sensitive,
        }
    }
}

/// Something that builds can be given.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVersionParameter)]
pub(crate) struct ParameterObject {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    display_name: String,
    description: String,
    description_plaintext: String,
    /// `string`, `number`, `bool` or `list(string)`.
    #[serde(rename = "type")]
    kind: String,
    form_type: &'static str,
    mutable: bool,
    default_value: String,
    icon: String,
    options: Vec<OptionObject>,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    validation_error: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    validation_regex: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_min: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_max: Option<i32>,
    /// `increasing` or `decreasing`.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    validation_monotonic: String,
    required: bool,
    ephemeral: bool,
}

/// A choice.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVersionParameterOption)]
pub(crate) struct OptionObject {
    name: String,
    description: String,
    value: String,
    icon: String,
}

impl From<ParameterOption> for OptionObject {
    fn from(option: ParameterOption) -> Self {
        Self { name: option.name, description: option.description, value: option.value, icon: option.icon }
    }
}

impl From<RichParameter> for ParameterObject {
    fn from(parameter: RichParameter) -> Self {
        Self {
            name: parameter.name,
            display_name: parameter.display_name,
            description_plaintext: parameter.description.clone(),
            description: parameter.description,
            kind: parameter.kind,
            form_type: parameter.form_type.as_str(),
            mutable: parameter.mutable,
            default_value: parameter.default_value,
            icon: parameter.icon,
            options: parameter.options.into_iter().map(OptionObject::from).collect(),
            validation_error: parameter.validation_error,
            validation_regex: parameter.validation_regex,
            validation_min: parameter.validation_min,
            validation_max: parameter.validation_max,
            validation_monotonic: parameter.validation_monotonic,
            required: parameter.required,
            ephemeral: parameter.ephemeral,
        }
    }
}

/// Values of parameters that go together.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = Preset)]
pub(crate) struct PresetObject {
    #[serde(rename = "ID")]
    id: Uuid,
    name: String,
    parameters: Vec<PresetValueObject>,
    default: bool,
    description: String,
    icon: String,
}

/// A value of a preset.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = PresetParameter)]
pub(crate) struct PresetValueObject {
    name: String,
    value: String,
}

impl From<Preset> for PresetObject {
    fn from(preset: Preset) -> Self {
        let values = preset.parameters.into_iter();
        Self {
            id: preset.id,
            name: preset.name,
            parameters: values.map(|value| PresetValueObject { name: value.name, value: value.value }).collect(),
            default: preset.default,
            description: preset.description,
            icon: preset.icon,
        }
    }
}

/// An account elsewhere that builds need; there are none here.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVersionExternalAuth)]
pub(crate) struct ExternalAuthObject {
    id: String,
}
