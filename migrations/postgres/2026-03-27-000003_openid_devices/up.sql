-- What an approved device says of its user beside scopes, until it gets its tokens. JSON.
CREATE TABLE openid_devices (
    device_id uuid NOT NULL PRIMARY KEY REFERENCES oauth2_device_authorizations (id) ON DELETE CASCADE,
    identity jsonb NOT NULL
);
