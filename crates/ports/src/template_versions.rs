//! Versions of templates.

use crate::StoreError;
use crate::provisioner_jobs::JobView;
use doorward_domain::Instant;
use doorward_domain::ids::{TemplateId, TemplateVersionId};
use doorward_domain::names::Username;
use doorward_domain::page::Page;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::template_versions::TemplateVersion;

/// A version with what is shown of its surroundings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateVersionView {
    /// The version.
    pub version: TemplateVersion,
    /// Name of the user who made it.
    pub created_by_name: Username,
    /// Picture of that user, may be empty.
    pub created_by_avatar_url: String,
    /// The job that imports it.
    pub job: JobView,
}

/// Stores versions of templates.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait TemplateVersionRepository {
    /// The version with this id.
    fn find(&mut self, id: TemplateVersionId) -> Result<Option<TemplateVersion>, StoreError>;
    /// The version with this id, and a row lock (`FOR NO KEY UPDATE`) until the transaction ends.
    fn find_for_update(&mut self, id: TemplateVersionId) -> Result<Option<TemplateVersion>, StoreError>;
    /// The version of a template that has this name, without regard to letter case.
    fn find_by_name(&mut self, template: TemplateId, name: &str) -> Result<Option<TemplateVersion>, StoreError>;
    /// The version with this id and what is shown with it.
    fn view(&mut self, id: TemplateVersionId) -> Result<Option<TemplateVersionView>, StoreError>;
    /// A page of the versions of a template, the newest first; the archived ones only if asked for.
    fn list(
        &mut self,
        template: TemplateId,
        include_archived: bool,
        page: Page,
    ) -> Result<Vec<TemplateVersionView>, StoreError>;
    /// The variables of a version, sealed; `None` while it has none.
    fn variables(&mut self, id: TemplateVersionId) -> Result<Option<Vec<u8>>, StoreError>;
    /// Adds a version. May answer `Conflict::TemplateVersionName`.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Template>,
        version: &TemplateVersion,
    ) -> Result<(), StoreError>;
    /// Replaces all of a version but its maker, its source and its job. [Lock](Self::find_for_update) it first, or changes of others are
    /// lost. May answer `Conflict::TemplateVersionName`. `false` when there is none.
    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::Template>,
        version: &TemplateVersion,
    ) -> Result<bool, StoreError>;
    /// Replaces the variables of a version, which are sealed. `false` when there is no such version.
    fn update_variables(
        &mut self,
        permit: &Permit<action::Update, resource::Template>,
        id: TemplateVersionId,
        sealed: &[u8],
    ) -> Result<bool, StoreError>;
    /// Archives the versions of a template that failed, or all if asked for, but for the active one and those that the latest builds of
    /// workspaces were made from. Answers which.
    fn archive_unused(
        &mut self,
        permit: &Permit<action::Update, resource::Template>,
        template: TemplateId,
        all: bool,
        now: Instant,
    ) -> Result<Vec<TemplateVersionId>, StoreError>;
}
