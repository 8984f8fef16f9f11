//! Lists of daemons.

use crate::conventions::Api;
use crate::kit::answer;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::Timestamp;
use crate::kit::routes::Room;
use doorward_domain::provisioners::{DaemonStatus, ProvisionerDaemon, ProvisionerType, TagError, Tags};
use doorward_domain::settings::Span;
use doorward_services::Principal;
use doorward_services::provisioner_jobs::JobTemplate;
use doorward_services::provisioners::daemons::{self, DaemonQuery, ListedDaemon, WorkerJob};
use serde::Serialize;
use std::collections::BTreeMap;
use std::str::FromStr;
use utoipa::ToSchema;
use uuid::Uuid;

/// How many daemons a list has if nothing is said.
const USUAL: u32 = 50;

pub(super) fn routes(r: &mut Room<'_, Api>) {
    r.user(__path_list, list);
}

/// A provisioner daemon.
#[derive(Serialize, ToSchema)]
#[schema(as = ProvisionerDaemon)]
pub(crate) struct DaemonObject {
    id: Uuid,
    organization_id: Uuid,
    key_id: Uuid,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    name: String,
    /// The version of its program.
    version: String,
    /// The version of the protocol that it speaks.
    api_version: String,
    provisioners: Vec<&'static str>,
    tags: BTreeMap<String, String>,
    /// The name of the key with which it came in; null beside its key.
    key_name: Option<String>,
    /// `offline`, `idle` or `busy`; null beside its key.
    status: Option<&'static str>,
    /// The job that it has.
    current_job: Option<WorkerJobObject>,
    /// The job that it had last.
    previous_job: Option<WorkerJobObject>,
}

/// A job of a daemon, in short.
#[derive(Serialize, ToSchema)]
#[schema(as = ProvisionerDaemonJob)]
pub(crate) struct WorkerJobObject {
    id: Uuid,
    /// `running`, `succeeded`, `canceling`, `canceled` or `failed`.
    status: &'static str,
    template_name: String,
    template_icon: String,
    template_display_name: String,
}

impl From<WorkerJob> for WorkerJobObject {
    fn from(known: WorkerJob) -> Self {
        let template = known.template;
        let text = |part: fn(&JobTemplate) -> &String| template.as_ref().map(part).cloned().unwrap_or_default();
        Self {
            id: known.job.id.0,
            status: known.job.status().as_str(),
            template_name: text(|template| &template.name),
            template_icon: text(|template| &template.icon),
            template_display_name: text(|template| &template.display_name),
        }
    }
}

impl From<ProvisionerDaemon> for DaemonObject {
    fn from(daemon: ProvisionerDaemon) -> Self {
        Self {
            id: daemon.id.0,
            organization_id: daemon.organization_id.0,
            key_id: daemon.key_id.0,
            created_at: Timestamp::from(daemon.created_at),
            last_seen_at: Timestamp::from(daemon.last_seen_at),
            name: daemon.name,
            version: daemon.version,
            api_version: daemon.api_version,
            provisioners: daemon.provisioners.into_iter().map(ProvisionerType::as_str).collect(),
            tags: daemon.tags.all().clone(),
            key_name: None,
            status: None,
            current_job: None,
            previous_job: None,
        }
    }
}

impl From<ListedDaemon> for DaemonObject {
    fn from(listed: ListedDaemon) -> Self {
        let (key_name, status) = (Some(listed.key_name), Some(listed.status.as_str()));
        let current_job = listed.current_job.map(WorkerJobObject::from);
        let previous_job = listed.previous_job.map(WorkerJobObject::from);
        Self { key_name, status, current_job, previous_job, ..Self::from(listed.daemon) }
    }
}

/// Tags as a JSON object of strings.
pub(crate) struct JsonTags(pub(crate) Tags);

impl FromStr for JsonTags {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let tags = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Tags::new(tags).map(Self).map_err(|error: TagError| error.to_string())
    }
}

/// Lists the daemons of an organization, those first that were first seen last.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/provisionerdaemons", tag = "provisioner daemons",
    params(
        ("organization" = String, Path, description = "Id or name"),
        ("limit" = Option<u32>, Query, description = "At most so many; 50 without it, all for 0"),
        ("ids" = Option<String>, Query, description = "Ids of daemons, separated by commas"),
        ("tags" = Option<String>, Query, description = "Tags that they satisfy, as a JSON object of strings"),
        ("offline" = Option<bool>, Query, description = "Whether those that are offline are listed"),
        ("status" = Option<String>, Query, description = "`offline`, `idle`, `busy`, separated by commas"),
        ("max_age" = Option<String>, Query, description = "Within which time they were seen, such as `1h0m0s`"),
    ),
    responses((status = 200, body = [DaemonObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let limit = query.count("limit").unwrap_or(USUAL);
    let ids = query.list::<Uuid>("ids", "UUID").map(|ids| ids.into_iter().map(Into::into).collect());
    let tags = query.parsed::<JsonTags>("tags", "JSON object of strings").map(|tags| tags.0);
    let offline = query.said_flag("offline");
    let statuses = query.list::<DaemonStatus>("status", "status").map(|all| all.into_iter().collect());
    let max_age = query.parsed::<Span>("max_age", "duration").map(Span::get);
    query.done()?;
    let limit = Some(limit).filter(|limit| *limit > 0);
    let query = DaemonQuery { limit, ids, tags, offline, statuses, max_age };
    let found = daemons::list(call.context(), &actor, &call.organization(), query).await?;
    let items = found.len();
    Ok(answer::list(items, move || found.into_iter().map(DaemonObject::from).collect::<Vec<_>>()).await)
}
