-- When members of a group that a directory has made come or go, whoever does it, the group has changed: its time too, not only its
-- version. The time is that of the database, and later than the one before, whatever its clock says.
DROP TRIGGER group_members_scim_addition;
DROP TRIGGER group_members_scim_removal;
CREATE TRIGGER group_members_scim_addition AFTER INSERT ON group_members
BEGIN
    UPDATE scim_groups
        SET version = version + 1,
            updated_at = max(updated_at + 1, CAST(round(unixepoch('subsec') * 1000.0) AS integer) * 1000)
        WHERE group_id = new.group_id;
END;
CREATE TRIGGER group_members_scim_removal AFTER DELETE ON group_members
BEGIN
    UPDATE scim_groups
        SET version = version + 1,
            updated_at = max(updated_at + 1, CAST(round(unixepoch('subsec') * 1000.0) AS integer) * 1000)
        WHERE group_id = old.group_id;
END;
