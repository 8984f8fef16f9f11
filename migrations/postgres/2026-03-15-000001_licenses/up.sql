-- Licences, as they were signed. One is known again by its digest, for an index holds no long texts. Ids are not given again.
CREATE TABLE licenses (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid uuid NOT NULL,
    uploaded_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    token text NOT NULL,
    digest bytea NOT NULL
);
CREATE UNIQUE INDEX licenses_digest_unique ON licenses (digest);
CREATE INDEX licenses_ends_at ON licenses (ends_at);
