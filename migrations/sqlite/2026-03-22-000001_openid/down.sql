DROP TABLE oauth2_consents;
DROP TABLE openid_apps;
DROP TABLE openid_grants;
DROP TABLE openid_codes;
DROP TABLE openid_sessions;
