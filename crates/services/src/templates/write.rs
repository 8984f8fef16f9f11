//! Making, changing and ending templates.

use super::{TemplateView, access};
use crate::Principal;
use crate::context::Context;
use crate::deed::Deed;
use crate::error::{Error, FieldError, VALIDATION_FAILED};
use crate::notifications::workspaces as notifications;
use crate::organizations::{self, OrganizationRef};
use crate::users::fields::Fields;
use doorward_domain::ids::{OrganizationId, TemplateId, TemplateVersionId};
use doorward_domain::provisioner_jobs::JobStatus;
use doorward_domain::roles::{Acl, System, action, resource};
use doorward_domain::template_versions::TemplateVersion;
use doorward_domain::templates::{SettingsChange, SettingsError, Template, TemplateSettings, everyone, set_role};
use doorward_ports::Repositories;
use uuid::Uuid;

/// Longest description, icon and reason of deprecation, in bytes.
const TEMPLATE_TEXT_MAX: usize = 8192;
/// What clients know the rule of display names by.
const DISPLAY_NAME: &str = "template_display_name";
/// Why a template is not kept from agents.
const AGENTS: &str = "must be true: this server does not keep templates from agents";

/// What is asked of a new template.
#[derive(Clone, Debug, Default)]
pub struct CreateTemplate {
    /// Its name.
    pub name: String,
    /// What people see, may be empty.
    pub display_name: String,
    /// Free text.
    pub description: String,
    /// URL or path of an icon, or empty.
    pub icon: String,
    /// The version that new workspaces are built from, if one is named; it must have been imported and belong to no template yet.
    pub active_version_id: Option<Uuid>,
    /// Whether members of the organization may not use it unless somebody lets them.
    pub disable_everyone_group_access: bool,
    /// Whether agents may use it; they always may, so that nothing but that can be asked for.
    pub agents_allowed: Option<bool>,
    /// Settings that differ from the usual ones.
    pub settings: SettingsChange,
}

/// What is asked of a template.
#[derive(Clone, Debug, Default)]
pub struct UpdateTemplate {
    /// Its new name; empty keeps the old one.
    pub name: String,
    /// What people see, may be empty; `None` keeps it.
    pub display_name: Option<String>,
    /// Free text; `None` keeps it.
    pub description: Option<String>,
    /// URL or path of an icon, or empty; `None` keeps it.
    pub icon: Option<String>,
    /// Whether the entry of all members of the organization is taken off the access list.
    pub disable_everyone_group_access: bool,
    /// Why nobody should use it any more; empty takes that back, `None` keeps what is there.
    pub deprecation_message: Option<String>,
    /// Whether agents may use it; they always may, so that nothing but that can be asked for.
    pub agents_allowed: Option<bool>,
    /// Settings to change.
    pub settings: SettingsChange,
}

/// Makes a template, which all members of its organization may use unless that is switched off.
///
/// Needs `template:create`. Errors: `Invalid` (`name`, `display_name`, `description`, `icon`, `agents_allowed`, `template_version_id`, a
/// setting), `OrganizationNotFound` (missing or not readable), `Forbidden`, `Refused` (no account), `Conflict`
/// (`name`).
pub async fn create(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    command: CreateTemplate,
) -> Result<TemplateView, Error> {
    let CreateTemplate { name, display_name, description, icon, active_version_id, .. } = command;
    let mut fields = Fields::default();
    let name = fields.template_name("name", &name);
    let display_name = fields.value("display_name", DISPLAY_NAME, &display_name);
    let mut fields = fields
        .at_most("description", &description, TEMPLATE_TEXT_MAX)
        .plain_text("description", &description)
        .at_most("icon", &icon, TEMPLATE_TEXT_MAX)
        .plain("icon", &icon)
        .that("agents_allowed", command.agents_allowed != Some(false), AGENTS);
    let settings = command.settings.apply(&TemplateSettings::default()).map_err(bad_settings);
    let settings = fields.keep(settings)?.unwrap_or_default();
    let (name, display_name) = fields.done_with(name.zip(display_name))?;
    let open = !command.disable_everyone_group_access;
    let organization = organization.clone();
    ctx.act(actor, move |deed| {
        let organization = organizations::resolve(deed.repos, deed.by, &organization)?;
        let permit = deed.by.permit::<action::Create, resource::Template>(&access::new_in(organization.id))?;
        let version = match active_version_id {
            Some(id) => first_version(deed, organization.id, TemplateVersionId(id))?,
            None => None,
        };
        let template = Template {
            id: deed.new_id(),
            organization_id: organization.id,
            name,
            display_name,
            description,
            icon,
            active_version_id,
            created_by: deed.by.account()?.user.id,
            created_at: deed.now,
            updated_at: deed.now,
            deleted: false,
            user_acl: Acl::new(),
            group_acl: if open { everyone(organization.id) } else { Acl::new() },
            deprecation_message: String::new(),
            settings,
        };
        deed.repos.templates().insert(&permit, &template)?;
        if let Some(version) = version {
            let why = System::because("a template is made of its first version").permit();
            let version = TemplateVersion { template_id: Some(template.id), updated_at: deed.now, ..version };
            deed.repos.template_versions().update(&why, &version)?;
        }
        let recorded = deed.made(&template)?;
        Ok(recorded.answer(deed.repos.templates().view(template.id)?.ok_or(Error::NotFound)?))
    })
    .await
}

/// The version that a template is to be made of, which is held; `None` for an id that names none: that is kept as it is given, and builds of
/// the template are reported by whoever carries them out.
fn first_version(
    deed: &mut Deed<'_>,
    place: OrganizationId,
    id: TemplateVersionId,
) -> Result<Option<TemplateVersion>, Error> {
    let refused = |detail: &str| {
        let detail = format!("Template version \"{id}\" {detail}.");
        Error::invalid_fields(VALIDATION_FAILED, vec![FieldError::new("template_version_id", detail)])
    };
    let Some(version) = deed.repos.template_versions().find_for_update(id)? else { return Ok(None) };
    if version.organization_id != place {
        return Err(refused("is not of this organization"));
    }
    if version.template_id.is_some() {
        return Err(refused("is that of a template already"));
    }
    let import = deed.repos.provisioner_jobs().find(version.job_id)?.ok_or(Error::NotFound)?;
    if import.status() != JobStatus::Succeeded {
        return Err(refused("has not been imported successfully"));
    }
    Ok(Some(version))
}

/// Changes a template, all but its access lists.
///
/// Needs `template:update`. Errors: `Invalid` (`name`, `display_name`, `description`, `icon`, `deprecation_message`,
/// `agents_allowed`, a setting), `NotFound` (missing or not readable), `Forbidden`, `Conflict` (`name`).
pub async fn update(
    ctx: &Context,
    actor: &Principal,
    id: TemplateId,
    command: UpdateTemplate,
) -> Result<TemplateView, Error> {
    let mut fields = Fields::default();
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let (description, icon) = (given(&command.description), given(&command.icon));
    let deprecation = given(&command.deprecation_message);
    let name = Some(&command.name).filter(|name| !name.is_empty());
    let name = name.and_then(|name| fields.template_name("name", name));
    let display_name = command.display_name.as_ref();
    let display_name = display_name.and_then(|text| fields.value("display_name", DISPLAY_NAME, text));
    let mut fields = fields
        .at_most("description", &description, TEMPLATE_TEXT_MAX)
        .plain_text("description", &description)
        .at_most("icon", &icon, TEMPLATE_TEXT_MAX)
        .plain("icon", &icon)
        .at_most("deprecation_message", &deprecation, TEMPLATE_TEXT_MAX)
        .plain_text("deprecation_message", &deprecation)
        .that("agents_allowed", command.agents_allowed != Some(false), AGENTS);
    // What is kept is fine, so that what is wrong with the change does not depend on it.
    fields.keep(command.settings.clone().apply(&TemplateSettings::default()).map_err(bad_settings))?;
    fields.done()?;
    ctx.act(actor, move |deed| {
        let old = held(deed.repos, deed.by, id)?;
        let permit = deed.by.permit::<action::Update, resource::Template>(&access::object(&old))?;
        let mut group_acl = old.group_acl.clone();
        if command.disable_everyone_group_access {
            set_role(&mut group_acl, old.organization_id.0, None);
        }
        let new = Template {
            name: name.unwrap_or_else(|| old.name.clone()),
            display_name: display_name.unwrap_or_else(|| old.display_name.clone()),
            description: command.description.unwrap_or_else(|| old.description.clone()),
            icon: command.icon.unwrap_or_else(|| old.icon.clone()),
            group_acl,
            deprecation_message: command.deprecation_message.unwrap_or_else(|| old.deprecation_message.clone()),
            settings: command.settings.apply(&old.settings).map_err(bad_settings)?,
            updated_at: deed.now,
            ..old.clone()
        };
        if !deed.repos.templates().update(&permit, &new)? {
            return Err(Error::NotFound);
        }
        let recorded = deed.changed(&old, &new)?;
        notifications::template_changed(deed, &old, &new)?;
        Ok(recorded.answer(deed.repos.templates().view(id)?.ok_or(Error::NotFound)?))
    })
    .await
}

/// Ends a template that has no workspaces. Its name is free again.
///
/// Needs `template:delete`. Errors: `NotFound` (missing or not readable), `Forbidden`, `Invalid` (there are
/// workspaces).
pub async fn delete(ctx: &Context, actor: &Principal, id: TemplateId) -> Result<(), Error> {
    ctx.act(actor, move |deed| {
        let old = held(deed.repos, deed.by, id)?;
        let permit = deed.by.permit::<action::Delete, resource::Template>(&access::object(&old))?;
        if deed.repos.workspaces().count_of_template(id)? > 0 {
            return Err(Error::invalid("All workspaces must be deleted before a template can be removed."));
        }
        if !deed.repos.templates().delete(&permit, id, deed.now)? {
            return Err(Error::NotFound);
        }
        notifications::template_deleted(deed, &old);
        Ok(deed.ended(&old)?.answer(()))
    })
    .await
}

/// The template, if the caller may read it; nobody else changes it until the transaction ends.
pub(super) fn held(repos: &mut dyn Repositories, actor: &Principal, id: TemplateId) -> Result<Template, Error> {
    let found = repos.templates().find_for_update(id)?;
    access::readable(actor, found)
}

fn bad_settings(errors: Vec<SettingsError>) -> Error {
    let fields = errors.into_iter().map(|error| FieldError::new(error.field, error.detail)).collect();
    Error::invalid_fields(VALIDATION_FAILED, fields)
}
