-- Logos of apps, fetched once and served from here. `kind` is the media type.
CREATE TABLE app_logos (
    app_id uuid NOT NULL PRIMARY KEY REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    kind text NOT NULL,
    bytes bytea NOT NULL
);
