-- The key that whoever uses an access token, refreshes a grant of a public client or redeems a code must prove to have (RFC 9449), by its
-- thumbprint. Empty where none was proved: whoever has the token may use it.
ALTER TABLE api_keys ADD COLUMN jkt text;
ALTER TABLE oauth2_grants ADD COLUMN jkt text;
ALTER TABLE oauth2_codes ADD COLUMN jkt text;
