-- Accounts at identity providers with which users sign in. A provider is known by its issuer, an account there by its subject.
-- `claims` is what the provider said of it at the last sign-in: a JSON object.
CREATE TABLE user_links (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id blob NOT NULL REFERENCES users (id),
    login_type text NOT NULL,
    provider text NOT NULL,
    email_verified integer NOT NULL,
    claims text NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_links_user ON user_links (user_id);
-- For searches by the number of an account at GitHub.
CREATE INDEX user_links_subject ON user_links (subject);

-- Sessions that began at an identity provider, which may end them. They go with their keys.
CREATE TABLE federated_sessions (
    key_id text NOT NULL PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    provider text NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    upstream_sid text,
    auth_time integer NOT NULL,
    amr text NOT NULL,
    acr text NOT NULL,
    id_token blob
) STRICT, WITHOUT ROWID;
CREATE INDEX federated_sessions_subject ON federated_sessions (issuer, subject);
CREATE INDEX federated_sessions_sid ON federated_sessions (issuer, upstream_sid) WHERE upstream_sid IS NOT NULL;
