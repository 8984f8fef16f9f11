DROP INDEX oauth2_grants_app;
CREATE INDEX oauth2_grants_app ON oauth2_grants (app_id);
DROP INDEX api_keys_sessions;
ALTER TABLE api_keys DROP COLUMN device;
ALTER TABLE api_keys DROP COLUMN began_at;
