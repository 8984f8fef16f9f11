-- What is bound to a key must not become good without one.
DELETE FROM oauth2_codes WHERE jkt IS NOT NULL;
DELETE FROM oauth2_grants WHERE jkt IS NOT NULL;
DELETE FROM api_keys WHERE jkt IS NOT NULL;
ALTER TABLE oauth2_codes DROP COLUMN jkt;
ALTER TABLE oauth2_grants DROP COLUMN jkt;
ALTER TABLE api_keys DROP COLUMN jkt;
