-- What apps are told of a browser session is called: an id that is no key. Made when the first app asks; it goes with the key.
CREATE TABLE openid_sessions (
    key_id text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    sid uuid NOT NULL UNIQUE
);
-- What a code and a grant say of the user beside scopes: how and when they signed in, and what the app asked to be told. JSON.
CREATE TABLE openid_codes (
    code_id uuid NOT NULL PRIMARY KEY REFERENCES oauth2_codes (id) ON DELETE CASCADE,
    identity jsonb NOT NULL
);
CREATE TABLE openid_grants (
    grant_id uuid NOT NULL PRIMARY KEY REFERENCES oauth2_grants (id) ON DELETE CASCADE,
    sid uuid NOT NULL,
    identity jsonb NOT NULL
);
CREATE INDEX openid_grants_sid ON openid_grants (sid);
-- What is particular about apps as relying parties. JSON.
CREATE TABLE openid_apps (
    app_id uuid NOT NULL PRIMARY KEY REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    rules jsonb NOT NULL
);
-- What users have allowed before, so that they are not asked again. `resource` is empty for this server. `fingerprint` is of the app as it
-- was then.
CREATE TABLE oauth2_consents (
    user_id uuid NOT NULL REFERENCES users (id),
    app_id uuid NOT NULL REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    resource text COLLATE "C" NOT NULL,
    scopes text NOT NULL,
    fingerprint bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, app_id, resource)
);
CREATE INDEX oauth2_consents_app ON oauth2_consents (app_id);
