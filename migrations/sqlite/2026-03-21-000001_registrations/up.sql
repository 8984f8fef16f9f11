-- Clients that registered themselves, beside their apps. identity is by what the next registration finds a shared one; it is empty
-- where none does. granted_at is noted by the job that removes those that nobody uses.
CREATE TABLE oauth2_registered_clients (
    app_id blob NOT NULL PRIMARY KEY REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    identity blob,
    shared integer NOT NULL,
    adopted integer NOT NULL,
    metadata text NOT NULL,
    created_from text NOT NULL,
    created_at integer NOT NULL,
    matched_at integer NOT NULL,
    granted_at integer
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX oauth2_registered_clients_identity_unique ON oauth2_registered_clients (identity);
CREATE INDEX oauth2_registered_clients_created ON oauth2_registered_clients (created_at);
CREATE INDEX oauth2_registered_clients_matched ON oauth2_registered_clients (matched_at);

-- Each registration has a token of its own, of which the digest is kept.
CREATE TABLE oauth2_registrations (
    digest blob NOT NULL PRIMARY KEY,
    app_id blob NOT NULL REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    created_at integer NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth2_registrations_app ON oauth2_registrations (app_id, created_at);
