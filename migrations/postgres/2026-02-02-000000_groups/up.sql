-- Names of groups are unique with regard to letter case, as clients of the API expect it; lists are sorted without.
-- A member of a group is a member of its organization: the database itself sees to it, whoever is removed while others
-- are being added.

DROP INDEX groups_name_unique;
ALTER TABLE groups ALTER COLUMN name TYPE text COLLATE "C";
CREATE UNIQUE INDEX groups_name_unique ON groups (organization_id, name);
CREATE INDEX groups_sorted ON groups (name_key, id);
CREATE INDEX groups_organization_sorted ON groups (organization_id, name_key, id);

ALTER TABLE group_members ADD COLUMN organization_id uuid;
UPDATE group_members m SET organization_id = g.organization_id FROM groups g WHERE g.id = m.group_id;
DELETE FROM group_members m WHERE NOT EXISTS (
    SELECT 1 FROM organization_members o WHERE o.organization_id = m.organization_id AND o.user_id = m.user_id
);
ALTER TABLE group_members ALTER COLUMN organization_id SET NOT NULL;
ALTER TABLE group_members ADD CONSTRAINT group_members_organization
    FOREIGN KEY (organization_id, user_id) REFERENCES organization_members (organization_id, user_id) ON DELETE CASCADE;
