//! What is told about workspaces, their builds, and templates (`enterprise-platform.md` 4).

use super::accounts::initiator;
use crate::deed::Deed;
use crate::notices::Told;
use doorward_domain::ids::TemplateVersionId;
use doorward_domain::notifications::{Audience, Matter, ids};
use doorward_domain::templates::Template;
use doorward_domain::users::User;
use doorward_domain::workspaces::{Build, Outcome, Transition, Workspace};
use doorward_ports::StoreError;
use uuid::Uuid;

/// A workspace was made from this version of a template: its owner is told.
pub(crate) fn workspace_created(
    deed: &mut Deed<'_>,
    workspace: &Workspace,
    owner: &User,
    template: &Template,
    version: Option<Uuid>,
) -> Result<(), StoreError> {
    if !deed.reaches_people() {
        return Ok(());
    }
    let matter = built_from(deed, workspace, owner, template, version)?;
    deed.notify(Told::new(ids::WORKSPACE_CREATED, Audience::User(owner.id), matter));
    Ok(())
}

/// Somebody has a workspace started: its owner is told if it is from another version of the template than before.
pub(crate) fn workspace_started(
    deed: &mut Deed<'_>,
    workspace: &Workspace,
    owner: &User,
    template: &Template,
    previous: Option<&Build>,
    version: Option<Uuid>,
) -> Result<(), StoreError> {
    let is_new = previous.is_some_and(|previous| previous.template_version_id != version);
    if !is_new || !deed.reaches_people() {
        return Ok(());
    }
    let organization = deed.repos.organizations().find(workspace.organization_id)?;
    let matter = built_from(deed, workspace, owner, template, version)?
        .label("initiator", initiator(deed.by))
        .label("organization", organization.map(|found| found.name.to_string()).unwrap_or_default());
    deed.notify(Told::new(ids::WORKSPACE_MANUALLY_UPDATED, Audience::User(owner.id), matter));
    Ok(())
}

/// A build is over: the owner is told that somebody else has deleted the workspace; and the owner and those who look after templates,
/// that it failed.
pub(crate) fn build_ended(
    deed: &mut Deed<'_>,
    workspace: &Workspace,
    owner: &User,
    build: &Build,
) -> Result<(), StoreError> {
    if !deed.reaches_people() {
        return Ok(());
    }
    let is_own = build.initiator_id == owner.id;
    match (build.outcome, build.transition) {
        (Outcome::Succeeded, Transition::Delete) if !is_own => {
            let matter = Matter::default()
                .label("name", workspace.name.as_str())
                .label("reason", "")
                .label("initiator", asked_by(deed, build)?)
                .about(workspace.id)
                .about(workspace.owner_id);
            deed.notify(Told::new(ids::WORKSPACE_DELETED, Audience::User(owner.id), matter));
        }
        (Outcome::Failed, _) => {
            let template = deed.repos.templates().find_with_deleted(workspace.template_id)?;
            let matter = Matter::default()
                .label("name", workspace.name.as_str())
                .label("template_name", template.as_ref().map(shown).unwrap_or_default())
                .label("template_version_name", version_name(deed, build.template_version_id)?)
                .label("initiator", asked_by(deed, build)?)
                .label("workspace_owner_username", owner.username.as_str())
                .label("workspace_build_number", build.build_number.to_string())
                .about(workspace.id)
                .about(workspace.template_id)
                .about(workspace.organization_id);
            let others = Audience::TemplateAdmins { organization: workspace.organization_id, except: Some(owner.id) };
            for audience in [Audience::User(owner.id), others] {
                deed.notify(Told::new(ids::WORKSPACE_MANUAL_BUILD_FAILED, audience, matter.clone()));
            }
        }
        (Outcome::Succeeded | Outcome::Canceled | Outcome::Pending, _) => {}
    }
    Ok(())
}

/// A template was deleted: those who look after templates are told, but for whoever did it.
pub(crate) fn template_deleted(deed: &mut Deed<'_>, template: &Template) {
    let matter = Matter::default()
        .label("name", shown(template))
        .label("initiator", initiator(deed.by))
        .about(template.id)
        .about(template.organization_id);
    let audience = Audience::TemplateAdmins { organization: template.organization_id, except: deed.by.user_id() };
    deed.notify(Told::new(ids::TEMPLATE_DELETED, audience, matter));
}

/// A template was changed: if nobody should use it any more from now on, those who have workspaces of it are told.
pub(crate) fn template_changed(deed: &mut Deed<'_>, old: &Template, new: &Template) -> Result<(), StoreError> {
    let is_news = old.deprecation_message.is_empty() && !new.deprecation_message.is_empty();
    if !is_news || !deed.reaches_people() {
        return Ok(());
    }
    let organization = deed.repos.organizations().find(new.organization_id)?;
    let matter = Matter::default()
        .label("template", shown(new))
        .label("message", new.deprecation_message.as_str())
        .label("organization", organization.map(|found| found.name.to_string()).unwrap_or_default())
        .about(new.id)
        .about(new.organization_id);
    deed.notify(Told::new(ids::TEMPLATE_DEPRECATED, Audience::WorkspaceOwners(new.id), matter));
    Ok(())
}

/// What a workspace is, and what it was built from.
fn built_from(
    deed: &mut Deed<'_>,
    workspace: &Workspace,
    owner: &User,
    template: &Template,
    version: Option<Uuid>,
) -> Result<Matter, StoreError> {
    Ok(Matter::default()
        .label("workspace", workspace.name.as_str())
        .label("template", shown(template))
        .label("version", version_name(deed, version)?)
        .label("workspace_owner_username", owner.username.as_str())
        .about(workspace.id)
        .about(workspace.owner_id)
        .about(workspace.template_id)
        .about(workspace.organization_id))
}

/// What people call a template.
fn shown(template: &Template) -> String {
    let shown = template.display_name.as_str();
    if shown.is_empty() { template.name.to_string() } else { shown.to_owned() }
}

/// What people call a version: its name, or the id of one that is kept elsewhere.
fn version_name(deed: &mut Deed<'_>, version: Option<Uuid>) -> Result<String, StoreError> {
    let Some(id) = version else { return Ok("(none)".to_owned()) };
    let found = deed.repos.template_versions().find(TemplateVersionId(id))?;
    Ok(found.map_or_else(|| id.to_string(), |version| version.name.to_string()))
}

/// Who has asked for a build.
fn asked_by(deed: &mut Deed<'_>, build: &Build) -> Result<String, StoreError> {
    if deed.by.is(build.initiator_id) {
        return Ok(initiator(deed.by));
    }
    let found = deed.repos.users().find(build.initiator_id)?;
    Ok(found.map(|user| user.username.to_string()).unwrap_or_default())
}
