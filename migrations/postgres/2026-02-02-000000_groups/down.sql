ALTER TABLE group_members DROP COLUMN organization_id;
DROP INDEX groups_organization_sorted;
DROP INDEX groups_sorted;
DROP INDEX groups_name_unique;
-- Of names that differ in letter case only, all but the oldest get their id appended.
UPDATE groups g SET name = left(g.name, 200) || '-' || g.id, name_key = left(g.name_key, 200) || '-' || g.id
    WHERE EXISTS (
        SELECT 1 FROM groups o WHERE o.organization_id = g.organization_id AND o.name_key = g.name_key AND o.id < g.id
    );
ALTER TABLE groups ALTER COLUMN name TYPE text COLLATE "default";
CREATE UNIQUE INDEX groups_name_unique ON groups (organization_id, name_key);
