-- Back to counting row by row.
DROP TRIGGER users_note_change;
DROP TRIGGER users_note_removal;
DROP TRIGGER users_note_addition;
DROP TABLE user_changes;
DROP TABLE user_marks;
