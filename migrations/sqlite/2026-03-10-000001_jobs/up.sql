-- Background jobs. Whoever claims a row runs the job while the lease lasts; all times are those of the database. `runs` is
-- the fencing token: a run that lost its lease finds another number.
CREATE TABLE jobs (
    name text PRIMARY KEY,
    next_run_at integer NOT NULL,
    lease_until integer,
    holder blob,
    last_started_at integer,
    last_finished_at integer,
    last_error text,
    runs integer NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
