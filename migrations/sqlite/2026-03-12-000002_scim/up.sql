-- What directories that provision by SCIM have stored about users and groups. The directory of the deployment has the id of
-- zeroes, that of an organization the id of the organization. `attributes` is a JSON document of all that has no column.
CREATE TABLE scim_users (
    directory blob NOT NULL,
    user_id blob NOT NULL REFERENCES users (id),
    external_id text,
    user_name text NOT NULL,
    user_name_key text NOT NULL,
    attributes text NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    PRIMARY KEY (directory, user_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX scim_users_user_name_unique ON scim_users (directory, user_name_key);
CREATE UNIQUE INDEX scim_users_external_id_unique ON scim_users (directory, external_id);
CREATE INDEX scim_users_user ON scim_users (user_id);

-- All mail addresses of these users, in lower case, for finding them.
CREATE TABLE scim_emails (
    directory blob NOT NULL,
    email_key text NOT NULL,
    user_id blob NOT NULL,
    PRIMARY KEY (directory, email_key, user_id),
    FOREIGN KEY (directory, user_id) REFERENCES scim_users (directory, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX scim_emails_user ON scim_emails (directory, user_id);

-- `version` counts the changes that the directory made.
CREATE TABLE scim_groups (
    directory blob NOT NULL,
    group_id blob NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    external_id text,
    display_name text NOT NULL,
    display_name_key text NOT NULL,
    version integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    PRIMARY KEY (directory, group_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX scim_groups_display_name_unique ON scim_groups (directory, display_name_key);
CREATE UNIQUE INDEX scim_groups_external_id_unique ON scim_groups (directory, external_id);
CREATE INDEX scim_groups_group ON scim_groups (group_id);
