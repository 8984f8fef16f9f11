-- Licences, as they were signed. One is known again by its digest, for an index holds no long texts. Ids are not given again.
CREATE TABLE licenses (
    id integer PRIMARY KEY AUTOINCREMENT,
    uuid blob NOT NULL,
    uploaded_at integer NOT NULL,
    ends_at integer NOT NULL,
    token text NOT NULL,
    digest blob NOT NULL
) STRICT;
CREATE UNIQUE INDEX licenses_digest_unique ON licenses (digest);
CREATE INDEX licenses_ends_at ON licenses (ends_at);
