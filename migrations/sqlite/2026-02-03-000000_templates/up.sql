-- Templates with their access lists, workspaces and their builds.
--
-- Templates and workspaces are marked as deleted and keep their row. Access lists are objects from the id of a user or
-- group to a list of actions; they have no foreign keys, for entries of those who are gone have no effect.

CREATE TABLE templates (
    id blob NOT NULL PRIMARY KEY,
    organization_id blob NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name text NOT NULL,
    name_key text NOT NULL,
    display_name text NOT NULL,
    description text NOT NULL,
    icon text NOT NULL,
    active_version_id blob,
    created_by blob NOT NULL REFERENCES users (id),
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    deleted integer NOT NULL,
    user_acl text NOT NULL,
    group_acl text NOT NULL,
    deprecation_message text NOT NULL,
    settings text NOT NULL
) STRICT;
CREATE UNIQUE INDEX templates_name_unique ON templates (organization_id, name_key) WHERE NOT deleted;
CREATE INDEX templates_name ON templates (name_key, id) WHERE NOT deleted;

CREATE TABLE workspaces (
    id blob NOT NULL PRIMARY KEY,
    owner_id blob NOT NULL REFERENCES users (id),
    organization_id blob NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    template_id blob NOT NULL REFERENCES templates (id) ON DELETE CASCADE,
    name text NOT NULL,
    name_key text NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    last_used_at integer NOT NULL,
    dormant_at integer,
    deleted integer NOT NULL
) STRICT;
CREATE UNIQUE INDEX workspaces_name_unique ON workspaces (owner_id, name_key) WHERE NOT deleted;
CREATE INDEX workspaces_owner ON workspaces (owner_id, organization_id) WHERE NOT deleted;
CREATE INDEX workspaces_template ON workspaces (template_id, owner_id) WHERE NOT deleted;
CREATE INDEX workspaces_organization ON workspaces (organization_id, name_key) WHERE NOT deleted;
CREATE INDEX workspaces_name ON workspaces (name_key, id) WHERE NOT deleted;

-- The build with the highest number says what a workspace costs.
CREATE TABLE workspace_builds (
    id blob NOT NULL PRIMARY KEY,
    workspace_id blob NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    build_number integer NOT NULL,
    transition text NOT NULL,
    outcome text NOT NULL,
    error text NOT NULL,
    daily_cost integer NOT NULL CHECK (daily_cost >= 0),
    template_version_id blob,
    initiator_id blob NOT NULL REFERENCES users (id),
    created_at integer NOT NULL
) STRICT;
CREATE UNIQUE INDEX workspace_builds_number_unique ON workspace_builds (workspace_id, build_number);
