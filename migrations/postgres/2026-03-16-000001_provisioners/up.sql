-- Keys with which provisioner daemons come in, as digests, and what is remembered of the daemons. The id of a daemon's key may be one
-- of the server's own, for daemons that came in otherwise: so it is no reference.
CREATE TABLE provisioner_keys (
    id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    tags jsonb NOT NULL
);
CREATE UNIQUE INDEX provisioner_keys_name_unique ON provisioner_keys (organization_id, name);
CREATE UNIQUE INDEX provisioner_keys_digest_unique ON provisioner_keys (digest);

CREATE TABLE provisioner_daemons (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    key_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    version text NOT NULL,
    api_version text NOT NULL,
    provisioners text NOT NULL,
    tags jsonb NOT NULL
);
CREATE UNIQUE INDEX provisioner_daemons_name_unique ON provisioner_daemons (organization_id, name, owner);
CREATE INDEX provisioner_daemons_created ON provisioner_daemons (organization_id, created_at, id);
CREATE INDEX provisioner_daemons_key ON provisioner_daemons (key_id);
CREATE INDEX provisioner_daemons_seen ON provisioner_daemons (last_seen_at);
