-- The schedules that users chose for themselves, as text in normal form (`CRON_TZ=UTC 0 0 * * *`). Who has none has the
-- default of the settings.
CREATE TABLE quiet_hours (
    user_id uuid PRIMARY KEY REFERENCES users (id),
    schedule text NOT NULL
);
