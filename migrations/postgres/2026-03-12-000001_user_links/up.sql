-- Accounts at identity providers with which users sign in. A provider is known by its issuer, an account there by its subject.
-- `claims` is what the provider said of it at the last sign-in: a JSON object.
CREATE TABLE user_links (
    issuer text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id),
    login_type text NOT NULL,
    provider text NOT NULL,
    email_verified boolean NOT NULL,
    claims jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX user_links_user ON user_links (user_id);
-- For searches by the number of an account at GitHub.
CREATE INDEX user_links_subject ON user_links (subject);

-- Sessions that began at an identity provider, which may end them. They go with their keys.
CREATE TABLE federated_sessions (
    key_id text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    provider text NOT NULL,
    issuer text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    upstream_sid text COLLATE "C",
    auth_time timestamptz NOT NULL,
    amr jsonb NOT NULL,
    acr text NOT NULL,
    id_token bytea
);
CREATE INDEX federated_sessions_subject ON federated_sessions (issuer, subject);
CREATE INDEX federated_sessions_sid ON federated_sessions (issuer, upstream_sid) WHERE upstream_sid IS NOT NULL;
