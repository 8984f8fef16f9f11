//! Jobs of provisioner daemons, as people see them.

pub(crate) mod follow;
pub(crate) mod objects;
pub(crate) mod resources;

use crate::conventions::Api;
use crate::kit::answer;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use crate::provisioners::JsonTags;
use doorward_domain::provisioner_jobs::JobStatus;
use doorward_services::Principal;
use doorward_services::provisioner_jobs::{self, JobFilter};
use objects::JobObject;
use uuid::Uuid;

/// How many jobs a list has if nothing is said.
const USUAL: u32 = 50;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list);
    r.user(__path_find, find);
}

/// Lists the jobs of an organization, the newest first.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/provisionerjobs", tag = "provisioner jobs",
    operation_id = "list_provisioner_jobs",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("limit" = Option<u32>, Query, description = "At most so many; 50 without it, all for 0"),
        ("ids" = Option<String>, Query, description = "Ids of jobs, separated by commas"),
        ("status" = Option<String>, Query, description = "`pending`, `running`, `succeeded`, `canceling`, `canceled`, `failed`, separated by commas"),
        ("tags" = Option<String>, Query, description = "Tags that they have, as a JSON object of strings"),
        ("initiator" = Option<Uuid>, Query, description = "Id of the user who asked for them"),
    ),
    responses((status = 200, body = [JobObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let limit = query.count("limit").unwrap_or(USUAL);
    let ids = query.list::<Uuid>("ids", "UUID").map(|ids| ids.into_iter().map(Into::into).collect());
    let statuses = query.list::<JobStatus>("status", "status").map(|all| all.into_iter().collect());
    let tags = query.parsed::<JsonTags>("tags", "JSON object of strings").map(|tags| tags.0);
    let initiator = query.parsed::<Uuid>("initiator", "UUID").map(Into::into);
    query.done_loosely()?;
    let limit = Some(limit).filter(|limit| *limit > 0);
    let filter = JobFilter { limit, ids, statuses, tags, initiator };
    let found = provisioner_jobs::list(call.context(), &actor, &call.organization(), filter).await?;
    let items = found.len();
    Ok(answer::list(items, move || found.iter().map(JobObject::from).collect::<Vec<_>>()).await)
}

/// Shows a job.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/provisionerjobs/{job}", tag = "provisioner jobs",
    operation_id = "find_provisioner_job",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("job" = Uuid, Path, description = "Id"),
    ),
    responses((status = 200, body = JobObject)),
)]
pub(crate) async fn find(call: Call, actor: Principal) -> HandlerResult {
    let id = call.id("job")?;
    let job = provisioner_jobs::find(call.context(), &actor, &call.organization(), id).await?;
    Ok(ok(&JobObject::from(&job)))
}
