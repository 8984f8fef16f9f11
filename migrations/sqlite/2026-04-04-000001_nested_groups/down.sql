-- Groups contain users only; who was in one through another leaves it.
DROP TRIGGER users_count_memberships;
DROP TRIGGER effective_members_count_removal;
DROP TRIGGER effective_members_count_addition;
DROP TRIGGER group_ancestors_spread_removal;
DROP TRIGGER group_ancestors_spread_addition;
DROP TRIGGER group_members_spread_removal;
DROP TRIGGER group_members_spread_addition;
DROP TABLE effective_members;
DROP TABLE group_managers;
DROP TABLE group_ancestors;
DROP TABLE group_nestings;

DELETE FROM member_counts;
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
