-- The last syncs of each user with the claims of an identity provider. `document` is a JSON object: what was gained, lost and
-- ignored, or why nobody was signed in.
CREATE TABLE sync_log (
    id blob NOT NULL PRIMARY KEY,
    user_id blob NOT NULL REFERENCES users (id),
    "time" integer NOT NULL,
    provider text NOT NULL,
    outcome text NOT NULL,
    document text NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sync_log_user ON sync_log (user_id, "time", id);

-- The claims that were seen last are found by the time of the sign-in.
CREATE INDEX user_links_seen ON user_links (updated_at, issuer, subject);
