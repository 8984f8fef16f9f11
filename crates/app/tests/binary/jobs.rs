//! Of two servers on one database one runs a job, and when it dies the other one takes over.

use crate::client::{Api, builder};
use doorward_testkit::postgres::{self, Database};
use std::thread;
use std::time::{Duration, Instant};

/// How long a lease lasts, as `docs/adr/0013` says.
const LEASE: Duration = Duration::from_secs(15);
/// What a busy machine may need beside.
const SLACK: Duration = Duration::from_secs(10);

/// A field of the job `cleanup`, as text.
fn job(database: &Database, field: &str) -> String {
    let sql = format!("SELECT coalesce(({field})::text, '') FROM jobs WHERE name = 'cleanup'");
    database.execute(&sql).unwrap().trim().to_owned()
}

fn wait_until(what: &str, patience: Duration, mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < patience, "{what} does not happen within {patience:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_job_of_a_server_that_is_killed_is_taken_over_within_its_lease() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    // Patient enough that a job that is stuck does not fail.
    let patient = || {
        builder()
            .database(&database.url())
            .setting("cleanup.interval", "1s")
            .setting("database.statement_timeout", "5m")
            .setting("database.deadline", "6m")
            .start()
            .unwrap()
    };
    let sql = |sql: &str| drop(database.execute(sql).unwrap());
    let holder = patient();
    wait_until("a run", LEASE, || !job(&database, "last_finished_at").is_empty());
    // As long as there is a row in `stuck`, the job does not get anywhere.
    sql("CREATE TABLE stuck (yes bool); \
         CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
           WHILE EXISTS (SELECT 1 FROM stuck) LOOP PERFORM pg_sleep(0.05); END LOOP; RETURN NULL; END $$; \
         CREATE TRIGGER wait BEFORE DELETE ON oauth2_codes FOR EACH STATEMENT EXECUTE FUNCTION wait()");
    // It gets stuck in the midst of its work, and goes on holding the job for longer than a lease.
    sql("INSERT INTO stuck VALUES (true)");
    wait_until("a run that is stuck", LEASE, || !job(&database, "holder").is_empty());
    let (first, first_lease) = (job(&database, "holder"), job(&database, "lease_until"));
    let heir = patient();
    wait_until("an extended lease", LEASE, || {
        let extended = format!("lease_until > '{first_lease}'::timestamptz + interval '5 seconds'");
        job(&database, &extended) == "true"
    });
    let (runs, now) = (job(&database, "runs"), job(&database, "holder"));
    assert_eq!(now, first, "two servers, and the same one still holds it");

    holder.kill().unwrap();
    wait_until("a takeover", LEASE + SLACK, || !["", first.as_str()].contains(&job(&database, "holder").as_str()));
    assert_eq!(job(&database, "runs").parse::<u64>().unwrap(), runs.parse::<u64>().unwrap() + 1);
    sql("DELETE FROM stuck");
    let finished = job(&database, "last_finished_at");
    wait_until("the end of the run", LEASE, || job(&database, "last_finished_at") != finished);
    let api = Api::new(heir.url(), "");
    wait_until("a success in the metrics", LEASE, || {
        api.metric(r#"doorward_job_runs_total{job="cleanup",outcome="success"}"#) > 0.0
    });
    assert!(api.metric(r#"doorward_job_last_success_timestamp_seconds{job="cleanup"}"#) > 1.7e9);

    // A server that is stopped gives its jobs up by itself.
    sql("INSERT INTO stuck VALUES (true)");
    wait_until("a run that is stuck", LEASE, || !job(&database, "holder").is_empty());
    heir.signal("TERM").unwrap();
    wait_until("the end of a lease", Duration::from_secs(8), || job(&database, "holder").is_empty());
    sql("DELETE FROM stuck");
}
