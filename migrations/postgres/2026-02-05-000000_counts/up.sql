-- Counts users without reading them all: a page of the user list says how many follow, and owners read all of them.
--
-- user_marks says of every 256th listed user how many follow in the order of names, by status; the mark with the empty
-- name stands before the first user. user_changes has what was added and taken away since. A trigger notes it in the
-- transaction of the change, by inserting only: writers neither wait for each other nor deadlock, and a rollback takes
-- the note along. The cleaning of the server makes new marks when there are many changes. Listed are users that are
-- neither deleted nor part of the server.

CREATE TABLE user_marks (
    username_key text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    following bigint NOT NULL,
    PRIMARY KEY (username_key, status)
);

CREATE TABLE user_changes (
    username_key text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    change bigint NOT NULL
);
CREATE INDEX user_changes_name ON user_changes (username_key);

CREATE FUNCTION note_user_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND NOT OLD.deleted AND NOT OLD.is_system THEN
        INSERT INTO user_changes (username_key, status, change) VALUES (OLD.username_key, OLD.status, -1);
    END IF;
    IF TG_OP <> 'DELETE' AND NOT NEW.deleted AND NOT NEW.is_system THEN
        INSERT INTO user_changes (username_key, status, change) VALUES (NEW.username_key, NEW.status, 1);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER users_note_addition AFTER INSERT OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION note_user_change();
CREATE TRIGGER users_note_change AFTER UPDATE OF username_key, status, deleted, is_system ON users
    FOR EACH ROW
    WHEN ((OLD.username_key, OLD.status, OLD.deleted, OLD.is_system)
        IS DISTINCT FROM (NEW.username_key, NEW.status, NEW.deleted, NEW.is_system))
    EXECUTE FUNCTION note_user_change();
