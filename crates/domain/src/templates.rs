//! Templates: what workspaces are made from, and who may use which (`enterprise-identity.md` 1).

mod acl;
mod query;
mod settings;

pub use acl::{TemplateRole, UnknownRole, everyone, role_of, set_role, set_roles};
pub use query::{TemplateFilter, TemplateQuery, parse_template_query};
pub use settings::{CorsBehavior, Days, PortSharing, SettingsChange, SettingsError, TemplateSettings};

use crate::Instant;
use crate::ids::{OrganizationId, TemplateId, UserId};
use crate::names::{DisplayName, TemplateName};
use crate::roles::Acl;
use uuid::Uuid;

/// A template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Its id.
    pub id: TemplateId,
    /// The organization it belongs to.
    pub organization_id: OrganizationId,
    /// Its name, unique in the organization by its key among templates that are not deleted.
    pub name: TemplateName,
    /// What people see; empty means the name.
    pub display_name: DisplayName,
    /// Free text.
    pub description: String,
    /// URL or path of an icon, or empty.
    pub icon: String,
    /// The version that new workspaces are built from, as the one who made the template named it.
    pub active_version_id: Option<Uuid>,
    /// Who made it.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
    /// Whether it was deleted. Deleted templates keep their row.
    pub deleted: bool,
    /// Users who may do something with it, members of the organization or not.
    pub user_acl: Acl,
    /// Groups whose members may do something with it; the organization's own id stands for Everyone.
    pub group_acl: Acl,
    /// Why nobody should use it any more; empty while that is not so.
    pub deprecation_message: String,
    /// What it prescribes to its workspaces.
    pub settings: TemplateSettings,
}
