-- What is sealed cannot be read by a version that knows no seals, nor does it know tokens that name their key.
INSERT INTO server_keys (name, value, created_at)
SELECT 'oauth2_refresh_derivation', substring(secret FROM 2), starts_at
FROM crypto_keys
WHERE purpose = 'refresh_tokens' AND ends_at IS NULL AND get_byte(secret, 0) = 0;
DROP TABLE crypto_keys;
