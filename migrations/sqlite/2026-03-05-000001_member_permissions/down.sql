ALTER TABLE custom_roles DROP COLUMN member_permissions;
