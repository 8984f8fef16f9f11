-- How long the steps of a build took, as its provisioner has told it: read as a whole, and seldom.
ALTER TABLE provisioner_jobs ADD COLUMN timings text;
