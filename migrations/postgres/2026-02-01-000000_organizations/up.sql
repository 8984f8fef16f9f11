-- Names of custom roles are unique across all organizations together (rbac.md 10), and roles are listed by organization.
-- Names are lower case already. The new index comes first, so that nothing can slip in between.

CREATE UNIQUE INDEX custom_roles_name_unique ON custom_roles (name);
DROP INDEX custom_roles_site_unique;
DROP INDEX custom_roles_organization_unique;
CREATE INDEX custom_roles_organization ON custom_roles (organization_id, name);
