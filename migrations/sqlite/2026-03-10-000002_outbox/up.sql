-- Events that were announced by the transaction which wrote them, and that no subscriber has handled yet. A handled row is
-- deleted. There is one writer, so ids are in the order of the commits; no id is given twice.
CREATE TABLE outbox (
    id integer PRIMARY KEY AUTOINCREMENT,
    topic text NOT NULL,
    payload text NOT NULL,
    created_at integer NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at integer,
    last_error text
) STRICT;
CREATE INDEX outbox_topic ON outbox (topic, id);
