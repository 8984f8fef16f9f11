-- Without the timings of jobs.
ALTER TABLE provisioner_jobs DROP COLUMN timings;
