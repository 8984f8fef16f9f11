-- Back to counting row by row.
DROP TRIGGER users_note_change ON users;
DROP TRIGGER users_note_addition ON users;
DROP FUNCTION note_user_change();
DROP TABLE user_changes;
DROP TABLE user_marks;
