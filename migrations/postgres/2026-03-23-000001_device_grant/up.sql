-- The device grant (RFC 8628): which apps may use it, and what devices ask for until a person has decided.
ALTER TABLE oauth2_apps ADD COLUMN device_flow boolean NOT NULL DEFAULT false;

-- user_code is a digest under a key of the server; user_id is who has approved.
CREATE TABLE oauth2_device_authorizations (
    id uuid PRIMARY KEY,
    prefix text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    user_code bytea NOT NULL,
    app_id uuid NOT NULL REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    resource text,
    scopes text NOT NULL,
    ip text NOT NULL,
    user_agent text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    interval_seconds integer NOT NULL,
    polled_at timestamptz,
    decision text NOT NULL,
    user_id uuid REFERENCES users (id)
);
CREATE UNIQUE INDEX oauth2_device_authorizations_prefix_unique ON oauth2_device_authorizations (prefix);
CREATE UNIQUE INDEX oauth2_device_authorizations_user_code_unique ON oauth2_device_authorizations (user_code);
CREATE INDEX oauth2_device_authorizations_app ON oauth2_device_authorizations (app_id, ip);
CREATE INDEX oauth2_device_authorizations_user ON oauth2_device_authorizations (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX oauth2_device_authorizations_expiry ON oauth2_device_authorizations (expires_at);
