-- Whether a key is an access token that came of a refresh and was not used since.
ALTER TABLE api_keys ADD COLUMN unused integer NOT NULL DEFAULT 0;
-- Counts the changes of an app; a grant keeps the one against which it was checked last, and those there are, none.
ALTER TABLE oauth2_apps ADD COLUMN revision integer NOT NULL DEFAULT 0;
ALTER TABLE oauth2_grants ADD COLUMN app_revision integer NOT NULL DEFAULT -1;
-- Where a code went when the request named no redirect URI.
ALTER TABLE oauth2_codes ADD COLUMN implied_redirect_uri text;
