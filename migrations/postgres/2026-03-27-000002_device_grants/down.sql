ALTER TABLE oauth2_apps DROP COLUMN refresh_tokens;
ALTER TABLE oauth2_grants DROP COLUMN is_device;
