-- Counts the changes of the members of groups that directories have made, whoever makes them: who is deleted or leaves the
-- organization is a member no more, and the entity tag of the group must be another one.
--
-- One group after the other, in the order of ids, so that two who change several of the same groups do not wait for each other.

CREATE FUNCTION count_scim_group_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one uuid;
BEGIN
    FOR one IN SELECT DISTINCT group_id FROM changed ORDER BY group_id LOOP
        UPDATE scim_groups SET version = version + 1 WHERE group_id = one;
    END LOOP;
    RETURN NULL;
END
$$;

CREATE TRIGGER group_members_scim_addition AFTER INSERT ON group_members
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_scim_group_change();
CREATE TRIGGER group_members_scim_removal AFTER DELETE ON group_members
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_scim_group_change();
