-- Whether name, mail address, picture and memberships of the user follow the account. They do not follow one that the user has linked
-- while signed in.
ALTER TABLE user_links ADD COLUMN is_main boolean NOT NULL DEFAULT true;
