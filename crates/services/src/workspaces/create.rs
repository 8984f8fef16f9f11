//! Making workspaces.

use super::build::{NewBuild, negative, record_build};
use super::{WorkspaceView, access, record};
use crate::Principal;
use crate::context::Context;
use crate::error::{Error, FieldError, VALIDATION_FAILED};
use crate::organizations::{self, OrganizationRef};
use crate::quotas::Spender;
use crate::templates;
use crate::users::UserRef;
use crate::users::fields::Fields;
use crate::users::reference::resolve_live;
use doorward_domain::ids::TemplateId;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, System, action, resource};
use doorward_domain::templates::Template;
use doorward_domain::workspaces::{Transition, Workspace};
use doorward_ports::Repositories;

/// What is asked of a new workspace.
#[derive(Clone, Debug, Default)]
pub struct CreateWorkspace {
    /// What it is made from.
    pub template_id: Option<TemplateId>,
    /// Its name.
    pub name: String,
    /// What it costs per day once it was started.
    pub daily_cost: i32,
}

/// Makes a workspace for a user and starts it. The first build fails when the quota does not suffice; the workspace is
/// there all the same. If an organization is named, the user must belong to it and the template must be of it.
///
/// Needs `template:use`, and `workspace:create` for that user in the organization of the template. Errors: `Invalid`
/// (`template_id`, `name`, `daily_cost`; the user is no member), `OrganizationNotFound` and `UserNotFound` (missing or
/// not readable), `NotFound` (the user is not in the named organization), `Forbidden`, `Refused` (no account),
/// `Conflict` (`name`).
pub async fn create(
    ctx: &Context,
    actor: &Principal,
    organization: Option<OrganizationRef>,
    user: &UserRef,
    command: CreateWorkspace,
) -> Result<WorkspaceView, Error> {
    let template_id = command.template_id.unwrap_or(TemplateId::NIL);
    let given = command.template_id.map(|id| id.to_string()).unwrap_or_default();
    let daily_cost = command.daily_cost;
    let mut fields = Fields::default().required("template_id", &given);
    let name = fields.workspace_name("name", &command.name);
    let name = fields.defect("daily_cost", negative(daily_cost)).done_with(name)?;
    let reference = user.clone();
    ctx.act(actor, move |deed| {
        let organization = organization.as_ref();
        let organization = organization.map(|named| organizations::resolve(deed.repos, deed.by, named)).transpose()?;
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
        let _made = deed.entry().with(record::names(&workspace, owner)).made(&workspace)?;
        let permit = System::because("a new workspace is started").permit_on(&workspace.object());
        let first =
            NewBuild { transition: Transition::Start, daily_cost, template_version_id: template.active_version_id };
        let recorded = record_build(deed, first, &permit, &workspace, &spender)?;
        Ok(recorded.answer(deed.repos.workspaces().view(workspace.id)?.ok_or(Error::NotFound)?))
    })
    .await
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
