-- Counts users without reading them all: a page of the user list says how many follow, and owners read all of them.
--
-- user_marks says of every 256th listed user how many follow in the order of names, by status; the mark with the empty
-- name stands before the first user. user_changes has what was added and taken away since, noted by triggers in the
-- transaction of the change. The cleaning of the server makes new marks when there are many changes. Listed are users
-- that are neither deleted nor part of the server. Whoever rebuilds the table of users makes the triggers anew.

CREATE TABLE user_marks (
    username_key text NOT NULL,
    status text NOT NULL,
    following integer NOT NULL,
    PRIMARY KEY (username_key, status)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_changes (
    username_key text NOT NULL,
    status text NOT NULL,
    change integer NOT NULL
) STRICT;
CREATE INDEX user_changes_name ON user_changes (username_key);

CREATE TRIGGER users_note_addition AFTER INSERT ON users WHEN NOT new.deleted AND NOT new.is_system
BEGIN
    INSERT INTO user_changes (username_key, status, change) VALUES (new.username_key, new.status, 1);
END;
CREATE TRIGGER users_note_removal AFTER DELETE ON users WHEN NOT old.deleted AND NOT old.is_system
BEGIN
    INSERT INTO user_changes (username_key, status, change) VALUES (old.username_key, old.status, -1);
END;
CREATE TRIGGER users_note_change AFTER UPDATE OF username_key, status, deleted, is_system ON users
WHEN (old.username_key, old.status, old.deleted, old.is_system)
    IS NOT (new.username_key, new.status, new.deleted, new.is_system)
BEGIN
    INSERT INTO user_changes (username_key, status, change)
        SELECT old.username_key, old.status, -1 WHERE NOT old.deleted AND NOT old.is_system;
    INSERT INTO user_changes (username_key, status, change)
        SELECT new.username_key, new.status, 1 WHERE NOT new.deleted AND NOT new.is_system;
END;
