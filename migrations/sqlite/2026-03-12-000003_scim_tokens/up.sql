-- What the directories of organizations present: a public part, by which it is found, and a digest of the secret part.
CREATE TABLE scim_tokens (
    id blob NOT NULL PRIMARY KEY,
    organization_id blob NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name text NOT NULL,
    prefix text NOT NULL,
    digest blob NOT NULL,
    created_by blob,
    created_at integer NOT NULL,
    expires_at integer,
    last_used_at integer
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX scim_tokens_prefix_unique ON scim_tokens (prefix);
CREATE INDEX scim_tokens_organization ON scim_tokens (organization_id, id);
