-- What the directories of organizations present: a public part, by which it is found, and a digest of the secret part.
CREATE TABLE scim_tokens (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name text NOT NULL,
    prefix text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    created_by uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz
);
CREATE UNIQUE INDEX scim_tokens_prefix_unique ON scim_tokens (prefix);
CREATE INDEX scim_tokens_organization ON scim_tokens (organization_id, id);
