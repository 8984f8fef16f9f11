//! Making a version.

use super::TemplateVersionView;
use super::access::Known;
use crate::Principal;
use crate::context::Context;
use crate::deed::Deed;
use crate::error::{Error, FieldError, VALIDATION_FAILED};
use crate::files;
use crate::organizations::{OrganizationRef, resolve};
use crate::provisioner_jobs::{NewJob, open_json, post, told_of_post};
use crate::templates;
use crate::users::fields::Fields;
use doorward_domain::Instant;
use doorward_domain::ids::{FileId, OrganizationId, TemplateId, TemplateVersionId};
use doorward_domain::names::TemplateVersionName;
use doorward_domain::provisioner_jobs::{JobInput, JobType, has_nul};
use doorward_domain::provisioners::{OFFLINE_AFTER, ProvisionerType, RECENT, Tags};
use doorward_domain::roles::{Action, System};
use doorward_domain::template_versions::{MESSAGE_MAX, TemplateVersion, VALUE_MAX, VARIABLES_MAX, Variable};
use doorward_ports::Repositories;
use doorward_ports::provisioners::DaemonFilter;
use std::collections::BTreeMap;

/// Characters of a name that is drawn for a version without one.
const DRAWN_NAME: usize = 12;

/// What is asked of a new version.
#[derive(Clone, Debug, Default)]
pub struct CreateTemplateVersion {
    /// Its name; empty: one is drawn.
    pub name: String,
    /// What its maker says of it.
    pub message: String,
    /// The template it is of; `None` for one of which a template will be made.
    pub template_id: Option<TemplateId>,
    /// The source.
    pub file_id: Option<FileId>,
    /// `terraform` or `echo`.
    pub provisioner: String,
    /// Which daemons may read it.
    pub tags: BTreeMap<String, String>,
    /// Values of its variables.
    pub variables: BTreeMap<String, String>,
}

/// The daemons that can take a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MatchedProvisioners {
    /// How many there are, whether or not they are there now.
    pub count: usize,
    /// How many of them are there now.
    pub available: usize,
    /// When one of them was seen last.
    pub most_recently_seen: Option<Instant>,
}

/// A version, and who can read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownVersion {
    /// The version.
    pub view: TemplateVersionView,
    /// Who can read it, while its import waits.
    pub matched: Option<MatchedProvisioners>,
}

/// Makes a version, which a provisioner daemon then imports. Values of variables that the active version of its template has and that are
/// not given again are carried over.
///
/// Needs `template:update` for a version of a template, else `template:create`; and to be able to read the file. Errors: `Invalid` (`name`,
/// `message`, `file_id`, `provisioner`, `tags`, `user_variable_values`), `OrganizationNotFound`, `NotFound` (the template), `Forbidden`,
/// `Refused` (no account), `Conflict` (`name`; too many jobs wait).
pub async fn create(
    ctx: &Context,
    by: &Principal,
    organization: &OrganizationRef,
    command: CreateTemplateVersion,
) -> Result<ShownVersion, Error> {
    let given_file = command.file_id.map(|id| id.to_string()).unwrap_or_default();
    let mut fields = Fields::default();
    let name = match command.name.as_str() {
        "" => Ok(None),
        text => fields
            .keep(text.parse::<TemplateVersionName>().map(Some).map_err(|_broken| {
                let detail = format!("Validation failed for tag \"template_version_name\" with value: \"{text}\"");
                Error::invalid_field("name", detail)
            }))
            .map(Option::flatten),
    }?;
    let provisioner = fields.keep(
        command
            .provisioner
            .parse::<ProvisionerType>()
            .map_err(|_unknown| Error::invalid_field("provisioner", "must be `terraform` or `echo`")),
    )?;
    let tags =
        fields.keep(Tags::new(command.tags).map_err(|defect| Error::invalid_field("tags", defect.to_string())))?;
    let is_much = command.variables.len() > VARIABLES_MAX
        || command.variables.values().any(|value| value.len() > VALUE_MAX)
        || has_nul(&command.variables);
    let fields = fields
        .required("file_id", &given_file)
        .at_most("message", &command.message, MESSAGE_MAX)
        .that("message", !command.message.contains('\0'), "must not have NUL characters")
        .that("user_variable_values", !is_much, "are too many or too long, or hold a NUL character");
    let (provisioner, tags) = fields.done_with(provisioner.zip(tags))?;
    let (organization, seal) = (organization.clone(), ctx.seal());
    let file_id = command.file_id.unwrap_or(FileId::NIL);
    let made = ctx
        .act(by, move |deed| {
            let place = resolve(deed.repos, deed.by, &organization)?;
            let account = deed.by.account()?.user.id;
            let known = known(deed, place.id, command.template_id)?;
            let is_readable = files::readable(deed.repos, deed.by, file_id);
            is_readable.map_err(|error| if matches!(error, Error::NotFound) { no_file(file_id) } else { error })?;
            let tags = tags.of_daemon(account);
            let mut variables = command.variables;
            if let Some(active) = known.as_ref().and_then(|template| template.active_version_id) {
                let active = TemplateVersionId(active);
                let stored = deed.repos.template_versions().variables(active)?;
                let before: Vec<Variable> = open_json(&seal, &active, stored)?;
                for variable in before.into_iter().filter(|variable| !variable.value.is_empty()) {
                    variables.entry(variable.name).or_insert(variable.value);
                }
            }
            let name = name.unwrap_or_else(|| {
                let drawn = deed.random().alphanumeric(DRAWN_NAME).into_exposed();
                TemplateVersionName::from_storage(drawn.to_ascii_lowercase())
            });
            let (id, job_id) = (deed.new_id(), deed.new_id());
            let version = TemplateVersion {
                id,
                template_id: command.template_id,
                organization_id: place.id,
                name,
                message: command.message,
                readme: String::new(),
                created_by: account,
                created_at: deed.now,
                updated_at: deed.now,
                archived: false,
                job_id,
                file_id,
                workspace_tags: BTreeMap::new(),
                parameters: Vec::new(),
                presets: Vec::new(),
                external_auth: Vec::new(),
                has_ai_tasks: false,
            };
            let job = NewJob {
                organization_id: place.id,
                initiator_id: account,
                provisioner,
                kind: JobType::TemplateVersionImport,
                file_id,
                tags: tags.clone(),
                template_version_id: id,
                workspace_build_id: None,
                input: JobInput { variables, ..JobInput::default() },
            };
            post(deed, &seal, job_id, job)?;
            let why = System::because("whoever may change the template, or make one, makes a version of it").permit();
            deed.repos.template_versions().insert(&why, &version)?;
            let matched = Some(matched(deed.repos, deed.now, place.id, provisioner, &tags)?);
            let recorded = deed.made(&version)?;
            let view = deed.repos.template_versions().view(id)?.ok_or(Error::NotFound)?;
            Ok::<_, Error>(recorded.answer(ShownVersion { view, matched }))
        })
        .await?;
    told_of_post(&ctx.bus, made.view.version.organization_id);
    Ok(made)
}

/// The template of the new version, if it has one, which the caller may change; else the caller may make templates.
fn known(
    deed: &mut Deed<'_>,
    place: OrganizationId,
    template: Option<TemplateId>,
) -> Result<Option<doorward_domain::templates::Template>, Error> {
    let Some(id) = template else {
        deed.by.subject.check(Action::Create, &templates::access::new_in(place))?;
        return Ok(None);
    };
    // Nobody ends it until the version is there.
    let found = deed.repos.templates().find_for_share(id)?.filter(|template| template.organization_id == place);
    let template = templates::access::readable(deed.by, found)?;
    deed.by.subject.check(Action::Update, &templates::access::object(&template))?;
    Ok(Some(template))
}

fn no_file(id: FileId) -> Error {
    let detail = format!("File \"{id}\" doesn't exist.");
    Error::invalid_fields(VALIDATION_FAILED, vec![FieldError::new("file_id", detail)])
}

/// The daemons that can take a job with these tags.
pub(crate) fn matched(
    repos: &mut dyn Repositories,
    now: Instant,
    place: OrganizationId,
    provisioner: ProvisionerType,
    tags: &Tags,
) -> Result<MatchedProvisioners, Error> {
    let filter = DaemonFilter { seen_since: Some(now - RECENT), ..DaemonFilter::default() };
    let daemons = repos.provisioner_daemons().list(place, &filter)?;
    let able = daemons.iter().filter(|daemon| daemon.provisioners.contains(&provisioner) && daemon.tags.satisfy(tags));
    let mut matched = MatchedProvisioners::default();
    for daemon in able {
        matched.count += 1;
        matched.available += usize::from(now - daemon.last_seen_at <= OFFLINE_AFTER);
        matched.most_recently_seen = matched.most_recently_seen.max(Some(daemon.last_seen_at));
    }
    Ok(matched)
}

/// The version with what it is checked as, which nobody else changes until the transaction ends.
pub(crate) fn held(deed: &mut Deed<'_>, id: TemplateVersionId) -> Result<Known, Error> {
    let version = deed.repos.template_versions().find_for_update(id)?.ok_or(Error::NotFound)?;
    Known::load(deed.repos, version)?.readable(deed.by)
}
