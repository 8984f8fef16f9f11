-- The first tables: accounts, sessions, organizations, groups, the OAuth 2.1 authorization server, the audit log.
--
-- The same tables as on PostgreSQL: ids are blobs of 16 bytes, instants are microseconds since 1970, truth is 0 or 1,
-- JSON is text. Users are marked as deleted and never removed, so references to them need no cascade.

CREATE TABLE users (
    id blob NOT NULL PRIMARY KEY,
    email text NOT NULL,
    email_key text NOT NULL,
    username text NOT NULL,
    username_key text NOT NULL,
    name text NOT NULL,
    avatar_url text NOT NULL,
    password_hash text,
    status text NOT NULL,
    login_type text NOT NULL,
    roles text NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    last_seen_at integer,
    deleted integer NOT NULL,
    is_system integer NOT NULL,
    theme_preference text NOT NULL,
    terminal_font text NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_email_unique ON users (email_key) WHERE NOT deleted;
CREATE UNIQUE INDEX users_username_unique ON users (username_key) WHERE NOT deleted;

CREATE TABLE organizations (
    id blob NOT NULL PRIMARY KEY,
    name text NOT NULL,
    name_key text NOT NULL,
    display_name text NOT NULL,
    description text NOT NULL,
    icon text NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    is_default integer NOT NULL,
    deleted integer NOT NULL
) STRICT;
CREATE UNIQUE INDEX organizations_name_unique ON organizations (name_key) WHERE NOT deleted;
CREATE UNIQUE INDEX organizations_default_unique ON organizations (is_default) WHERE is_default;

CREATE TABLE organization_members (
    organization_id blob NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id blob NOT NULL REFERENCES users (id),
    roles text NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    PRIMARY KEY (organization_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX organization_members_user ON organization_members (user_id);

-- A role of the whole site has no organization. Names are lower case.
CREATE TABLE custom_roles (
    id blob NOT NULL PRIMARY KEY,
    organization_id blob REFERENCES organizations (id) ON DELETE CASCADE,
    name text NOT NULL,
    display_name text NOT NULL,
    site_permissions text NOT NULL,
    organization_permissions text NOT NULL,
    user_permissions text NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL
) STRICT;
CREATE UNIQUE INDEX custom_roles_site_unique ON custom_roles (name) WHERE organization_id IS NULL;
CREATE UNIQUE INDEX custom_roles_organization_unique ON custom_roles (organization_id, name) WHERE organization_id IS NOT NULL;

-- The group Everyone has the id of its organization and no rows in group_members.
CREATE TABLE groups (
    id blob NOT NULL PRIMARY KEY,
    organization_id blob NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name text NOT NULL,
    name_key text NOT NULL,
    display_name text NOT NULL,
    avatar_url text NOT NULL,
    quota_allowance integer NOT NULL,
    source text NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL
) STRICT;
CREATE UNIQUE INDEX groups_name_unique ON groups (organization_id, name_key);

CREATE TABLE group_members (
    group_id blob NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id blob NOT NULL REFERENCES users (id),
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_members_user ON group_members (user_id);

CREATE TABLE oauth2_apps (
    id blob NOT NULL PRIMARY KEY,
    name text NOT NULL,
    icon text NOT NULL,
    redirect_uris text NOT NULL,
    redirect_match text NOT NULL,
    client_type text NOT NULL,
    require_pkce integer NOT NULL,
    allowed_scopes text,
    allowed_resources text,
    resources text NOT NULL,
    service_account_id blob REFERENCES users (id),
    created_at integer NOT NULL,
    updated_at integer NOT NULL
) STRICT;

CREATE TABLE oauth2_app_secrets (
    id blob NOT NULL PRIMARY KEY,
    app_id blob NOT NULL REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    prefix text NOT NULL,
    digest blob NOT NULL,
    display_suffix text NOT NULL,
    created_at integer NOT NULL,
    last_used_at integer
) STRICT;
CREATE UNIQUE INDEX oauth2_app_secrets_prefix_unique ON oauth2_app_secrets (prefix);
CREATE INDEX oauth2_app_secrets_app ON oauth2_app_secrets (app_id);

-- grant_id has no foreign key: a redeemed code outlives its grant, so that a replay is noticed.
CREATE TABLE oauth2_codes (
    id blob NOT NULL PRIMARY KEY,
    prefix text NOT NULL,
    digest blob NOT NULL,
    app_id blob NOT NULL REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    user_id blob NOT NULL REFERENCES users (id),
    redirect_uri text,
    challenge text,
    resource text,
    scopes text NOT NULL,
    created_at integer NOT NULL,
    expires_at integer NOT NULL,
    redeemed_at integer,
    grant_id blob
) STRICT;
CREATE UNIQUE INDEX oauth2_codes_prefix_unique ON oauth2_codes (prefix);
CREATE INDEX oauth2_codes_user_app ON oauth2_codes (user_id, app_id);
CREATE INDEX oauth2_codes_app ON oauth2_codes (app_id);
CREATE INDEX oauth2_codes_expiry ON oauth2_codes (expires_at);

-- purge_on is the day of the refresh token's expiry, counted from 1970 and rounded up: a refresh seldom changes it, so
-- it seldom touches an index. access_key_id has no foreign key: the key is deleted with its grant, and the grant with
-- its key by the repository.
CREATE TABLE oauth2_grants (
    id blob NOT NULL PRIMARY KEY,
    app_id blob NOT NULL REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    user_id blob NOT NULL REFERENCES users (id),
    app_secret_id blob REFERENCES oauth2_app_secrets (id) ON DELETE CASCADE,
    audience text,
    scopes text NOT NULL,
    access_key_id text NOT NULL,
    access_expires_at integer NOT NULL,
    refresh_prefix text NOT NULL,
    refresh_digest blob NOT NULL,
    refresh_expires_at integer NOT NULL,
    exchanged blob NOT NULL,
    generation integer NOT NULL,
    created_at integer NOT NULL,
    purge_on integer NOT NULL
) STRICT;
CREATE UNIQUE INDEX oauth2_grants_refresh_prefix_unique ON oauth2_grants (refresh_prefix);
CREATE INDEX oauth2_grants_user_app ON oauth2_grants (user_id, app_id);
CREATE INDEX oauth2_grants_app ON oauth2_grants (app_id);
CREATE INDEX oauth2_grants_app_secret ON oauth2_grants (app_secret_id) WHERE app_secret_id IS NOT NULL;
CREATE INDEX oauth2_grants_purge ON oauth2_grants (purge_on);

-- user_id has no foreign key, for users are never removed, and app_id has none, for a key that names an app hangs on a
-- grant or on a client secret, and these hang on the app: every foreign key is a lookup per token issued.
-- purge_at is the expiry of a key that belongs to no grant; the others are deleted with their grant, and leaving the
-- column empty there keeps a refresh from touching the indexes.
CREATE TABLE api_keys (
    id text NOT NULL PRIMARY KEY,
    user_id blob NOT NULL,
    secret_digest blob NOT NULL,
    login_type text NOT NULL,
    scopes text NOT NULL,
    token_name text NOT NULL,
    ip text NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    last_used integer,
    expires_at integer NOT NULL,
    lifetime_seconds integer NOT NULL,
    app_id blob,
    grant_id blob REFERENCES oauth2_grants (id) ON DELETE CASCADE,
    app_secret_id blob REFERENCES oauth2_app_secrets (id) ON DELETE CASCADE,
    audience text,
    slides_until integer,
    purge_at integer
) STRICT;
CREATE UNIQUE INDEX api_keys_grant_unique ON api_keys (grant_id) WHERE grant_id IS NOT NULL;
CREATE UNIQUE INDEX api_keys_token_name_unique ON api_keys (user_id, token_name) WHERE login_type = 'token';
CREATE INDEX api_keys_user ON api_keys (user_id);
CREATE INDEX api_keys_app_secret ON api_keys (app_secret_id) WHERE app_secret_id IS NOT NULL;
CREATE INDEX api_keys_purge ON api_keys (purge_at) WHERE purge_at IS NOT NULL;

-- Records outlive what they speak of, so nothing here is a foreign key.
CREATE TABLE audit_logs (
    id blob NOT NULL PRIMARY KEY,
    time integer NOT NULL,
    user_id blob,
    organization_id blob,
    ip text NOT NULL,
    user_agent text NOT NULL,
    resource_type text NOT NULL,
    resource_id text NOT NULL,
    resource_target text NOT NULL,
    action text NOT NULL,
    diff text NOT NULL,
    status_code integer NOT NULL,
    additional_fields text NOT NULL,
    request_id blob
) STRICT;
CREATE INDEX audit_logs_time ON audit_logs (time);
CREATE INDEX audit_logs_user ON audit_logs (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_logs_resource ON audit_logs (resource_type, resource_id);

CREATE TABLE signin_throttles (
    key text NOT NULL PRIMARY KEY,
    failures integer NOT NULL,
    last_failure integer NOT NULL,
    forget_at integer NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX signin_throttles_forget ON signin_throttles (forget_at);

-- From where users have signed in with their password: an address, or of IPv6 the network of 64 bits. There the failed
-- tries of others do not shut them out.
CREATE TABLE signin_places (
    user_id blob NOT NULL REFERENCES users (id),
    place text NOT NULL,
    last_success integer NOT NULL,
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX signin_places_age ON signin_places (last_success);

CREATE TABLE server_keys (
    name text NOT NULL PRIMARY KEY,
    value blob NOT NULL,
    created_at integer NOT NULL
) STRICT, WITHOUT ROWID;
