-- Back to counting row by row.
DROP TRIGGER users_note_memberships ON users;
DROP TRIGGER organization_members_note_removal ON organization_members;
DROP TRIGGER organization_members_note_addition ON organization_members;
DROP TRIGGER group_members_note_removal ON group_members;
DROP TRIGGER group_members_note_addition ON group_members;
DROP FUNCTION note_memberships_of_user();
DROP FUNCTION note_organization_members();
DROP FUNCTION note_group_members();
DROP TABLE member_changes;
DROP TABLE member_counts;
