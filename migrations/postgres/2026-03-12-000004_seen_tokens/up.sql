-- Tokens of others that are good for one use: the digest of who issued them, of what kind, and of their id (`jti`).
CREATE TABLE seen_tokens (
    key bytea NOT NULL PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX seen_tokens_expiry ON seen_tokens (expires_at);
