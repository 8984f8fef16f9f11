//! Making workspaces.

use super::build::{NewBuild, negative, record_build};
use super::{WorkspaceView, access};
use crate::audit::{Diff, Trail};
use crate::context::{Actor, Context};
use crate::error::{Error, FieldError, VALIDATION_FAILED};
use crate::organizations::{self, OrganizationRef};
use crate::quotas::Spender;
use crate::templates;
use crate::users::UserRef;
use crate::users::fields::Fields;
use crate::users::reference::resolve_live;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::{TemplateId, UserId};
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

/// Makes a workspace for a user and starts it; needs `use` on the template and `create` on workspaces of that user in the
/// organization of the template. The first build fails when the quota does not suffice; the workspace is there all the
/// same. If an organization is named, the user must belong to it and the template must be of it.
pub async fn create(
    ctx: &Context,
    actor: &Actor,
    organization: Option<OrganizationRef>,
    user: &UserRef,
    command: CreateWorkspace,
) -> Result<WorkspaceView, Error> {
    let template_id = command.template_id.unwrap_or(TemplateId::NIL);
    let given = command.template_id.map(|id| id.to_string()).unwrap_or_default();
    let cost = command.daily_cost;
    Fields::default()
        .required("template_id", &given)
        .workspace_name("name", &command.name)
        .defect("daily_cost", negative(cost))
        .done()?;
    let build = NewBuild::start(ctx, actor, Transition::Start, cost);
    let (now, id) = ctx.new_id();
    let (actor, reference, trail) = (actor.clone(), user.clone(), Trail::of(ctx, actor));
    ctx.store
        .write(move |repos| {
            let organization =
                organization.as_ref().map(|named| organizations::resolve(repos, &actor, named)).transpose()?;
            let owner = resolve_live(repos, &actor, &reference)?;
            // Whoever deletes the user meanwhile finds the workspace, or it finds the user deleted.
            let spender = Spender::hold(repos, owner.id)?.filter(|spender| !spender.user().deleted);
            let spender = spender.ok_or(Error::UserNotFound)?;
            let owner = spender.user();
            let memberships = repos.organizations().list_memberships(owner.id)?;
            let is_member = |id| memberships.iter().any(|membership| membership.organization_id == id);
            if organization.as_ref().is_some_and(|organization| !is_member(organization.id)) {
                return Err(Error::NotFound);
            }
            let template = template_of(repos, &actor, template_id, organization.as_ref())?;
            actor.subject.check(Action::Use, &templates::access::object(&template))?;
            let object = access::new_of(owner.id, template.organization_id);
            let permit = actor.subject.permit::<action::Create, resource::Workspace>(&object)?;
            if !is_member(template.organization_id) {
                return Err(Error::invalid("The owner of a workspace must be a member of its organization."));
            }
            let workspace = Workspace {
                id,
                owner_id: owner.id,
                organization_id: template.organization_id,
                template_id,
                name: command.name,
                created_at: now,
                updated_at: now,
                last_used_at: now,
                dormant_at: None,
                deleted: false,
            };
            repos.workspaces().insert(&permit, &workspace)?;
            record(trail, repos, &workspace, &owner.username)?;
            let permit = System::because("a new workspace is started").permit_on(&workspace.object());
            record_build(repos, &build, &permit, &workspace, &spender, template.active_version_id)?;
            repos.workspaces().view(id)?.ok_or(Error::NotFound)
        })
        .await
}

/// The template that was asked for. It stays as it is until the workspace is there.
fn template_of(
    repos: &mut dyn Repositories,
    actor: &Actor,
    id: TemplateId,
    organization: Option<&Organization>,
) -> Result<Template, Error> {
    let refused =
        |detail: String| Error::invalid_fields(VALIDATION_FAILED, vec![FieldError::new("template_id", detail)]);
    let found = repos.templates().share(id)?;
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

fn record(trail: Trail, repos: &mut dyn Repositories, workspace: &Workspace, owner: &str) -> Result<(), Error> {
    let diff = Diff::default()
        .field("id", "", workspace.id.to_string())
        .field("owner_id", "", UserId::to_string(&workspace.owner_id))
        .field("template_id", "", workspace.template_id.to_string())
        .field("name", "", workspace.name.as_str());
    let about = serde_json::json!({ "workspace_name": workspace.name, "workspace_owner": owner });
    let thing = (AuditResource::Workspace, workspace.id.to_string(), workspace.name.clone());
    trail.within(workspace.organization_id).with(about).write(repos, AuditAction::Create, 201, thing, diff)?;
    Ok(())
}
