-- What clients may be that are registered by a token: JSON, empty where they may be anything. They keep it.
ALTER TABLE oauth2_registration_tokens ADD COLUMN limits jsonb NOT NULL DEFAULT '{}';
ALTER TABLE oauth2_registered_clients ADD COLUMN limits jsonb NOT NULL DEFAULT '{}';
