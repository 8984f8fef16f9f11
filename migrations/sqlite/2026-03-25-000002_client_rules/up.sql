-- How an app proves itself by keys of its own, and how its requests must come; empty where nothing is said. JSON. Whether a client proved
-- itself by a key when a grant was given to it: then it must each time.
ALTER TABLE oauth2_apps ADD COLUMN rules text;
ALTER TABLE oauth2_grants ADD COLUMN by_key integer NOT NULL DEFAULT 0;
