-- Copies of metadata documents of clients. app_id follows from the URL; the app itself is there only when somebody has allowed it
-- something, so there is no foreign key.
CREATE TABLE oauth2_client_documents (
    app_id blob NOT NULL PRIMARY KEY,
    url text NOT NULL,
    body text NOT NULL,
    fetched_at integer NOT NULL,
    fresh_until integer NOT NULL,
    retry_at integer
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth2_client_documents_fetched ON oauth2_client_documents (fetched_at);
