-- The ways that somebody chose for templates of notifications, which are no rows themselves.
CREATE TABLE notification_methods (
    template_id uuid PRIMARY KEY,
    method text NOT NULL
);
-- What users have said about templates.
CREATE TABLE notification_preferences (
    user_id uuid NOT NULL REFERENCES users (id),
    template_id uuid NOT NULL,
    disabled boolean NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, template_id)
);
-- What is to be told, as JSON, written in the transaction of what it tells. A row is taken away in the transaction that makes
-- deliveries of it. Ids are in the order of time.
CREATE TABLE notification_notices (
    id uuid PRIMARY KEY,
    notice text NOT NULL
);
-- What is on its way to somebody. While it is tried, `next_attempt_at` is the end of the attempt, by the clock of the database, and
-- `attempts` tells the attempt from others. `claimed`: an attempt is under way, or has ended without a word. `handed_over`: the attempt has gone so far that it may have succeeded. What is
-- delivered is deleted; what is given up has `dead_at`.
CREATE TABLE notification_deliveries (
    id uuid PRIMARY KEY,
    template_id uuid NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id),
    method text NOT NULL,
    matter text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    attempts integer NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    claimed boolean NOT NULL,
    handed_over boolean NOT NULL,
    dead_at timestamptz,
    last_error text
);
CREATE INDEX notification_deliveries_due ON notification_deliveries (next_attempt_at) WHERE dead_at IS NULL;
CREATE INDEX notification_deliveries_dead ON notification_deliveries (dead_at) WHERE dead_at IS NOT NULL;
CREATE INDEX notification_deliveries_claimed ON notification_deliveries (id) WHERE claimed;
CREATE INDEX notification_deliveries_user ON notification_deliveries (user_id);
-- What stands in inboxes. `targets` and `actions` are JSON.
CREATE TABLE inbox_notifications (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    template_id uuid NOT NULL,
    targets jsonb NOT NULL,
    title text NOT NULL,
    content text NOT NULL,
    actions jsonb NOT NULL,
    read_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE INDEX inbox_notifications_user ON inbox_notifications (user_id, id);
CREATE INDEX inbox_notifications_unread ON inbox_notifications (user_id) WHERE read_at IS NULL;
CREATE INDEX inbox_notifications_created ON inbox_notifications (created_at);
-- The last one-time passcode of each user, by its digest.
CREATE TABLE one_time_passcodes (
    user_id uuid PRIMARY KEY REFERENCES users (id),
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX one_time_passcodes_expiry ON one_time_passcodes (expires_at);
-- Devices from which users have signed in, by a digest of what they are known by.
CREATE TABLE known_devices (
    user_id uuid NOT NULL REFERENCES users (id),
    digest bytea NOT NULL,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, digest)
);
