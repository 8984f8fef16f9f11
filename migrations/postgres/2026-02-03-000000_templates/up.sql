-- Templates with their access lists, workspaces and their builds.
--
-- Templates and workspaces are marked as deleted and keep their row. Access lists are objects from the id of a user or
-- group to a list of actions; they have no foreign keys, for entries of those who are gone have no effect.

CREATE TABLE templates (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name text NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    display_name text NOT NULL,
    description text NOT NULL,
    icon text NOT NULL,
    active_version_id uuid,
    created_by uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted boolean NOT NULL,
    user_acl jsonb NOT NULL,
    group_acl jsonb NOT NULL,
    deprecation_message text NOT NULL,
    settings jsonb NOT NULL
);
CREATE UNIQUE INDEX templates_name_unique ON templates (organization_id, name_key) WHERE NOT deleted;
CREATE INDEX templates_name ON templates (name_key, id) WHERE NOT deleted;

CREATE TABLE workspaces (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL REFERENCES users (id),
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    template_id uuid NOT NULL REFERENCES templates (id) ON DELETE CASCADE,
    name text NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    dormant_at timestamptz,
    deleted boolean NOT NULL
);
CREATE UNIQUE INDEX workspaces_name_unique ON workspaces (owner_id, name_key) WHERE NOT deleted;
CREATE INDEX workspaces_owner ON workspaces (owner_id, organization_id) WHERE NOT deleted;
CREATE INDEX workspaces_template ON workspaces (template_id, owner_id) WHERE NOT deleted;
CREATE INDEX workspaces_organization ON workspaces (organization_id, name_key) WHERE NOT deleted;
CREATE INDEX workspaces_name ON workspaces (name_key, id) WHERE NOT deleted;

-- The build with the highest number says what a workspace costs.
CREATE TABLE workspace_builds (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    build_number integer NOT NULL,
    transition text NOT NULL,
    outcome text NOT NULL,
    error text NOT NULL,
    daily_cost integer NOT NULL CHECK (daily_cost >= 0),
    template_version_id uuid,
    initiator_id uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX workspace_builds_number_unique ON workspace_builds (workspace_id, build_number);
