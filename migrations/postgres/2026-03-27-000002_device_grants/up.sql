-- Grants of devices have a lifetime of their own, and are told from others. Not every client that registers itself has use for refresh tokens.
ALTER TABLE oauth2_grants ADD COLUMN is_device boolean NOT NULL DEFAULT false;
ALTER TABLE oauth2_apps ADD COLUMN refresh_tokens boolean NOT NULL DEFAULT true;
