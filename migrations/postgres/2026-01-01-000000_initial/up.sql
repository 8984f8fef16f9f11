-- The first tables: accounts, sessions, organizations, groups, the OAuth 2.1 authorization server, the audit log.
--
-- What is ordered or looked up by text has the collation "C", so that both databases sort alike and comparisons are
-- those of bytes. Users are marked as deleted and never removed, so references to them need no cascade.

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    email_key text COLLATE "C" NOT NULL,
    username text NOT NULL,
    username_key text COLLATE "C" NOT NULL,
    name text NOT NULL,
    avatar_url text NOT NULL,
    password_hash text,
    status text NOT NULL,
    login_type text NOT NULL,
    roles jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    last_seen_at timestamptz,
    deleted boolean NOT NULL,
    is_system boolean NOT NULL,
    theme_preference text NOT NULL,
    terminal_font text NOT NULL
);
CREATE UNIQUE INDEX users_email_unique ON users (email_key) WHERE NOT deleted;
CREATE UNIQUE INDEX users_username_unique ON users (username_key) WHERE NOT deleted;

CREATE TABLE organizations (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    display_name text NOT NULL,
    description text NOT NULL,
    icon text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    is_default boolean NOT NULL,
    deleted boolean NOT NULL
);
CREATE UNIQUE INDEX organizations_name_unique ON organizations (name_key) WHERE NOT deleted;
CREATE UNIQUE INDEX organizations_default_unique ON organizations (is_default) WHERE is_default;

CREATE TABLE organization_members (
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id),
    roles jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX organization_members_user ON organization_members (user_id);

-- A role of the whole site has no organization. Names are lower case.
CREATE TABLE custom_roles (
    id uuid PRIMARY KEY,
    organization_id uuid REFERENCES organizations (id) ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    display_name text NOT NULL,
    site_permissions jsonb NOT NULL,
    organization_permissions jsonb NOT NULL,
    user_permissions jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX custom_roles_site_unique ON custom_roles (name) WHERE organization_id IS NULL;
CREATE UNIQUE INDEX custom_roles_organization_unique ON custom_roles (organization_id, name) WHERE organization_id IS NOT NULL;

-- The group Everyone has the id of its organization and no rows in group_members.
CREATE TABLE groups (
    id uuid PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name text NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    display_name text NOT NULL,
    avatar_url text NOT NULL,
    quota_allowance integer NOT NULL,
    source text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX groups_name_unique ON groups (organization_id, name_key);

CREATE TABLE group_members (
    group_id uuid NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id),
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_user ON group_members (user_id);

CREATE TABLE oauth2_apps (
    id uuid PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    icon text NOT NULL,
    redirect_uris jsonb NOT NULL,
    redirect_match text NOT NULL,
    client_type text NOT NULL,
    require_pkce boolean NOT NULL,
    allowed_scopes jsonb,
    allowed_resources jsonb,
    resources jsonb NOT NULL,
    service_account_id uuid REFERENCES users (id),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE oauth2_app_secrets (
    id uuid PRIMARY KEY,
    app_id uuid NOT NULL REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    prefix text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    display_suffix text NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz
);
CREATE UNIQUE INDEX oauth2_app_secrets_prefix_unique ON oauth2_app_secrets (prefix);
CREATE INDEX oauth2_app_secrets_app ON oauth2_app_secrets (app_id);

-- grant_id has no foreign key: a redeemed code outlives its grant, so that a replay is noticed.
CREATE TABLE oauth2_codes (
    id uuid PRIMARY KEY,
    prefix text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    app_id uuid NOT NULL REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id),
    redirect_uri text,
    challenge text,
    resource text,
    scopes text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    redeemed_at timestamptz,
    grant_id uuid
);
CREATE UNIQUE INDEX oauth2_codes_prefix_unique ON oauth2_codes (prefix);
CREATE INDEX oauth2_codes_user_app ON oauth2_codes (user_id, app_id);
CREATE INDEX oauth2_codes_app ON oauth2_codes (app_id);
CREATE INDEX oauth2_codes_expiry ON oauth2_codes (expires_at);

-- A refresh changes no indexed column (purge_on is the day of the refresh token's expiry, counted from 1970 and rounded
-- up), so PostgreSQL updates the row within its page and leaves the indexes alone (HOT); the fill factor leaves room.
-- access_key_id has no foreign key: the key is deleted with its grant, and the grant with its key by the repository.
CREATE TABLE oauth2_grants (
    id uuid PRIMARY KEY,
    app_id uuid NOT NULL REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id),
    app_secret_id uuid REFERENCES oauth2_app_secrets (id) ON DELETE CASCADE,
    audience text,
    scopes text NOT NULL,
    access_key_id text COLLATE "C" NOT NULL,
    access_expires_at timestamptz NOT NULL,
    refresh_prefix text COLLATE "C" NOT NULL,
    refresh_digest bytea NOT NULL,
    refresh_expires_at timestamptz NOT NULL,
    exchanged bytea NOT NULL,
    generation integer NOT NULL,
    created_at timestamptz NOT NULL,
    purge_on integer NOT NULL
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX oauth2_grants_refresh_prefix_unique ON oauth2_grants (refresh_prefix);
CREATE INDEX oauth2_grants_user_app ON oauth2_grants (user_id, app_id);
CREATE INDEX oauth2_grants_app ON oauth2_grants (app_id);
CREATE INDEX oauth2_grants_app_secret ON oauth2_grants (app_secret_id) WHERE app_secret_id IS NOT NULL;
CREATE INDEX oauth2_grants_purge ON oauth2_grants (purge_on);

-- user_id has no foreign key, for users are never removed, and app_id has none, for a key that names an app hangs on a
-- grant or on a client secret, and these hang on the app: every foreign key is a lookup and a row lock per token issued.
-- purge_at is the expiry of a key that belongs to no grant; the others are deleted with their grant, and leaving the
-- column empty there keeps a refresh from touching the indexes (HOT).
CREATE TABLE api_keys (
    id text COLLATE "C" PRIMARY KEY,
    user_id uuid NOT NULL,
    secret_digest bytea NOT NULL,
    login_type text NOT NULL,
    scopes text NOT NULL,
    token_name text COLLATE "C" NOT NULL,
    ip text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    last_used timestamptz,
    expires_at timestamptz NOT NULL,
    lifetime_seconds bigint NOT NULL,
    app_id uuid,
    grant_id uuid REFERENCES oauth2_grants (id) ON DELETE CASCADE,
    app_secret_id uuid REFERENCES oauth2_app_secrets (id) ON DELETE CASCADE,
    audience text,
    slides_until timestamptz,
    purge_at timestamptz
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX api_keys_grant_unique ON api_keys (grant_id) WHERE grant_id IS NOT NULL;
CREATE UNIQUE INDEX api_keys_token_name_unique ON api_keys (user_id, token_name) WHERE login_type = 'token';
CREATE INDEX api_keys_user ON api_keys (user_id);
CREATE INDEX api_keys_app_secret ON api_keys (app_secret_id) WHERE app_secret_id IS NOT NULL;
CREATE INDEX api_keys_purge ON api_keys (purge_at) WHERE purge_at IS NOT NULL;

-- Records outlive what they speak of, so nothing here is a foreign key.
CREATE TABLE audit_logs (
    id uuid PRIMARY KEY,
    time timestamptz NOT NULL,
    user_id uuid,
    organization_id uuid,
    ip text NOT NULL,
    user_agent text NOT NULL,
    resource_type text NOT NULL,
    resource_id text NOT NULL,
    resource_target text NOT NULL,
    action text NOT NULL,
    diff jsonb NOT NULL,
    status_code integer NOT NULL,
    additional_fields jsonb NOT NULL,
    request_id uuid
);
CREATE INDEX audit_logs_time ON audit_logs (time);
CREATE INDEX audit_logs_user ON audit_logs (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_logs_resource ON audit_logs (resource_type, resource_id);

CREATE TABLE signin_throttles (
    key text COLLATE "C" PRIMARY KEY,
    failures integer NOT NULL,
    last_failure timestamptz NOT NULL,
    forget_at timestamptz NOT NULL
);
CREATE INDEX signin_throttles_forget ON signin_throttles (forget_at);

-- From where users have signed in with their password: an address, or of IPv6 the network of 64 bits. There the failed
-- tries of others do not shut them out.
CREATE TABLE signin_places (
    user_id uuid NOT NULL REFERENCES users (id),
    place text COLLATE "C" NOT NULL,
    last_success timestamptz NOT NULL,
    PRIMARY KEY (user_id, place)
);
CREATE INDEX signin_places_age ON signin_places (last_success);

CREATE TABLE server_keys (
    name text COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL,
    created_at timestamptz NOT NULL
);
