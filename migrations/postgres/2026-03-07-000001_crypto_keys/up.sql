-- Keys of the server, several of each purpose: one signs, those before it verify until what they made has expired. The first
-- byte of a secret says how it is stored: 0 as it is, 1 sealed with a key of the settings.
CREATE TABLE crypto_keys (
    purpose text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    algorithm text NOT NULL,
    secret bytea NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz,
    PRIMARY KEY (purpose, id)
);

-- The one key that there was did everything. Refresh tokens of it do not name it.
INSERT INTO crypto_keys (purpose, id, algorithm, secret, starts_at)
SELECT purposes.purpose, 'a', purposes.algorithm, '\x00'::bytea || server_keys.value, server_keys.created_at
FROM server_keys,
    (VALUES ('refresh_tokens', 'hmac-sha256-unnamed'), ('forms', 'hmac-sha256')) AS purposes (purpose, algorithm)
WHERE server_keys.name = 'oauth2_refresh_derivation';
DELETE FROM server_keys WHERE name = 'oauth2_refresh_derivation';
