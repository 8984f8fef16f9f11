-- Second factors. An authenticator app: `secret` is sealed, and there once a code of it was right; `pending` is one that is being set up.
-- A code works once: `last_step` is the time step of the last one. `locked_at`: too many codes were wrong, none is taken any more.
CREATE TABLE totp_factors (
    user_id blob NOT NULL PRIMARY KEY REFERENCES users (id),
    secret blob,
    confirmed_at integer,
    last_step integer NOT NULL,
    pending blob,
    pending_until integer,
    failures integer NOT NULL,
    failures_since integer,
    locked_at integer
) STRICT, WITHOUT ROWID;

-- Codes for those who have lost their factor, by digest. A used one is deleted.
CREATE TABLE recovery_codes (
    user_id blob NOT NULL REFERENCES users (id),
    digest blob NOT NULL,
    PRIMARY KEY (user_id, digest)
) STRICT, WITHOUT ROWID;

-- By what those proved who they are whose session is worth another thing than a password at its beginning. It goes with the key.
CREATE TABLE session_proofs (
    key_id text NOT NULL PRIMARY KEY REFERENCES api_keys (id) ON DELETE CASCADE,
    auth_time integer NOT NULL,
    factor_at integer,
    amr text NOT NULL,
    acr text NOT NULL
) STRICT, WITHOUT ROWID;
