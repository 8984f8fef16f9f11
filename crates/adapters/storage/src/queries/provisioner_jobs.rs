//! Jobs of provisioner daemons, their logs and what they make.

use super::expiring::Expiring;
use super::one_of::OneOf;
use super::provisioner_job_views::{views, worker_jobs};
use super::{Conn, lists, locks, moments};
use crate::rows::{JobRow, LogRow, NewLogRow, ResourceRow, entities};
use crate::schema::{files, provisioner_job_logs, provisioner_job_resources, provisioner_jobs};
use crate::touches::Touches;
use crate::types::{At, Id, Json, Texts, sql};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use doorward_domain::Instant;
use doorward_domain::ids::{OrganizationId, ProvisionerDaemonId, ProvisionerJobId};
use doorward_domain::provisioner_jobs::{JobLog, JobStatus, JobTiming, NewLog, ProvisionerJob, Worker};
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::provisioner_jobs::{JobFilter, JobView, ProvisionerJobRepository, StoredResource, WorkerJob};
use std::collections::{BTreeMap, BTreeSet};

type Backend = <Conn as Connection>::Backend;
type Boxed<'a> = provisioner_jobs::BoxedQuery<'a, Backend>;

const NOBODY: &str = "subjects know no jobs of daemons";

/// The columns of a [`JobRow`], in its order.
const JOB: &str = "id, organization_id, created_at, updated_at, started_at, completed_at, canceled_at, worker_id, initiator_id, \
    provisioner, kind, file_id, tags, is_plain, template_version_id, workspace_build_id, error, error_code, log_size";

/// Lines in one statement.
const LINES: usize = 500;

/// Trials of versions.
pub(super) const EXPIRING: Expiring = Expiring::at("provisioner_jobs", "id", "expires_at");
/// Lines of logs.
pub(super) const EXPIRING_LOGS: Expiring = Expiring::at("provisioner_job_logs", "id", "expires_at");

impl ProvisionerJobRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, id: ProvisionerJobId) -> Result<Option<ProvisionerJob>, StoreError> {
        self.run(|conn| {
            let row = provisioner_jobs::table.find(Id(id)).select(JobRow::as_select()).get_result(conn).optional()?;
            Ok(row.map(ProvisionerJob::try_from).transpose()?)
        })
    }

    fn find_for_update(&mut self, id: ProvisionerJobId) -> Result<Option<ProvisionerJob>, StoreError> {
        self.run(|conn| {
            let row = locks::provisioner_job_for_update(conn, id)?;
            Ok(row.map(ProvisionerJob::try_from).transpose()?)
        })
    }

    fn input(&mut self, id: ProvisionerJobId) -> Result<Option<Vec<u8>>, StoreError> {
        self.run(|conn| {
            Ok(provisioner_jobs::table.find(Id(id)).select(provisioner_jobs::input).get_result(conn).optional()?)
        })
    }

    fn view(&mut self, id: ProvisionerJobId) -> Result<Option<JobView>, StoreError> {
        self.run(|conn| {
            let row = provisioner_jobs::table.find(Id(id)).select(JobRow::as_select()).get_result(conn).optional()?;
            Ok(views(conn, row.into_iter().collect())?.pop())
        })
    }

    fn list(&mut self, organization: OrganizationId, filter: &JobFilter) -> Result<Vec<JobView>, StoreError> {
        self.run(|conn| {
            let rows = matching(organization, filter)
                .order((provisioner_jobs::created_at.desc(), provisioner_jobs::id.desc()))
                .limit(filter.limit.map_or(i64::MAX, i64::from))
                .select(JobRow::as_select())
                .load(conn)?;
            views(conn, rows)
        })
    }

    fn count_pending(&mut self, organization: OrganizationId) -> Result<u64, StoreError> {
        self.run(|conn| {
            let pending: i64 = provisioner_jobs::table
                .filter(provisioner_jobs::organization_id.eq(Id(organization)))
                .filter(provisioner_jobs::started_at.is_null())
                .filter(provisioner_jobs::completed_at.is_null())
                .count()
                .get_result(conn)?;
            Ok(u64::try_from(pending).unwrap_or(0))
        })
    }

    fn current_of(&mut self, workers: &[ProvisionerDaemonId]) -> Result<Vec<WorkerJob>, StoreError> {
        self.run(|conn| {
            let rows = provisioner_jobs::table
                .filter(OneOf::ids("provisioner_jobs.worker_id", workers.iter().copied()))
                .filter(provisioner_jobs::completed_at.is_null())
                .order(provisioner_jobs::id)
                .select(JobRow::as_select())
                .load(conn)?;
            worker_jobs(conn, rows)
        })
    }

    fn previous_of(&mut self, workers: &[ProvisionerDaemonId]) -> Result<Vec<WorkerJob>, StoreError> {
        self.run(|conn| {
            let later = diesel::alias!(provisioner_jobs as later_jobs);
            let ended_later =
                later.filter(later.field(provisioner_jobs::worker_id).eq(provisioner_jobs::worker_id)).filter(
                    later.field(provisioner_jobs::completed_at).gt(provisioner_jobs::completed_at).or(later
                        .field(provisioner_jobs::completed_at)
                        .eq(provisioner_jobs::completed_at)
                        .and(later.field(provisioner_jobs::id).gt(provisioner_jobs::id))),
                );
            let rows = provisioner_jobs::table
                .filter(OneOf::ids("provisioner_jobs.worker_id", workers.iter().copied()))
                .filter(provisioner_jobs::completed_at.is_not_null())
                .filter(diesel::dsl::not(diesel::dsl::exists(ended_later)))
                .select(JobRow::as_select())
                .load(conn)?;
            worker_jobs(conn, rows)
        })
    }

    fn list_silent(
        &mut self,
        running: Instant,
        pending: Instant,
        limit: u32,
    ) -> Result<Vec<ProvisionerJobId>, StoreError> {
        self.run(|conn| {
            let silent = provisioner_jobs::table
                .filter(provisioner_jobs::completed_at.is_null())
                .filter(provisioner_jobs::updated_at.le(At(running)))
                .filter(provisioner_jobs::started_at.is_not_null().or(provisioner_jobs::updated_at.le(At(pending))))
                .order(provisioner_jobs::updated_at)
                .limit(limit.into())
                .select(provisioner_jobs::id);
            let ids: Vec<Id<ProvisionerJobId>> = silent.load(conn)?;
            Ok(ids.into_iter().map(|id| id.0).collect())
        })
    }

    fn list_logs(&mut self, id: ProvisionerJobId, after: i64, limit: u32) -> Result<Vec<JobLog>, StoreError> {
        self.run(|conn| {
            let rows: Vec<LogRow> = provisioner_job_logs::table
                .filter(provisioner_job_logs::job_id.eq(Id(id)))
                .filter(provisioner_job_logs::id.gt(after))
                .order(provisioner_job_logs::id)
                .limit(limit.into())
                .select(LogRow::as_select())
                .load(conn)?;
            Ok(entities(rows)?)
        })
    }

    fn list_timings(&mut self, id: ProvisionerJobId) -> Result<Vec<JobTiming>, StoreError> {
        self.run(|conn| {
            let job = provisioner_jobs::table.find(Id(id)).select(provisioner_jobs::timings);
            let told: Option<Option<Json<Vec<JobTiming>>>> = job.get_result(conn).optional()?;
            Ok(told.flatten().map(|Json(timings)| timings).unwrap_or_default())
        })
    }

    fn list_resources(&mut self, id: ProvisionerJobId) -> Result<Vec<StoredResource>, StoreError> {
        self.run(|conn| {
            let rows: Vec<ResourceRow> = provisioner_job_resources::table
                .filter(provisioner_job_resources::job_id.eq(Id(id)))
                .order(provisioner_job_resources::position)
                .select(ResourceRow::as_select())
                .load(conn)?;
            Ok(entities(rows)?)
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::ProvisionerJobs>,
        job: &ProvisionerJob,
        sealed: &[u8],
        expires_at: Option<Instant>,
    ) -> Result<bool, StoreError> {
        let about = permit.kind().organization(job.organization_id.0);
        self.write_all(permit, &about, Touches::nobody(NOBODY), |conn| {
            // Nobody removes it from now on.
            let file = files::table.find(Id(job.file_id)).filter(files::digest.is_not_null());
            if diesel::update(file).set(files::expires_at.eq(None::<At>)).execute(conn)? == 0 {
                return Ok(false);
            }
            diesel::insert_into(provisioner_jobs::table)
                .values((
                    JobRow::from(job),
                    provisioner_jobs::input.eq(sealed),
                    provisioner_jobs::expires_at.eq(expires_at.map(At)),
                ))
                .execute(conn)?;
            Ok(true)
        })
    }

    fn claim(
        &mut self,
        permit: &Permit<action::Update, resource::ProvisionerJobs>,
        worker: &Worker,
        now: Instant,
    ) -> Result<Option<ProvisionerJob>, StoreError> {
        let about = permit.kind().organization(worker.organization_id.0);
        self.write_all(permit, &about, Touches::nobody(NOBODY), |conn| {
            let claim = Claim {
                worker: Id(worker.id),
                organization: Id(worker.organization_id),
                provisioners: Texts(worker.provisioners.iter().map(|kind| kind.as_str().to_owned()).collect()),
                tags: Json(worker.tags.all().clone()),
                is_plain: worker.tags.is_plain(),
                now: At(now),
            };
            let row = claim.get_result::<JobRow>(conn).optional()?;
            Ok(row.map(ProvisionerJob::try_from).transpose()?)
        })
    }

    fn update(
        &mut self,
        permit: &Permit<action::Update, resource::ProvisionerJobs>,
        job: &ProvisionerJob,
    ) -> Result<bool, StoreError> {
        let about = permit.kind().organization(job.organization_id.0);
        self.write(permit, &about, Touches::nobody(NOBODY), |conn| {
            let changed = diesel::update(provisioner_jobs::table.find(Id(job.id)))
                .set((
                    provisioner_jobs::updated_at.eq(At(job.updated_at)),
                    provisioner_jobs::started_at.eq(job.started_at.map(At)),
                    provisioner_jobs::completed_at.eq(job.completed_at.map(At)),
                    provisioner_jobs::canceled_at.eq(job.canceled_at.map(At)),
                    provisioner_jobs::worker_id.eq(job.worker_id.map(Id)),
                    provisioner_jobs::error.eq(&job.error),
                    provisioner_jobs::error_code.eq(&job.error_code),
                    provisioner_jobs::log_size.eq(job.log_size),
                ))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn append_logs(
        &mut self,
        permit: &Permit<action::Update, resource::ProvisionerJobs>,
        job: &ProvisionerJob,
        now: Instant,
        lines: &[NewLog],
    ) -> Result<i64, StoreError> {
        let about = permit.kind().organization(job.organization_id.0);
        self.write_all(permit, &about, Touches::nobody(NOBODY), |conn| {
            let mut last = 0;
            for lines in lines.chunks(LINES) {
                let rows: Vec<_> = lines.iter().map(|line| NewLogRow::new(job.id, line, now)).collect();
                let ids: Vec<i64> = diesel::insert_into(provisioner_job_logs::table)
                    .values(rows)
                    .returning(provisioner_job_logs::id)
                    .get_results(conn)?;
                last = ids.into_iter().max().unwrap_or(last);
            }
            Ok(last)
        })
    }

    fn update_timings(
        &mut self,
        permit: &Permit<action::Update, resource::ProvisionerJobs>,
        job: &ProvisionerJob,
        timings: &[JobTiming],
    ) -> Result<bool, StoreError> {
        let about = permit.kind().organization(job.organization_id.0);
        self.write_all(permit, &about, Touches::nobody(NOBODY), |conn| {
            let changed = diesel::update(provisioner_jobs::table.find(Id(job.id)))
                .set(provisioner_jobs::timings.eq(Some(Json(timings))))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn insert_resources(
        &mut self,
        permit: &Permit<action::Update, resource::ProvisionerJobs>,
        job: &ProvisionerJob,
        resources: &[StoredResource],
    ) -> Result<(), StoreError> {
        let about = permit.kind().organization(job.organization_id.0);
        self.write_all(permit, &about, Touches::nobody(NOBODY), |conn| {
            for (resources, from) in resources.chunks(LINES).zip((0_i32..).step_by(LINES)) {
                let rows: Vec<_> = resources
                    .iter()
                    .zip(from..)
                    .map(|(stored, place)| ResourceRow::new(job.id, place, stored))
                    .collect();
                diesel::insert_into(provisioner_job_resources::table).values(rows).execute(conn)?;
            }
            Ok(())
        })
    }
}

/// The jobs of an organization that match.
fn matching(organization: OrganizationId, filter: &JobFilter) -> Boxed<'_> {
    let mut query = provisioner_jobs::table.filter(provisioner_jobs::organization_id.eq(Id(organization))).into_boxed();
    if let Some(ids) = &filter.ids {
        query = query.filter(OneOf::ids("provisioner_jobs.id", ids.iter().copied()));
    }
    if let Some(initiator) = filter.initiator {
        query = query.filter(provisioner_jobs::initiator_id.eq(Id(initiator)));
    }
    if let Some(tags) = &filter.tags {
        query = query.filter(TagsSatisfy { tags: Json(tags.all().clone()), is_plain: tags.is_plain() });
    }
    if let Some(statuses) = &filter.statuses {
        query = query.filter(HasBecome(statuses.clone()));
    }
    query
}

/// A daemon with the tags of the job would take what wants these (`provisioner-wire.md` 7).
#[derive(Debug)]
struct TagsSatisfy {
    tags: Json<BTreeMap<String, String>>,
    is_plain: bool,
}

condition!(TagsSatisfy);

impl QueryFragment<Backend> for TagsSatisfy {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        if self.is_plain {
            out.push_sql("provisioner_jobs.is_plain");
            return Ok(());
        }
        lists::pairs_among(&mut out, "provisioner_jobs.tags", &self.tags)
    }
}

/// One of these has become of the job, as [`ProvisionerJob::status`] tells it.
#[derive(Debug)]
struct HasBecome(BTreeSet<JobStatus>);

condition!(HasBecome);

impl QueryFragment<Backend> for HasBecome {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("(1 = 0");
        for status in &self.0 {
            out.push_sql(" OR ");
            out.push_sql(match status {
                JobStatus::Failed => "error <> ''",
                JobStatus::Canceled => "(error = '' AND completed_at IS NOT NULL AND canceled_at IS NOT NULL)",
                JobStatus::Succeeded => "(error = '' AND completed_at IS NOT NULL AND canceled_at IS NULL)",
                JobStatus::Canceling => "(error = '' AND completed_at IS NULL AND canceled_at IS NOT NULL)",
                JobStatus::Pending => {
                    "(error = '' AND completed_at IS NULL AND canceled_at IS NULL AND started_at IS NULL)"
                }
                JobStatus::Running => {
                    "(error = '' AND completed_at IS NULL AND canceled_at IS NULL AND started_at IS NOT NULL)"
                }
            });
        }
        out.push_sql(")");
        Ok(())
    }
}

/// Gives the first job that waits to a daemon: found by index in their order, leaving out those that others are about to take.
struct Claim {
    worker: Id<ProvisionerDaemonId>,
    organization: Id<OrganizationId>,
    provisioners: Texts,
    tags: Json<BTreeMap<String, String>>,
    is_plain: bool,
    now: At,
}

impl QueryId for Claim {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Claim {
    type SqlType = SqlTypeOf<AsSelect<JobRow, Backend>>;
}

impl RunQueryDsl<Conn> for Claim {}

impl QueryFragment<Backend> for Claim {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("UPDATE provisioner_jobs SET started_at = ");
        out.push_bind_param::<sql::Instant, _>(&self.now)?;
        out.push_sql(", updated_at = ");
        out.push_bind_param::<sql::Instant, _>(&self.now)?;
        out.push_sql(", worker_id = ");
        out.push_bind_param::<sql::Uuid, _>(&self.worker)?;
        out.push_sql(" WHERE id");
        out.push_sql(moments::ONE_OF.0);
        out.push_sql("SELECT id FROM provisioner_jobs WHERE organization_id = ");
        out.push_bind_param::<sql::Uuid, _>(&self.organization)?;
        out.push_sql(" AND started_at IS NULL AND completed_at IS NULL AND ");
        lists::one_of_texts(&mut out, "provisioner", &self.provisioners)?;
        out.push_sql(if self.is_plain { " AND (is_plain OR " } else { " AND (NOT is_plain AND " });
        lists::pairs_within(&mut out, "provisioner_jobs.tags", &self.tags)?;
        out.push_sql(") ORDER BY created_at, id LIMIT 1");
        out.push_sql(moments::SKIP_LOCKED);
        out.push_sql(moments::ONE_OF.1);
        out.push_sql(" AND started_at IS NULL AND completed_at IS NULL RETURNING ");
        out.push_sql(JOB);
        Ok(())
    }
}
