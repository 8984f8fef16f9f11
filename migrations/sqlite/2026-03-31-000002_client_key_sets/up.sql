-- Sets of keys of clients, as they were fetched last by any server; url_digest is the digest of the URL at which one is. again_at is when
-- it was fetched because a key was not in it.
CREATE TABLE client_key_sets (
    url_digest blob NOT NULL PRIMARY KEY,
    url text NOT NULL,
    body blob NOT NULL,
    fetched_at integer NOT NULL,
    fresh_until integer NOT NULL,
    again_at integer
) STRICT, WITHOUT ROWID;
CREATE INDEX client_key_sets_fetched ON client_key_sets (fetched_at);
