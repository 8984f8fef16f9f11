UPDATE oauth2_apps SET client_type = 'confidential' WHERE client_type = 'keyed';
ALTER TABLE oauth2_grants DROP COLUMN by_key;
ALTER TABLE oauth2_apps DROP COLUMN rules;
