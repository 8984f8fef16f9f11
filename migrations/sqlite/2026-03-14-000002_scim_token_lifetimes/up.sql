-- For how long a token was to be good when it was made. Its end says so no more once another one has taken its place.
ALTER TABLE scim_tokens ADD COLUMN lifetime_seconds integer;
UPDATE scim_tokens SET lifetime_seconds = (expires_at - created_at) / 1000000 WHERE expires_at IS NOT NULL;
