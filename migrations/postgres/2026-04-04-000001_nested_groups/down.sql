-- Groups contain users only; who was in one through another leaves it.
LOCK TABLE users, organization_members, group_members, effective_members IN SHARE ROW EXCLUSIVE MODE;

CREATE OR REPLACE FUNCTION note_memberships_of_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO member_changes (group_id, change)
        SELECT m.group_id, CASE WHEN NEW.deleted OR NEW.is_system THEN -1 ELSE 1 END FROM (
            SELECT group_id FROM group_members WHERE user_id = NEW.id
            UNION ALL SELECT organization_id FROM organization_members WHERE user_id = NEW.id
        ) m;
    RETURN NULL;
END
$$;
DROP TRIGGER effective_members_note_removal ON effective_members;
DROP TRIGGER effective_members_note_addition ON effective_members;
DROP TRIGGER group_ancestors_spread_removal ON group_ancestors;
DROP TRIGGER group_ancestors_spread_addition ON group_ancestors;
DROP TRIGGER group_members_spread_removal ON group_members;
DROP TRIGGER group_members_spread_addition ON group_members;
DROP FUNCTION spread_group_ancestors();
DROP FUNCTION spread_group_members();
DROP TABLE effective_members;
DROP TABLE group_managers;
DROP TABLE group_ancestors;
DROP TABLE group_nestings;
CREATE TRIGGER group_members_note_addition AFTER INSERT ON group_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_group_members();
CREATE TRIGGER group_members_note_removal AFTER DELETE ON group_members
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_group_members();

DELETE FROM member_changes;
DELETE FROM member_counts;
INSERT INTO member_counts (group_id, members)
    SELECT m.group_id, count(*) FROM (
        SELECT group_id, user_id FROM group_members
        UNION ALL SELECT organization_id, user_id FROM organization_members
    ) m JOIN users u ON u.id = m.user_id WHERE NOT u.deleted AND NOT u.is_system GROUP BY m.group_id;
