-- Files in pieces, jobs of provisioner daemons with their logs and what they make, and versions of templates.
--
-- A file without a digest is still being uploaded. One that something refers to has no end. The owner of what daemons upload is nobody, so it
-- is no reference.
CREATE TABLE files (
    id blob NOT NULL PRIMARY KEY,
    created_by blob NOT NULL,
    created_at integer NOT NULL,
    digest blob,
    size integer NOT NULL,
    expires_at integer
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX files_digest_unique ON files (created_by, digest);
CREATE INDEX files_expires ON files (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE file_pieces (
    file_id blob NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    position integer NOT NULL,
    data blob NOT NULL,
    PRIMARY KEY (file_id, position)
) STRICT;

-- The input is sealed. Versions and builds refer to jobs and not the other way round; what a job is about is looked up by index.
CREATE TABLE provisioner_jobs (
    id blob NOT NULL PRIMARY KEY,
    organization_id blob NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    started_at integer,
    completed_at integer,
    canceled_at integer,
    worker_id blob,
    initiator_id blob NOT NULL REFERENCES users (id),
    provisioner text NOT NULL,
    kind text NOT NULL,
    file_id blob NOT NULL REFERENCES files (id),
    tags text NOT NULL,
    is_plain integer NOT NULL,
    template_version_id blob NOT NULL,
    workspace_build_id blob,
    error text NOT NULL,
    error_code text NOT NULL,
    log_size integer NOT NULL,
    input blob NOT NULL,
    expires_at integer
) STRICT;
-- Those that wait, in their order.
CREATE INDEX provisioner_jobs_pending ON provisioner_jobs (organization_id, created_at, id)
    WHERE started_at IS NULL AND completed_at IS NULL;
CREATE INDEX provisioner_jobs_created ON provisioner_jobs (organization_id, created_at, id);
CREATE INDEX provisioner_jobs_running ON provisioner_jobs (worker_id) WHERE completed_at IS NULL;
CREATE INDEX provisioner_jobs_ended ON provisioner_jobs (worker_id, completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX provisioner_jobs_silent ON provisioner_jobs (updated_at) WHERE completed_at IS NULL;
CREATE INDEX provisioner_jobs_file ON provisioner_jobs (file_id);
CREATE INDEX provisioner_jobs_expires ON provisioner_jobs (expires_at) WHERE expires_at IS NOT NULL;

-- There is one writer, so numbers are in the order of the commits; none is given twice.
CREATE TABLE provisioner_job_logs (
    id integer PRIMARY KEY AUTOINCREMENT,
    job_id blob NOT NULL REFERENCES provisioner_jobs (id) ON DELETE CASCADE,
    created_at integer NOT NULL,
    source text NOT NULL,
    level text NOT NULL,
    stage text NOT NULL,
    output text NOT NULL,
    expires_at integer NOT NULL
) STRICT;
CREATE INDEX provisioner_job_logs_job ON provisioner_job_logs (job_id, id);
CREATE INDEX provisioner_job_logs_expires ON provisioner_job_logs (expires_at);

CREATE TABLE provisioner_job_resources (
    id blob NOT NULL PRIMARY KEY,
    job_id blob NOT NULL REFERENCES provisioner_jobs (id) ON DELETE CASCADE,
    position integer NOT NULL,
    created_at integer NOT NULL,
    transition text NOT NULL,
    resource text NOT NULL
) STRICT;
CREATE INDEX provisioner_job_resources_job ON provisioner_job_resources (job_id, position);

-- The variables are sealed.
CREATE TABLE template_versions (
    id blob NOT NULL PRIMARY KEY,
    template_id blob REFERENCES templates (id) ON DELETE CASCADE,
    organization_id blob NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name text NOT NULL,
    name_key text NOT NULL,
    message text NOT NULL,
    readme text NOT NULL,
    created_by blob NOT NULL REFERENCES users (id),
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    archived integer NOT NULL,
    job_id blob NOT NULL REFERENCES provisioner_jobs (id) ON DELETE CASCADE,
    file_id blob NOT NULL REFERENCES files (id),
    workspace_tags text NOT NULL,
    parameters text NOT NULL,
    presets text NOT NULL,
    external_auth text NOT NULL,
    has_ai_tasks integer NOT NULL,
    variables blob
) STRICT;
CREATE UNIQUE INDEX template_versions_name_unique ON template_versions (template_id, name_key);
CREATE INDEX template_versions_created ON template_versions (template_id, created_at, id);
CREATE UNIQUE INDEX template_versions_job_unique ON template_versions (job_id);
CREATE INDEX template_versions_file ON template_versions (file_id);

ALTER TABLE workspace_builds ADD COLUMN job_id blob;
CREATE UNIQUE INDEX workspace_builds_job_unique ON workspace_builds (job_id);
CREATE INDEX workspace_builds_version ON workspace_builds (template_version_id);

-- What a build is given, and the state that it leaves behind, which is sealed.
CREATE TABLE workspace_build_inputs (
    build_id blob NOT NULL PRIMARY KEY REFERENCES workspace_builds (id) ON DELETE CASCADE,
    parameters text NOT NULL,
    state blob
) STRICT;

-- Of those that are deleted too.
CREATE INDEX workspaces_owner_name ON workspaces (owner_id, name_key);
