-- Directories ask for what has changed since they asked last. Of users and groups the later one of two times counts, so that each has an
-- index.
CREATE INDEX scim_users_updated ON scim_users (directory, updated_at);
CREATE INDEX scim_groups_updated ON scim_groups (directory, updated_at);
CREATE INDEX users_updated ON users (updated_at);
CREATE INDEX groups_updated ON groups (updated_at);
