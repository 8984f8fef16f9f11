//! Versions of templates: what a daemon read out of a source (`templates.md` 2, `provisioner-wire.md` 6).

mod parameter;
mod resolve;
mod tags;

pub use parameter::{
    ExternalAuth, FormType, OPTIONS_MAX, PARAMETERS_MAX, PRESETS_MAX, ParameterDefect, ParameterOption, Preset,
    PresetParameter, RichParameter, VARIABLES_MAX, Variable, check_parameters,
};
pub use resolve::{VALUE_MAX, ValueDefect, check_regex, resolve};
pub use tags::{TagsDefect, workspace_tags};

use crate::Instant;
use crate::ids::{FileId, OrganizationId, ProvisionerJobId, TemplateId, TemplateVersionId, UserId};
use crate::names::TemplateVersionName;
use std::collections::BTreeMap;

/// Longest message and longest readme that is kept, in bytes.
pub const README_MAX: usize = 1024 * 1024;
/// Longest message of a version, in bytes.
pub const MESSAGE_MAX: usize = 1_048_576;

/// A version of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateVersion {
    /// Its id.
    pub id: TemplateVersionId,
    /// The template; `None` until one is made of it.
    pub template_id: Option<TemplateId>,
    /// The organization it belongs to.
    pub organization_id: OrganizationId,
    /// Its name, unique in its template by its key.
    pub name: TemplateVersionName,
    /// What its maker says of it.
    pub message: String,
    /// What it says of itself.
    pub readme: String,
    /// Who made it.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
    /// Whether nobody is to build from it.
    pub archived: bool,
    /// The job that imports it.
    pub job_id: ProvisionerJobId,
    /// The source.
    pub file_id: FileId,
    /// Tags of the jobs that build from it, as they are written in the source.
    pub workspace_tags: BTreeMap<String, String>,
    /// What builds can be given.
    pub parameters: Vec<RichParameter>,
    /// Values that go together.
    pub presets: Vec<Preset>,
    /// The accounts elsewhere that builds need.
    pub external_auth: Vec<ExternalAuth>,
    /// Whether it is for tasks of agents.
    pub has_ai_tasks: bool,
}
