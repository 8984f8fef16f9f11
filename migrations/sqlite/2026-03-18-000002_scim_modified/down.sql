DROP INDEX scim_users_updated;
DROP INDEX scim_groups_updated;
DROP INDEX users_updated;
DROP INDEX groups_updated;
