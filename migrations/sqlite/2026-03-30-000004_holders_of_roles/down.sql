DROP INDEX users_with_roles;
DROP INDEX organization_members_with_roles;
