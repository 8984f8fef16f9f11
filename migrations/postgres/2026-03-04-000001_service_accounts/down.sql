-- Every user has an address of its own again.
DROP INDEX users_email_unique;
UPDATE users SET email = id::text || '@service-account.invalid', email_key = id::text || '@service-account.invalid'
    WHERE email_key = '';
CREATE UNIQUE INDEX users_email_unique ON users (email_key) WHERE NOT deleted;
