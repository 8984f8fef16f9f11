-- Authorization requests that clients have pushed (RFC 9126), by the digest of their request_uri, until a code is given for them. The client
-- may be one that is known by a document, which has no app yet. browser is the digest of what the browser is known by that came with it.
CREATE TABLE oauth2_pushed_requests (
    digest blob NOT NULL PRIMARY KEY,
    app_id blob NOT NULL,
    parameters text NOT NULL,
    expires_at integer NOT NULL,
    browser blob
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth2_pushed_requests_expiry ON oauth2_pushed_requests (expires_at);
