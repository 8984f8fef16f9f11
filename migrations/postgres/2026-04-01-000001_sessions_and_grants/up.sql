-- Of sessions, which are keys that are neither API tokens nor access tokens of apps: when they began, and in what kind of program, for those who look
-- at them. Never changed, so that what changes with each refresh of an access token stays without an index. And the grants of an app, newest first.
ALTER TABLE api_keys ADD COLUMN began_at timestamptz;
ALTER TABLE api_keys ADD COLUMN device text;
UPDATE api_keys SET began_at = created_at WHERE app_id IS NULL AND login_type <> 'token';
CREATE INDEX api_keys_sessions ON api_keys (began_at, id) WHERE began_at IS NOT NULL;
DROP INDEX oauth2_grants_app;
CREATE INDEX oauth2_grants_app ON oauth2_grants (app_id, created_at, id);
