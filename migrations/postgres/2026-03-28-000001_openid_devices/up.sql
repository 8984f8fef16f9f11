-- What is told of who has approved a device: how and when they signed in. JSON, as of codes; it goes with the authorization.
CREATE TABLE openid_devices (
    device_id uuid NOT NULL PRIMARY KEY REFERENCES oauth2_device_authorizations (id) ON DELETE CASCADE,
    identity jsonb NOT NULL
);
