-- Without the device grant.
DROP TABLE oauth2_device_authorizations;
ALTER TABLE oauth2_apps DROP COLUMN device_flow;
