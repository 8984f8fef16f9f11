-- What apps are told of a browser session is called: an id that is no key. Made when the first app asks; it goes with the key.
CREATE TABLE openid_sessions (
    key_id text NOT NULL PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    sid blob NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
-- What a code and a grant say of the user beside scopes: how and when they signed in, and what the app asked to be told. JSON.
CREATE TABLE openid_codes (
    code_id blob NOT NULL PRIMARY KEY REFERENCES oauth2_codes (id) ON DELETE CASCADE,
    identity text NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE openid_grants (
    grant_id blob NOT NULL PRIMARY KEY REFERENCES oauth2_grants (id) ON DELETE CASCADE,
    sid blob NOT NULL,
    identity text NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX openid_grants_sid ON openid_grants (sid);
-- What is particular about apps as relying parties. JSON.
CREATE TABLE openid_apps (
    app_id blob NOT NULL PRIMARY KEY REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    rules text NOT NULL
) STRICT, WITHOUT ROWID;
-- What users have allowed before, so that they are not asked again. `resource` is empty for this server. `fingerprint` is of the app as it
-- was then.
CREATE TABLE oauth2_consents (
    user_id blob NOT NULL REFERENCES users (id),
    app_id blob NOT NULL REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    resource text NOT NULL,
    scopes text NOT NULL,
    fingerprint blob NOT NULL,
    created_at integer NOT NULL,
    PRIMARY KEY (user_id, app_id, resource)
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth2_consents_app ON oauth2_consents (app_id);
