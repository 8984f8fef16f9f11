//! Making workspaces.

use super::build::{NewBuild, negative, record_build, wake_daemons};
use super::jobs::{Given, JobBuild, post_build, version_of};
use super::{WorkspaceView, access, record};
use crate::Principal;
use crate::context::Context;
use crate::error::{Error, FieldError, VALIDATION_FAILED};
use crate::notifications::workspaces as notifications;
use crate::organizations::{self, OrganizationRef};
use crate::quotas::Spender;
use crate::templates;
use crate::users::UserRef;
use crate::users::fields::Fields;
use crate::users::reference::resolve_live;
use doorward_domain::ids::{TemplateId, TemplateVersionId};
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, System, action, resource};
use doorward_domain::templates::Template;
use doorward_domain::workspaces::{Transition, Workspace};
use doorward_ports::Repositories;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What is asked of a new workspace.
#[derive(Clone, Debug, Default)]
pub struct CreateWorkspace {
    /// What it is made from.
    pub template_id: Option<TemplateId>,
    /// Its name.
    pub name: String,
    /// What it costs per day once it was started, where no provisioner daemon finds that out.
    pub daily_cost: i32,
    /// The version of the template that it is made from; `None` for the active one.
    pub template_version_id: Option<Uuid>,
    /// Values of the parameters of the version.
    pub parameters: BTreeMap<String, String>,
    /// Values that go together; those of `parameters` go before.
    pub preset: Option<Uuid>,
}

/// Makes a workspace for a user and starts it: where the template has versions, a job of a provisioner daemon does, and the answer shows the
/// build as waiting. The first build fails when the quota does not suffice; the workspace is there all the same. If an organization is named, the user must belong to it and the template must be of it.
///
/// Needs `template:use`, and `workspace:create` for that user in the organization of the template. Errors: `Invalid`
/// (`template_id`, `template_version_id`, `name`, `daily_cost`; parameters; the user is no member), `OrganizationNotFound` and `UserNotFound` (missing or
/// not readable), `NotFound` (the user is not in the named organization), `Forbidden`, `Refused` (no account),
/// `Conflict` (`name`; too many jobs wait), `WrongState` (the version is not imported yet).
pub async fn create(
    ctx: &Context,
    actor: &Principal,
    organization: Option<OrganizationRef>,
    user: &UserRef,
    command: CreateWorkspace,
) -> Result<WorkspaceView, Error> {
    let (template_id, version_id) = (command.template_id, command.template_version_id);
    let named = template_id.map(|id| id.0).or(version_id).map(|id| id.to_string()).unwrap_or_default();
    let daily_cost = command.daily_cost;
    let mut fields = Fields::default().required("template_id", &named);
    let name = fields.workspace_name("name", &command.name);
    let name = fields.defect("daily_cost", negative(daily_cost)).done_with(name)?;
    let reference = user.clone();
    let given =
        Given { version: version_id, parameters: command.parameters, preset: command.preset, ..Given::default() };
    let seal = ctx.seal();
    let view = ctx
        .act(actor, move |deed| {
            let organization = organization.as_ref();
            let organization =
                organization.map(|named| organizations::resolve(deed.repos, deed.by, named)).transpose()?;
            let owner = resolve_live(deed.repos, deed.by, &reference)?;
            // Whoever deletes the user meanwhile finds the workspace, or it finds the user deleted.
            let spender = Spender::hold(deed.repos, owner.id)?.filter(|spender| !spender.user().deleted);
            let spender = spender.ok_or(Error::UserNotFound)?;
            let owner = spender.user();
            let memberships = deed.repos.organizations().list_memberships(owner.id)?;
            let is_member = |id| memberships.iter().any(|membership| membership.organization_id == id);
            if organization.as_ref().is_some_and(|organization| !is_member(organization.id)) {
                return Err(Error::NotFound);
            }
            let template_id = match (template_id, version_id) {
                (Some(id), _) => id,
                (None, Some(version)) => template_of_version(deed.repos, version)?,
                (None, None) => TemplateId::NIL,
            };
            let template = template_of(deed.repos, deed.by, template_id, organization.as_ref())?;
            deed.by.subject.check(Action::Use, &templates::access::object(&template))?;
            let object = access::new_of(owner.id, template.organization_id);
            let permit = deed.by.permit::<action::Create, resource::Workspace>(&object)?;
            if !is_member(template.organization_id) {
                return Err(Error::invalid("The owner of a workspace must be a member of its organization."));
            }
            let workspace = Workspace {
                id: deed.new_id(),
                owner_id: owner.id,
                organization_id: template.organization_id,
                template_id,
                name,
                created_at: deed.now,
                updated_at: deed.now,
                last_used_at: deed.now,
                dormant_at: None,
                deleted: false,
            };
            deed.repos.workspaces().insert(&permit, &workspace)?;
            // Of two records, the later one ends the deed.
            let made = deed.entry().with(record::names(&workspace, owner)).made(&workspace)?;
            let permit = System::because("a new workspace is started").permit_on(&workspace.object());
            let version = version_of(deed, &template, None, &given, Transition::Start)?;
            let from = version.as_ref().map(|version| version.id.0).or(template.active_version_id);
            notifications::workspace_created(deed, &workspace, owner, &template, from)?;
            if let Some(version) = version {
                let (workspace, template) = (&workspace, &template);
                let new =
                    JobBuild { workspace, template, version, previous: None, transition: Transition::Start, given };
                post_build(deed, &seal, &permit, new)?;
                return Ok::<_, Error>(
                    made.answer(deed.repos.workspaces().view(workspace.id)?.ok_or(Error::NotFound)?),
                );
            }
            let first =
                NewBuild { transition: Transition::Start, daily_cost, template_version_id: template.active_version_id };
            let recorded = record_build(deed, first, &permit, &workspace, &spender)?;
            Ok(recorded.answer(deed.repos.workspaces().view(workspace.id)?.ok_or(Error::NotFound)?))
        })
        .await?;
    wake_daemons(ctx, &view);
    Ok(view)
}

/// The template of a version.
fn template_of_version(repos: &mut dyn Repositories, id: Uuid) -> Result<TemplateId, Error> {
    let found = repos.template_versions().find(TemplateVersionId(id))?.and_then(|version| version.template_id);
    found.ok_or_else(|| {
        let detail = format!("Template version \"{id}\" doesn't exist.");
        Error::invalid_fields(VALIDATION_FAILED, vec![FieldError::new("template_version_id", detail)])
    })
}

/// The template that was asked for. It stays as it is until the workspace is there.
fn template_of(
    repos: &mut dyn Repositories,
    actor: &Principal,
    id: TemplateId,
    organization: Option<&Organization>,
) -> Result<Template, Error> {
    let refused =
        |detail: String| Error::invalid_fields(VALIDATION_FAILED, vec![FieldError::new("template_id", detail)]);
    let found = repos.templates().find_for_share(id)?;
    // What the caller cannot read does not exist.
    let template = templates::access::readable(actor, found).map_err(|error| {
        let absent = matches!(error, Error::NotFound);
        if absent { refused(format!("Template \"{id}\" doesn't exist.")) } else { error }
    })?;
    match organization {
        Some(organization) if organization.id != template.organization_id => {
            Err(refused(format!("Template \"{id}\" is not of organization \"{}\".", organization.name)))
        }
        _ if !template.deprecation_message.is_empty() => {
            Err(refused(format!("Template \"{}\" is deprecated: {}", template.name, template.deprecation_message)))
        }
        _ => Ok(template),
    }
}
