-- Counts the changes of the members of groups that directories have made, whoever makes them: who is deleted or leaves the
-- organization is a member no more, and the entity tag of the group must be another one.
--
-- Whoever rebuilds `group_members` makes the triggers anew.

CREATE TRIGGER group_members_scim_addition AFTER INSERT ON group_members
BEGIN
    UPDATE scim_groups SET version = version + 1 WHERE group_id = new.group_id;
END;
CREATE TRIGGER group_members_scim_removal AFTER DELETE ON group_members
BEGIN
    UPDATE scim_groups SET version = version + 1 WHERE group_id = old.group_id;
END;
