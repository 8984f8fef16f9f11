-- What is presented where only those register clients who were given a token: a public part, by which it is found, and a digest of the
-- secret part. max_uses is empty where any number may be registered by it.
CREATE TABLE oauth2_registration_tokens (
    id blob NOT NULL PRIMARY KEY,
    name text NOT NULL,
    prefix text NOT NULL,
    digest blob NOT NULL,
    created_by blob,
    created_at integer NOT NULL,
    expires_at integer NOT NULL,
    max_uses integer,
    uses integer NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX oauth2_registration_tokens_prefix_unique ON oauth2_registration_tokens (prefix);
CREATE INDEX oauth2_registration_tokens_expiry ON oauth2_registration_tokens (expires_at);
