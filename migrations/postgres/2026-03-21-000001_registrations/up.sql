-- Clients that registered themselves, beside their apps. identity is by what the next registration finds a shared one; it is empty
-- where none does. granted_at is noted by the job that removes those that nobody uses.
CREATE TABLE oauth2_registered_clients (
    app_id uuid NOT NULL PRIMARY KEY REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    identity bytea,
    shared boolean NOT NULL,
    adopted boolean NOT NULL,
    metadata text NOT NULL,
    created_from text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    matched_at timestamptz NOT NULL,
    granted_at timestamptz
);
CREATE UNIQUE INDEX oauth2_registered_clients_identity_unique ON oauth2_registered_clients (identity);
CREATE INDEX oauth2_registered_clients_created ON oauth2_registered_clients (created_at);
CREATE INDEX oauth2_registered_clients_matched ON oauth2_registered_clients (matched_at);

-- Each registration has a token of its own, of which the digest is kept.
CREATE TABLE oauth2_registrations (
    digest bytea NOT NULL PRIMARY KEY,
    app_id uuid NOT NULL REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL
);
CREATE INDEX oauth2_registrations_app ON oauth2_registrations (app_id, created_at);
