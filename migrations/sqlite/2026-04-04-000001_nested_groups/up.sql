-- Groups within groups, and who looks after the members of a group.
--
-- group_members has who was put into a group. effective_members has who is in it: those, and those of all groups within it,
-- each once, with the number of groups through which that is so. Whoever asks who is in a group reads this table. Triggers
-- keep it, in the transaction of the change. group_ancestors has each group with all in which it lies, however deep, and is
-- written together with group_nestings.
--
-- A group that is nested is not deleted before it has left the others: nothing here cascades to group_nestings.
-- Whoever rebuilds one of the tables makes the triggers anew.

CREATE TABLE group_nestings (
    parent_id blob NOT NULL REFERENCES groups (id),
    child_id blob NOT NULL REFERENCES groups (id),
    organization_id blob NOT NULL,
    PRIMARY KEY (parent_id, child_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_nestings_child ON group_nestings (child_id);
CREATE INDEX group_nestings_organization ON group_nestings (organization_id);

CREATE TABLE group_ancestors (
    group_id blob NOT NULL REFERENCES groups (id),
    ancestor_id blob NOT NULL REFERENCES groups (id),
    PRIMARY KEY (group_id, ancestor_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_ancestors_ancestor ON group_ancestors (ancestor_id);

CREATE TABLE group_managers (
    group_id blob NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id blob NOT NULL REFERENCES users (id),
    organization_id blob NOT NULL,
    PRIMARY KEY (group_id, user_id),
    FOREIGN KEY (organization_id, user_id) REFERENCES organization_members (organization_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX group_managers_user ON group_managers (user_id);

CREATE TABLE effective_members (
    group_id blob NOT NULL,
    user_id blob NOT NULL,
    organization_id blob NOT NULL,
    sources integer NOT NULL,
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX effective_members_user ON effective_members (user_id);

INSERT INTO effective_members (group_id, user_id, organization_id, sources)
    SELECT group_id, user_id, organization_id, 1 FROM group_members;

CREATE TRIGGER group_members_spread_addition AFTER INSERT ON group_members
BEGIN
    INSERT INTO effective_members (group_id, user_id, organization_id, sources)
        SELECT g.id, new.user_id, new.organization_id, 1 FROM (
            SELECT new.group_id AS id UNION ALL SELECT ancestor_id FROM group_ancestors WHERE group_id = new.group_id
        ) g WHERE 1
        ON CONFLICT (group_id, user_id) DO UPDATE SET sources = sources + 1;
END;
CREATE TRIGGER group_members_spread_removal AFTER DELETE ON group_members
BEGIN
    UPDATE effective_members SET sources = sources - 1 WHERE user_id = old.user_id AND group_id IN (
        SELECT old.group_id UNION ALL SELECT ancestor_id FROM group_ancestors WHERE group_id = old.group_id);
    DELETE FROM effective_members WHERE sources = 0 AND user_id = old.user_id AND group_id IN (
        SELECT old.group_id UNION ALL SELECT ancestor_id FROM group_ancestors WHERE group_id = old.group_id);
END;
CREATE TRIGGER group_ancestors_spread_addition AFTER INSERT ON group_ancestors
BEGIN
    INSERT INTO effective_members (group_id, user_id, organization_id, sources)
        SELECT new.ancestor_id, user_id, organization_id, 1 FROM group_members WHERE group_id = new.group_id
        ON CONFLICT (group_id, user_id) DO UPDATE SET sources = sources + 1;
END;
CREATE TRIGGER group_ancestors_spread_removal AFTER DELETE ON group_ancestors
BEGIN
    UPDATE effective_members SET sources = sources - 1 WHERE group_id = old.ancestor_id
        AND user_id IN (SELECT user_id FROM group_members WHERE group_id = old.group_id);
    DELETE FROM effective_members WHERE sources = 0 AND group_id = old.ancestor_id
        AND user_id IN (SELECT user_id FROM group_members WHERE group_id = old.group_id);
END;

-- What is counted is who is in a group, as before.
DROP TRIGGER group_members_count_addition;
DROP TRIGGER group_members_count_removal;
DROP TRIGGER users_count_memberships;
CREATE TRIGGER effective_members_count_addition AFTER INSERT ON effective_members
WHEN (SELECT NOT deleted AND NOT is_system FROM users WHERE id = new.user_id)
BEGIN
    INSERT INTO member_counts (group_id, members) VALUES (new.group_id, 1)
        ON CONFLICT (group_id) DO UPDATE SET members = members + 1;
END;
CREATE TRIGGER effective_members_count_removal AFTER DELETE ON effective_members
WHEN (SELECT NOT deleted AND NOT is_system FROM users WHERE id = old.user_id)
BEGIN
    UPDATE member_counts SET members = members - 1 WHERE group_id = old.group_id;
    DELETE FROM member_counts WHERE group_id = old.group_id AND members = 0;
END;
CREATE TRIGGER users_count_memberships AFTER UPDATE OF deleted, is_system ON users
WHEN (old.deleted OR old.is_system) <> (new.deleted OR new.is_system)
BEGIN
    INSERT INTO member_counts (group_id, members)
        SELECT m.group_id, 0 FROM (
            SELECT group_id FROM effective_members WHERE user_id = new.id
            UNION ALL SELECT organization_id FROM organization_members WHERE user_id = new.id
        ) m WHERE 1
        ON CONFLICT (group_id) DO NOTHING;
    UPDATE member_counts SET members = members + iif(new.deleted OR new.is_system, -1, 1) WHERE group_id IN (
        SELECT group_id FROM effective_members WHERE user_id = new.id
        UNION ALL SELECT organization_id FROM organization_members WHERE user_id = new.id);
    DELETE FROM member_counts WHERE members = 0 AND group_id IN (
        SELECT group_id FROM effective_members WHERE user_id = new.id
        UNION ALL SELECT organization_id FROM organization_members WHERE user_id = new.id);
END;
