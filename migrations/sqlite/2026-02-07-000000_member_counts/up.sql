-- Counts members of groups without reading them all: every view of a group says how many it has, and of Everyone in a
-- large organization that is many.
--
-- One number per group that has members, kept by triggers in the transaction of the change. There is one writer at a
-- time, so that nobody waits for a number; PostgreSQL notes changes instead. Members of organizations are those of the
-- group Everyone, which has the same id. Users count unless they are deleted or part of the server.
--
-- Keys of memberships are never changed: there are no triggers for that. Whoever rebuilds one of the tables makes the
-- triggers anew.

CREATE TABLE member_counts (
    group_id blob NOT NULL PRIMARY KEY,
    members integer NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO member_counts (group_id, members)
    SELECT m.group_id, count(*) FROM (
        SELECT group_id, user_id FROM group_members
        UNION ALL SELECT organization_id, user_id FROM organization_members
    ) m JOIN users u ON u.id = m.user_id WHERE NOT u.deleted AND NOT u.is_system GROUP BY m.group_id;

CREATE TRIGGER group_members_count_addition AFTER INSERT ON group_members
WHEN (SELECT NOT deleted AND NOT is_system FROM users WHERE id = new.user_id)
BEGIN
    INSERT INTO member_counts (group_id, members) VALUES (new.group_id, 1)
        ON CONFLICT (group_id) DO UPDATE SET members = members + 1;
END;
CREATE TRIGGER group_members_count_removal AFTER DELETE ON group_members
WHEN (SELECT NOT deleted AND NOT is_system FROM users WHERE id = old.user_id)
BEGIN
    UPDATE member_counts SET members = members - 1 WHERE group_id = old.group_id;
    DELETE FROM member_counts WHERE group_id = old.group_id AND members = 0;
END;

CREATE TRIGGER organization_members_count_addition AFTER INSERT ON organization_members
WHEN (SELECT NOT deleted AND NOT is_system FROM users WHERE id = new.user_id)
BEGIN
    INSERT INTO member_counts (group_id, members) VALUES (new.organization_id, 1)
        ON CONFLICT (group_id) DO UPDATE SET members = members + 1;
END;
CREATE TRIGGER organization_members_count_removal AFTER DELETE ON organization_members
WHEN (SELECT NOT deleted AND NOT is_system FROM users WHERE id = old.user_id)
BEGIN
    UPDATE member_counts SET members = members - 1 WHERE group_id = old.organization_id;
    DELETE FROM member_counts WHERE group_id = old.organization_id AND members = 0;
END;

-- Deleting a user removes the memberships first; this is for those that are left.
CREATE TRIGGER users_count_memberships AFTER UPDATE OF deleted, is_system ON users
WHEN (old.deleted OR old.is_system) <> (new.deleted OR new.is_system)
BEGIN
    INSERT INTO member_counts (group_id, members)
        SELECT m.group_id, 0 FROM (
            SELECT group_id FROM group_members WHERE user_id = new.id
            UNION ALL SELECT organization_id FROM organization_members WHERE user_id = new.id
        ) m WHERE 1
        ON CONFLICT (group_id) DO NOTHING;
    UPDATE member_counts SET members = members + iif(new.deleted OR new.is_system, -1, 1) WHERE group_id IN (
        SELECT group_id FROM group_members WHERE user_id = new.id
        UNION ALL SELECT organization_id FROM organization_members WHERE user_id = new.id);
    DELETE FROM member_counts WHERE members = 0 AND group_id IN (
        SELECT group_id FROM group_members WHERE user_id = new.id
        UNION ALL SELECT organization_id FROM organization_members WHERE user_id = new.id);
END;
