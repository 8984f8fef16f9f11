-- The device grant (RFC 8628): which apps may use it, and what devices ask for until a person has decided.
ALTER TABLE oauth2_apps ADD COLUMN device_flow integer NOT NULL DEFAULT 0;

-- user_code is a digest under a key of the server; user_id is who has approved.
CREATE TABLE oauth2_device_authorizations (
    id blob NOT NULL PRIMARY KEY,
    prefix text NOT NULL,
    digest blob NOT NULL,
    user_code blob NOT NULL,
    app_id blob NOT NULL REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    resource text,
    scopes text NOT NULL,
    ip text NOT NULL,
    user_agent text NOT NULL,
    created_at integer NOT NULL,
    expires_at integer NOT NULL,
    interval_seconds integer NOT NULL,
    polled_at integer,
    decision text NOT NULL,
    user_id blob REFERENCES users (id)
) STRICT;
CREATE UNIQUE INDEX oauth2_device_authorizations_prefix_unique ON oauth2_device_authorizations (prefix);
CREATE UNIQUE INDEX oauth2_device_authorizations_user_code_unique ON oauth2_device_authorizations (user_code);
CREATE INDEX oauth2_device_authorizations_app ON oauth2_device_authorizations (app_id, ip);
CREATE INDEX oauth2_device_authorizations_user ON oauth2_device_authorizations (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX oauth2_device_authorizations_expiry ON oauth2_device_authorizations (expires_at);
