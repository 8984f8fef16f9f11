DROP TRIGGER group_members_scim_addition;
DROP TRIGGER group_members_scim_removal;
CREATE TRIGGER group_members_scim_addition AFTER INSERT ON group_members
BEGIN
    UPDATE scim_groups SET version = version + 1 WHERE group_id = new.group_id;
END;
CREATE TRIGGER group_members_scim_removal AFTER DELETE ON group_members
BEGIN
    UPDATE scim_groups SET version = version + 1 WHERE group_id = old.group_id;
END;
