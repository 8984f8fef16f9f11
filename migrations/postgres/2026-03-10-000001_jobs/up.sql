-- Background jobs. Whoever claims a row runs the job while the lease lasts; all times are those of the database. `runs` is
-- the fencing token: a run that lost its lease finds another number.
CREATE TABLE jobs (
    name text PRIMARY KEY,
    next_run_at timestamptz NOT NULL,
    lease_until timestamptz,
    holder uuid,
    last_started_at timestamptz,
    last_finished_at timestamptz,
    last_error text,
    runs bigint NOT NULL DEFAULT 0
);
