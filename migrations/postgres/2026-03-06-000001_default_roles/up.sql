-- Roles that an organization gives to each of its members, besides the implied one.
ALTER TABLE organizations ADD COLUMN default_roles jsonb NOT NULL DEFAULT '[]';
