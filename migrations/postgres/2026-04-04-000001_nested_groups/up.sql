-- Groups within groups, and who looks after the members of a group.
--
-- group_members has who was put into a group. effective_members has who is in it: those, and those of all groups within it,
-- each once, with the number of groups through which that is so. Whoever asks who is in a group reads this table. Triggers
-- keep it, in the transaction of the change. group_ancestors has each group with all in which it lies, however deep, and is
-- written together with group_nestings.
--
-- Who changes members holds the groups FOR KEY SHARE before the triggers look which others those lie in; who nests holds
-- them FOR UPDATE. So neither overlooks what the other is about to commit. Rows are written in the order of group and user.
--
-- A group that is nested is not deleted before it has left the others: nothing here cascades to group_nestings.

LOCK TABLE users, organization_members, group_members IN SHARE ROW EXCLUSIVE MODE;

CREATE TABLE group_nestings (
    parent_id uuid NOT NULL REFERENCES groups (id),
    child_id uuid NOT NULL REFERENCES groups (id),
    organization_id uuid NOT NULL,
    PRIMARY KEY (parent_id, child_id)
);
CREATE INDEX group_nestings_child ON group_nestings (child_id);
CREATE INDEX group_nestings_organization ON group_nestings (organization_id);

CREATE TABLE group_ancestors (
    group_id uuid NOT NULL REFERENCES groups (id),
    ancestor_id uuid NOT NULL REFERENCES groups (id),
    PRIMARY KEY (group_id, ancestor_id)
);
CREATE INDEX group_ancestors_ancestor ON group_ancestors (ancestor_id);

CREATE TABLE group_managers (
    group_id uuid NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id),
    organization_id uuid NOT NULL,
    PRIMARY KEY (group_id, user_id),
    CONSTRAINT group_managers_organization FOREIGN KEY (organization_id, user_id)
        REFERENCES organization_members (organization_id, user_id) ON DELETE CASCADE
);
CREATE INDEX group_managers_user ON group_managers (user_id);

CREATE TABLE effective_members (
    group_id uuid NOT NULL,
    user_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    sources bigint NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
INSERT INTO effective_members (group_id, user_id, organization_id, sources)
    SELECT group_id, user_id, organization_id, 1 FROM group_members;
CREATE INDEX effective_members_user ON effective_members (user_id);
ANALYZE effective_members;

-- Each time planned anew: what was planned for one row is slow for many.
CREATE FUNCTION spread_group_members() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    spread CONSTANT text := 'SELECT x.group_id, x.user_id, x.organization_id, count(*) AS sources FROM ('
        'SELECT group_id, user_id, organization_id FROM changed UNION ALL '
        'SELECT a.ancestor_id, c.user_id, c.organization_id FROM changed c JOIN group_ancestors a ON a.group_id = c.group_id'
        ') x GROUP BY x.group_id, x.user_id, x.organization_id ORDER BY x.group_id, x.user_id';
BEGIN
    PERFORM 1 FROM groups WHERE id IN (SELECT group_id FROM changed) ORDER BY id FOR KEY SHARE;
    IF TG_OP = 'INSERT' THEN
        EXECUTE 'INSERT INTO effective_members (group_id, user_id, organization_id, sources) ' || spread ||
            ' ON CONFLICT (group_id, user_id) DO UPDATE SET sources = effective_members.sources + excluded.sources';
    ELSE
        EXECUTE 'SELECT count(*) FROM (SELECT 1 FROM effective_members e JOIN (' || spread || ') s ON s.group_id = e.group_id '
            'AND s.user_id = e.user_id ORDER BY e.group_id, e.user_id FOR UPDATE OF e) held';
        EXECUTE 'UPDATE effective_members e SET sources = e.sources - s.sources FROM (' || spread || ') s '
            'WHERE e.group_id = s.group_id AND e.user_id = s.user_id';
        EXECUTE 'DELETE FROM effective_members e USING (' || spread || ') s '
            'WHERE e.group_id = s.group_id AND e.user_id = s.user_id AND e.sources = 0';
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION spread_group_ancestors() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    spread CONSTANT text := 'SELECT c.ancestor_id AS group_id, m.user_id, m.organization_id, count(*) AS sources FROM changed c '
        'JOIN group_members m ON m.group_id = c.group_id GROUP BY c.ancestor_id, m.user_id, m.organization_id '
        'ORDER BY c.ancestor_id, m.user_id';
BEGIN
    IF TG_OP = 'INSERT' THEN
        EXECUTE 'INSERT INTO effective_members (group_id, user_id, organization_id, sources) ' || spread ||
            ' ON CONFLICT (group_id, user_id) DO UPDATE SET sources = effective_members.sources + excluded.sources';
    ELSE
        EXECUTE 'SELECT count(*) FROM (SELECT 1 FROM effective_members e JOIN (' || spread || ') s ON s.group_id = e.group_id '
            'AND s.user_id = e.user_id ORDER BY e.group_id, e.user_id FOR UPDATE OF e) held';
        EXECUTE 'UPDATE effective_members e SET sources = e.sources - s.sources FROM (' || spread || ') s '
            'WHERE e.group_id = s.group_id AND e.user_id = s.user_id';
        EXECUTE 'DELETE FROM effective_members e USING (' || spread || ') s '
            'WHERE e.group_id = s.group_id AND e.user_id = s.user_id AND e.sources = 0';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER group_members_spread_addition AFTER INSERT ON group_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION spread_group_members();
CREATE TRIGGER group_members_spread_removal AFTER DELETE ON group_members
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION spread_group_members();
CREATE TRIGGER group_ancestors_spread_addition AFTER INSERT ON group_ancestors
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION spread_group_ancestors();
CREATE TRIGGER group_ancestors_spread_removal AFTER DELETE ON group_ancestors
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION spread_group_ancestors();

-- What is counted is who is in a group, as before.
DROP TRIGGER group_members_note_addition ON group_members;
DROP TRIGGER group_members_note_removal ON group_members;
CREATE TRIGGER effective_members_note_addition AFTER INSERT ON effective_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_group_members();
CREATE TRIGGER effective_members_note_removal AFTER DELETE ON effective_members
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_group_members();
CREATE OR REPLACE FUNCTION note_memberships_of_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO member_changes (group_id, change)
        SELECT m.group_id, CASE WHEN NEW.deleted OR NEW.is_system THEN -1 ELSE 1 END FROM (
            SELECT group_id FROM effective_members WHERE user_id = NEW.id
            UNION ALL SELECT organization_id FROM organization_members WHERE user_id = NEW.id
        ) m;
    RETURN NULL;
END
$$;
