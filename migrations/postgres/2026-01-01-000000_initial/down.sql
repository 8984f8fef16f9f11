-- Back to an empty database.
DROP TABLE server_keys;
DROP TABLE signin_places;
DROP TABLE signin_throttles;
DROP TABLE audit_logs;
DROP TABLE api_keys;
DROP TABLE oauth2_grants;
DROP TABLE oauth2_codes;
DROP TABLE oauth2_app_secrets;
DROP TABLE oauth2_apps;
DROP TABLE group_members;
DROP TABLE groups;
DROP TABLE custom_roles;
DROP TABLE organization_members;
DROP TABLE organizations;
DROP TABLE users;
