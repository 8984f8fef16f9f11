//! What a daemon has to know to do a job (`provisioner-wire.md` 6).

use super::seal::{Seal, open_json, open_state};
use crate::deed::Deed;
use crate::error::Error;
use crate::sessions::{IssuedKey, KeySpec};
use crate::settings::Settings;
use doorward_domain::Secret;
use doorward_domain::files::File;
use doorward_domain::groups::GroupFilter;
use doorward_domain::ids::{OrganizationId, WorkspaceId};
use doorward_domain::provisioner_jobs::{JobInput, JobType, ProvisionerJob};
use doorward_domain::roles::{Action, ResourceType, System, action, resource};
use doorward_domain::template_versions::{TemplateVersion, Variable};
use doorward_domain::templates::Template;
use doorward_domain::users::{LoginType, User};
use doorward_domain::workspaces::{Build, Transition, Workspace};
use doorward_ports::groups::GroupPage;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The group that everybody in an organization is in, by its name.
const EVERYONE: &str = "Everyone";

/// A value of a variable of a template.
#[derive(Clone, PartialEq, Eq)]
pub struct VariableValue {
    /// The variable.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether nobody is to see it.
    pub sensitive: bool,
}

/// Without the value, which may be a secret.
impl fmt::Debug for VariableValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VariableValue").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A job that a daemon has got.
#[derive(Debug)]
pub struct Acquired {
    /// The job.
    pub job: ProvisionerJob,
    /// Name of the user who asked for it.
    pub user_name: String,
    /// The source, to be read by [`source`](super::source).
    pub file: File,
    /// What is to be done.
    pub work: AcquiredWork,
}

/// What is to be done.
#[derive(Debug)]
pub enum AcquiredWork {
    /// A version is to be read.
    Import {
        /// The values that its variables are given.
        variables: Vec<VariableValue>,
        /// The address of this server.
        coder_url: String,
    },
    /// It is to be tried what a version makes.
    DryRun {
        /// The values of its parameters.
        parameters: BTreeMap<String, String>,
        /// The values of its variables.
        variables: Vec<VariableValue>,
        /// What the workspace is called.
        workspace_name: String,
        /// The address of this server.
        coder_url: String,
    },
    /// A workspace is to be built.
    Build(Box<AcquiredBuild>),
}

impl AcquiredWork {
    /// The groups that an import and a trial are told of.
    #[must_use]
    pub fn usual_groups() -> Vec<String> {
        vec![EVERYONE.to_owned()]
    }
}

/// A workspace to be built.
#[derive(Debug)]
pub struct AcquiredBuild {
    /// The build.
    pub build: Build,
    /// The workspace.
    pub workspace: Workspace,
    /// The values of the parameters.
    pub parameters: BTreeMap<String, String>,
    /// Those of the build before it; empty without one.
    pub previous_parameters: BTreeMap<String, String>,
    /// The values of the variables.
    pub variables: Vec<VariableValue>,
    /// What the provisioner has left behind the last time; empty at first.
    pub state: Secret<Vec<u8>>,
    /// How much the daemon is to log; empty: as usual.
    pub log_level: String,
    /// What the source may want to know.
    pub metadata: Metadata,
}

/// What the source of a template may want to know of a workspace.
#[derive(Debug)]
pub struct Metadata {
    /// The address of this server.
    pub coder_url: String,
    /// Whose the workspace is.
    pub owner: User,
    /// Names of the groups of the owner in the organization, in alphabetical order.
    pub owner_groups: Vec<String>,
    /// Roles of the owner: those of the site have no organization.
    pub owner_roles: Vec<(String, Option<OrganizationId>)>,
    /// A session of the owner, while the workspace is started.
    pub session_token: Option<Secret<String>>,
    /// The template.
    pub template: Template,
    /// The version.
    pub version: TemplateVersion,
}

/// Makes up what a daemon has to know. Errors: whatever is not there any more.
pub(super) fn assemble(
    deed: &mut Deed<'_>,
    seal: &Seal,
    settings: &Arc<Settings>,
    job: ProvisionerJob,
) -> Result<Acquired, Error> {
    let missing = |what: &str| Error::NoSuch(format!("{what} is not there any more"));
    let initiator = deed.repos.users().find(job.initiator_id)?.ok_or_else(|| missing("who asked for it"))?;
    let file = deed.repos.files().find(job.file_id)?.ok_or_else(|| missing("its file"))?;
    let version = deed.repos.template_versions().find(job.template_version_id)?;
    let version = version.ok_or_else(|| missing("its version"))?;
    let stored = deed.repos.provisioner_jobs().input(job.id)?;
    let input: JobInput = open_json(seal, &job.id, stored)?;
    let coder_url = settings.access_url.as_str().trim_end_matches('/').to_owned();
    let work = match job.kind {
        JobType::TemplateVersionImport => {
            let given = |(name, value)| VariableValue { name, value, sensitive: true };
            AcquiredWork::Import { variables: input.variables.into_iter().map(given).collect(), coder_url }
        }
        JobType::TemplateVersionDryRun => AcquiredWork::DryRun {
            parameters: input.parameters,
            variables: variables(deed, seal, &version)?,
            workspace_name: input.workspace_name,
            coder_url,
        },
        JobType::WorkspaceBuild => {
            let build = job.workspace_build_id.map(|id| deed.repos.workspaces().find_build(id)).transpose()?.flatten();
            let build = build.ok_or_else(|| missing("its build"))?;
            let workspace = deed.repos.workspaces().find(build.workspace_id)?;
            let workspace = workspace.ok_or_else(|| missing("its workspace"))?;
            let template = deed.repos.templates().find_with_deleted(workspace.template_id)?;
            let template = template.ok_or_else(|| missing("its template"))?;
            let owner = deed.repos.users().find(workspace.owner_id)?.ok_or_else(|| missing("its owner"))?;
            let variables = variables(deed, seal, &version)?;
            let parameters = deed.repos.workspaces().build_parameters(build.id)?.unwrap_or_default();
            let previous = match build.build_number {
                ..=1 => None,
                number => deed.repos.workspaces().view_build_by_number(workspace.id, number - 1)?,
            };
            let previous_parameters = match previous {
                Some(previous) => deed.repos.workspaces().build_parameters(previous.build.id)?.unwrap_or_default(),
                None => BTreeMap::new(),
            };
            let stored = deed.repos.workspaces().build_state(build.id)?;
            let state = Secret::new(open_state(seal, build.id, stored)?);
            let session_token = session_token(deed, settings, &owner, workspace.id, build.transition)?;
            let metadata = metadata(deed, coder_url, owner, template, version, session_token)?;
            AcquiredWork::Build(Box::new(AcquiredBuild {
                build,
                workspace,
                parameters,
                previous_parameters,
                variables,
                state,
                log_level: input.log_level,
                metadata,
            }))
        }
    };
    Ok(Acquired { job, user_name: initiator.username.to_string(), file, work })
}

/// The values of the variables of a version that has been imported, but for those of which there is nothing to say.
fn variables(deed: &mut Deed<'_>, seal: &Seal, version: &TemplateVersion) -> Result<Vec<VariableValue>, Error> {
    let stored = deed.repos.template_versions().variables(version.id)?;
    let variables: Vec<Variable> = open_json(seal, &version.id, stored)?;
    let is_told =
        |variable: &Variable| !variable.value.is_empty() || !variable.default_value.is_empty() || variable.required;
    let value = |variable: Variable| VariableValue {
        name: variable.name,
        value: variable.value,
        sensitive: variable.sensitive,
    };
    Ok(variables.into_iter().filter(is_told).map(value).collect())
}

fn metadata(
    deed: &mut Deed<'_>,
    coder_url: String,
    owner: User,
    template: Template,
    version: TemplateVersion,
    session_token: Option<Secret<String>>,
) -> Result<Metadata, Error> {
    let place = template.organization_id;
    let filter = GroupFilter { organization: Some(place), has_member: Some(owner.id), ..GroupFilter::default() };
    let visible = deed.by.subject.list_filter(Action::Read, ResourceType::Group);
    let found = deed.repos.groups().list(&filter, &visible, &GroupPage::default())?;
    let owner_groups = found.into_iter().map(|found| found.group.name.to_string()).collect();
    let memberships = deed.repos.organizations().list_memberships(owner.id)?;
    let here = memberships.iter().find(|membership| membership.organization_id == place);
    let of_site = owner.roles.iter().map(|name| (name.clone(), None));
    let of_place =
        here.into_iter().flat_map(|membership| membership.roles.iter().map(|name| (name.clone(), Some(place))));
    let owner_roles = of_site.chain(of_place).collect();
    Ok(Metadata { coder_url, owner, owner_groups, owner_roles, session_token, template, version })
}

/// A session of the owner, which the source may use while it starts the workspace: a new one for each start, and none after its end.
fn session_token(
    deed: &mut Deed<'_>,
    settings: &Settings,
    owner: &User,
    workspace: WorkspaceId,
    transition: Transition,
) -> Result<Option<Secret<String>>, Error> {
    let name = format!("{}_{workspace}_session_token", owner.id);
    let why = System::because("the session of a workspace follows its builds");
    if let Some(old) = deed.repos.api_keys().find_token(owner.id, &name)? {
        deed.repos.api_keys().delete(&why.permit::<action::Delete, resource::ApiKey>(), &old.id)?;
    }
    if transition != Transition::Start || !owner.may_act() {
        return Ok(None);
    }
    let lifetime = settings.sessions.token_lifetime_default.get();
    // A token, so that the owner sees it in the list of tokens and can end it.
    let spec = KeySpec { token_name: name, login_type: LoginType::Token, ..KeySpec::session(owner.id, lifetime, "") };
    let mut issued = IssuedKey::new(deed.random(), deed.now, spec)?;
    issued.key.slides_until = Some(issued.key.expires_at);
    deed.repos.api_keys().insert(&why.permit::<action::Create, resource::ApiKey>(), &issued.key)?;
    Ok(Some(issued.token))
}
