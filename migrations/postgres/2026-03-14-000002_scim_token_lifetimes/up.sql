-- For how long a token was to be good when it was made. Its end says so no more once another one has taken its place.
ALTER TABLE scim_tokens ADD COLUMN lifetime_seconds bigint;
UPDATE scim_tokens SET lifetime_seconds = extract(epoch FROM expires_at - created_at)::bigint WHERE expires_at IS NOT NULL;
