-- Names of groups are unique with regard to letter case, as clients of the API expect it; lists are sorted without.
-- A member of a group is a member of its organization: the database itself sees to it, whoever is removed while others
-- are being added.

DROP INDEX groups_name_unique;
CREATE UNIQUE INDEX groups_name_unique ON groups (organization_id, name);
CREATE INDEX groups_sorted ON groups (name_key, id);
CREATE INDEX groups_organization_sorted ON groups (organization_id, name_key, id);

CREATE TABLE group_members_new (
    group_id blob NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id blob NOT NULL REFERENCES users (id),
    organization_id blob NOT NULL,
    PRIMARY KEY (group_id, user_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES organization_members (organization_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO group_members_new
    SELECT m.group_id, m.user_id, g.organization_id FROM group_members m JOIN groups g ON g.id = m.group_id
    JOIN organization_members o ON o.organization_id = g.organization_id AND o.user_id = m.user_id;
DROP TABLE group_members;
ALTER TABLE group_members_new RENAME TO group_members;
CREATE INDEX group_members_user ON group_members (user_id);
