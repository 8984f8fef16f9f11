-- Second factors. An authenticator app: `secret` is sealed, and there once a code of it was right; `pending` is one that is being set up.
-- A code works once: `last_step` is the time step of the last one. `locked_at`: too many codes were wrong, none is taken any more.
CREATE TABLE totp_factors (
    user_id uuid NOT NULL PRIMARY KEY REFERENCES users (id),
    secret bytea,
    confirmed_at timestamptz,
    last_step bigint NOT NULL,
    pending bytea,
    pending_until timestamptz,
    failures integer NOT NULL,
    failures_since timestamptz,
    locked_at timestamptz
);

-- Codes for those who have lost their factor, by digest. A used one is deleted.
CREATE TABLE recovery_codes (
    user_id uuid NOT NULL REFERENCES users (id),
    digest bytea NOT NULL,
    PRIMARY KEY (user_id, digest)
);

-- By what those proved who they are whose session is worth another thing than a password at its beginning. It goes with the key.
CREATE TABLE session_proofs (
    key_id text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    auth_time timestamptz NOT NULL,
    factor_at timestamptz,
    amr jsonb NOT NULL,
    acr text NOT NULL
);
