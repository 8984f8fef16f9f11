-- Copies of metadata documents of clients. app_id follows from the URL; the app itself is there only when somebody has allowed it
-- something, so there is no foreign key.
CREATE TABLE oauth2_client_documents (
    app_id uuid NOT NULL PRIMARY KEY,
    url text COLLATE "C" NOT NULL,
    body text NOT NULL,
    fetched_at timestamptz NOT NULL,
    fresh_until timestamptz NOT NULL,
    retry_at timestamptz
);
CREATE INDEX oauth2_client_documents_fetched ON oauth2_client_documents (fetched_at);
