-- Counts members of groups without reading them all: every view of a group says how many it has, and of Everyone in a
-- large organization that is many.
--
-- A group has the sum of its rows in both tables. member_counts has what was folded; member_changes has what was added
-- and taken away since. Triggers note it in the transaction of the change, by inserting only: writers neither wait for
-- each other nor deadlock, and a rollback takes the note along. The cleaning of the server folds the notes when there are
-- many. Members of organizations are those of the group Everyone, which has the same id. Users count unless they are
-- deleted or part of the server. The rows of a group that is deleted cancel each other out.
--
-- Keys of memberships are never changed: there are no notes of that.

LOCK TABLE users, organization_members, group_members IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE member_counts (
    group_id uuid PRIMARY KEY,
    members bigint NOT NULL
);

CREATE TABLE member_changes (
    group_id uuid NOT NULL,
    change bigint NOT NULL
);
CREATE INDEX member_changes_group ON member_changes (group_id) INCLUDE (change);

INSERT INTO member_counts (group_id, members)
    SELECT m.group_id, count(*) FROM (
        SELECT group_id, user_id FROM group_members
        UNION ALL SELECT organization_id, user_id FROM organization_members
    ) m JOIN users u ON u.id = m.user_id WHERE NOT u.deleted AND NOT u.is_system GROUP BY m.group_id;

-- Each user is looked up by key, whatever the planner learned from the first statement: the plan is kept for the next.
CREATE FUNCTION note_group_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO member_changes (group_id, change)
        SELECT m.group_id, CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END FROM changed m
        WHERE (SELECT NOT u.deleted AND NOT u.is_system FROM users u WHERE u.id = m.user_id) GROUP BY m.group_id;
    RETURN NULL;
END
$$;
CREATE FUNCTION note_organization_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO member_changes (group_id, change)
        SELECT m.organization_id, CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END FROM changed m
        WHERE (SELECT NOT u.deleted AND NOT u.is_system FROM users u WHERE u.id = m.user_id) GROUP BY m.organization_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER group_members_note_addition AFTER INSERT ON group_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_group_members();
CREATE TRIGGER group_members_note_removal AFTER DELETE ON group_members
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_group_members();
CREATE TRIGGER organization_members_note_addition AFTER INSERT ON organization_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_organization_members();
CREATE TRIGGER organization_members_note_removal AFTER DELETE ON organization_members
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_organization_members();

-- Deleting a user removes the memberships first; this is for those that are left.
CREATE FUNCTION note_memberships_of_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO member_changes (group_id, change)
        SELECT m.group_id, CASE WHEN NEW.deleted OR NEW.is_system THEN -1 ELSE 1 END FROM (
            SELECT group_id FROM group_members WHERE user_id = NEW.id
            UNION ALL SELECT organization_id FROM organization_members WHERE user_id = NEW.id
        ) m;
    RETURN NULL;
END
$$;
CREATE TRIGGER users_note_memberships AFTER UPDATE OF deleted, is_system ON users FOR EACH ROW
    WHEN ((OLD.deleted OR OLD.is_system) <> (NEW.deleted OR NEW.is_system))
    EXECUTE FUNCTION note_memberships_of_user();
