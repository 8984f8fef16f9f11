ALTER TABLE scim_tokens DROP COLUMN lifetime_seconds;
