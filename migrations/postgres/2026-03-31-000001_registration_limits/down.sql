ALTER TABLE oauth2_registered_clients DROP COLUMN limits;
ALTER TABLE oauth2_registration_tokens DROP COLUMN limits;
