-- Every user has an address of its own again.
DROP INDEX users_email_unique;
UPDATE users SET email = lower(hex(id)) || '@service-account.invalid', email_key = lower(hex(id)) || '@service-account.invalid'
    WHERE email_key = '';
CREATE UNIQUE INDEX users_email_unique ON users (email_key) WHERE NOT deleted;
