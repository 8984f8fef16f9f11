DROP TRIGGER group_members_scim_addition ON group_members;
DROP TRIGGER group_members_scim_removal ON group_members;
DROP FUNCTION count_scim_group_change();
