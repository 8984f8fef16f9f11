-- What a role grants on what a member owns in the organization.
ALTER TABLE custom_roles ADD COLUMN member_permissions text NOT NULL DEFAULT '[]';
