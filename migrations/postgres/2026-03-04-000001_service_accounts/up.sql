-- Service accounts have no mail address: any number of users may have the empty one. Those of apps had one that was made up.
DROP INDEX users_email_unique;
UPDATE users SET email = '', email_key = '' WHERE login_type = 'none' AND email_key LIKE '%@service-account.invalid';
CREATE UNIQUE INDEX users_email_unique ON users (email_key) WHERE NOT deleted AND email_key <> '';
