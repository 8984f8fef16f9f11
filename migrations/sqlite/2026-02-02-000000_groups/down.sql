CREATE TABLE group_members_old (
    group_id blob NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id blob NOT NULL REFERENCES users (id),
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
INSERT INTO group_members_old SELECT group_id, user_id FROM group_members;
DROP TABLE group_members;
ALTER TABLE group_members_old RENAME TO group_members;
CREATE INDEX group_members_user ON group_members (user_id);

DROP INDEX groups_organization_sorted;
DROP INDEX groups_sorted;
DROP INDEX groups_name_unique;
-- Of names that differ in letter case only, all but the oldest get their id appended.
UPDATE groups SET name = substr(name, 1, 200) || '-' || lower(hex(id)), name_key = substr(name_key, 1, 200) || '-' || lower(hex(id))
    WHERE EXISTS (
        SELECT 1 FROM groups o
        WHERE o.organization_id = groups.organization_id AND o.name_key = groups.name_key AND o.id < groups.id
    );
CREATE UNIQUE INDEX groups_name_unique ON groups (organization_id, name_key);
