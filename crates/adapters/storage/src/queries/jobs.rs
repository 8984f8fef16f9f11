//! Background jobs and their leases, by the clock of the database.

use super::Conn;
use super::clock::{later, micros};
use super::moments::{LATER, NOW, SKIP_LOCKED};
use crate::schema::jobs;
use crate::touches::Touches;
use crate::types::{At, Id, sql as types};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use doorward_domain::jobs::{claimable_in, unclaimed_for};
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::jobs::{JobRepository, JobState, Run};
use time::Duration;
use uuid::Uuid;

/// The row of a job as long as nobody else has claimed it since.
macro_rules! of_run {
    ($run:ident) => {
        jobs::table
            .filter(jobs::name.eq(&$run.job))
            .filter(jobs::holder.eq(Id($run.holder)))
            .filter(jobs::runs.eq($run.number))
    };
}

/// What is read of a job, as a [`Row`].
macro_rules! state {
    () => {
        (
            jobs::name,
            jobs::next_run_at,
            jobs::lease_until,
            jobs::holder,
            jobs::last_started_at,
            jobs::last_finished_at,
            jobs::last_error,
            jobs::runs,
            sql::<types::Instant>(NOW),
        )
    };
}

const NOBODY: &str = "subjects know no jobs";
/// By so much two statements may differ about what now is.
const SLACK: Duration = Duration::MINUTE;

impl JobRepository for UnitOfWork<'_, Conn> {
    fn ensure(&mut self, permit: &Permit<action::Create, resource::System>, name: &str) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let made = diesel::insert_into(jobs::table)
                .values((jobs::name.eq(name), jobs::next_run_at.eq(sql::<types::Instant>(NOW))))
                .on_conflict(jobs::name)
                .do_nothing()
                .execute(conn)?;
            Ok(made > 0)
        })
    }

    fn claim(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        name: &str,
        holder: Uuid,
        lease: Duration,
        urgent: bool,
    ) -> Result<Option<Run>, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            // Whoever dies leaves a job that is due, also when it was claimed before its time.
            let set = format!(
                ", last_started_at = {NOW}, runs = runs + 1, \
                 next_run_at = CASE WHEN next_run_at > {NOW} THEN {NOW} ELSE next_run_at END \
                 WHERE name = (SELECT name FROM jobs WHERE name = "
            );
            // What has begun or ended later than now, or is held for longer than anybody gets it, was so before the clock was set back.
            let soon = format!("{}{}{}", LATER.0, micros(SLACK), LATER.1);
            let free = format!(
                " AND (lease_until IS NULL OR lease_until <= {NOW} OR lease_until > {}{}{}){SKIP_LOCKED}) RETURNING runs",
                LATER.0,
                micros(lease + SLACK),
                LATER.1
            );
            let claim = sql::<BigInt>("UPDATE jobs SET holder = ")
                .bind::<types::Uuid, _>(Id(holder))
                .sql(&format!(", lease_until = {}", LATER.0))
                .bind::<BigInt, _>(micros(lease))
                .sql(&(LATER.1.to_owned() + &set))
                .bind::<Text, _>(name)
                .sql(&format!(
                    " AND (next_run_at <= {NOW} OR last_started_at > {soon} OR last_finished_at > {soon} OR "
                ))
                .bind::<Bool, _>(urgent)
                .sql(&(")".to_owned() + &free));
            let number: Option<i64> = claim.get_result(conn).optional()?;
            Ok(number.map(|number| Run { job: name.to_owned(), holder, number }))
        })
    }

    fn extend(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        run: &Run,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            // Whose lease has ended must not bring it back, although nobody has claimed the job yet: it has told its work that
            // it is over.
            let held = jobs::lease_until.gt(later(Duration::ZERO).nullable());
            let extended = diesel::update(of_run!(run).filter(held))
                .set(jobs::lease_until.eq(later(lease).nullable()))
                .execute(conn)?;
            Ok(extended > 0)
        })
    }

    fn finish(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        run: &Run,
        pause: Duration,
        error: Option<String>,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let finished = diesel::update(of_run!(run))
                .set((
                    jobs::holder.eq(None::<Id<Uuid>>),
                    jobs::lease_until.eq(None::<At>),
                    jobs::next_run_at.eq(later(pause)),
                    jobs::last_finished_at.eq(later(Duration::ZERO).nullable()),
                    jobs::last_error.eq(error),
                ))
                .execute(conn)?;
            Ok(finished > 0)
        })
    }

    fn release(&mut self, permit: &Permit<action::Update, resource::System>, run: &Run) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let released = diesel::update(of_run!(run))
                .set((jobs::holder.eq(None::<Id<Uuid>>), jobs::lease_until.eq(None::<At>)))
                .execute(conn)?;
            Ok(released > 0)
        })
    }

    fn list(&mut self) -> Result<Vec<(String, JobState)>, StoreError> {
        self.run(|conn| Ok(list(conn)?))
    }

    fn find(&mut self, name: &str) -> Result<Option<JobState>, StoreError> {
        self.run(|conn| {
            let row: Option<Row> = jobs::table.find(name).select(state!()).get_result(conn).optional()?;
            Ok(row.map(|row| named_state(row).1))
        })
    }
}

/// All jobs, in the order of their names.
pub(crate) fn list(conn: &mut Conn) -> QueryResult<Vec<(String, JobState)>> {
    let rows: Vec<Row> = jobs::table.select(state!()).order(jobs::name).load(conn)?;
    Ok(rows.into_iter().map(named_state).collect())
}

type Row = (String, At, Option<At>, Option<Id<Uuid>>, Option<At>, Option<At>, Option<String>, i64, At);

fn named_state((name, next, lease, holder, started, finished, last_error, runs, now): Row) -> (String, JobState) {
    let (next, lease, now) = (next.0, lease.map(|at| at.0), now.0);
    let state = JobState {
        claimable_in: claimable_in(next, lease, now),
        unclaimed_for: unclaimed_for(next, lease, now),
        holder: holder.map(|id| id.0),
        last_started_at: started.map(|at| at.0),
        last_finished_at: finished.map(|at| at.0),
        last_error,
        runs,
    };
    (name, state)
}
