ALTER TABLE oauth2_codes DROP COLUMN implied_redirect_uri;
ALTER TABLE oauth2_grants DROP COLUMN app_revision;
ALTER TABLE oauth2_apps DROP COLUMN revision;
ALTER TABLE api_keys DROP COLUMN unused;
