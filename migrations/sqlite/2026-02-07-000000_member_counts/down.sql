-- Back to counting row by row.
DROP TRIGGER users_count_memberships;
DROP TRIGGER organization_members_count_removal;
DROP TRIGGER organization_members_count_addition;
DROP TRIGGER group_members_count_removal;
DROP TRIGGER group_members_count_addition;
DROP TABLE member_counts;
