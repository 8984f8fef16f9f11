//! Templates.

use crate::StoreError;
use doorward_domain::Instant;
use doorward_domain::ids::{OrganizationId, TemplateId};
use doorward_domain::names::{DisplayName, OrganizationName, Username};
use doorward_domain::roles::{ListFilter, Permit, action, resource};
use doorward_domain::templates::{Template, TemplateFilter};

/// A template with what is shown of its surroundings.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateView {
    /// The template.
    pub template: Template,
    /// Name of its organization.
    pub organization_name: OrganizationName,
    /// Name of its organization for people.
    pub organization_display_name: DisplayName,
    /// Icon of its organization.
    pub organization_icon: String,
    /// Name of the user who made it.
    pub created_by_name: Username,
    /// How many users have a workspace of it.
    pub user_count: u64,
}

/// Stores templates with their access lists.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait TemplateRepository {
    /// The template with this id, unless it is deleted.
    fn find(&mut self, id: TemplateId) -> Result<Option<Template>, StoreError>;
    /// The template with this id, deleted ones included.
    fn find_with_deleted(&mut self, id: TemplateId) -> Result<Option<Template>, StoreError>;
    /// The template with this id, deleted ones included, and a row lock (`FOR NO KEY UPDATE`) until the transaction ends:
    /// whoever wants to change it meanwhile waits for that.
    fn find_for_update(&mut self, id: TemplateId) -> Result<Option<Template>, StoreError>;
    /// The same with a shared row lock (`FOR SHARE`), for those who do not want to change it: several may have it at once.
    fn find_for_share(&mut self, id: TemplateId) -> Result<Option<Template>, StoreError>;
    /// The template of this name, without regard to letter case; deleted ones are not found.
    fn find_by_name(&mut self, organization: OrganizationId, name: &str) -> Result<Option<Template>, StoreError>;
    /// The template with this id and what is shown with it; deleted ones are not found.
    fn view(&mut self, id: TemplateId) -> Result<Option<TemplateView>, StoreError>;
    /// The templates that `visible` lets through, by lower-cased name; deleted ones are left out.
    fn list(&mut self, filter: &TemplateFilter, visible: &ListFilter) -> Result<Vec<TemplateView>, StoreError>;
    /// How many templates of an organization are not deleted.
    fn count_in(&mut self, organization: OrganizationId) -> Result<u64, StoreError>;
    /// Adds a template. May answer `Conflict::TemplateName`.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Template>,
        template: &Template,
    ) -> Result<(), StoreError>;
    /// Replaces all of a template that is not deleted, its access lists included; organization, maker and date of birth
    /// stay. [Lock](Self::find_for_update) it first, or changes of others are lost. May answer `Conflict::TemplateName`. `false`
    /// when there is no such template.
    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::Template>,
        template: &Template,
    ) -> Result<bool, StoreError>;
    /// Marks a template as deleted, which frees its name. `false` when there is no such template.
    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::Template>,
        id: TemplateId,
        now: Instant,
    ) -> Result<bool, StoreError>;
}
