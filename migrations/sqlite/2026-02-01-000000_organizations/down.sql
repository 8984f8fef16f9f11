CREATE UNIQUE INDEX custom_roles_site_unique ON custom_roles (name) WHERE organization_id IS NULL;
CREATE UNIQUE INDEX custom_roles_organization_unique ON custom_roles (organization_id, name) WHERE organization_id IS NOT NULL;
DROP INDEX custom_roles_organization;
DROP INDEX custom_roles_name_unique;
