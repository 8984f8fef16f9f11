-- Which apps are still to be told that a session has ended, written in the transaction that ends it. `sid` is the name of the session, or
-- zeros: all sessions of the user. While it is tried, `next_attempt_at` is the end of the attempt, by the clock of the database, and
-- `attempts` tells the attempt from others.
CREATE TABLE openid_logouts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id uuid NOT NULL REFERENCES oauth2_apps (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id),
    sid uuid NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    last_error text,
    UNIQUE (app_id, user_id, sid)
);
CREATE INDEX openid_logouts_due ON openid_logouts (next_attempt_at, id);
CREATE INDEX openid_logouts_user ON openid_logouts (user_id);
