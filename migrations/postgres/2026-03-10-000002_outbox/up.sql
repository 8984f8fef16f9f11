-- Events that were announced by the transaction which wrote them, and that no subscriber has handled yet. A handled row is
-- deleted. Within a topic, ids are given under a lock that lasts until the commit: they are in the order of the commits.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    payload text NOT NULL,
    created_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    last_error text
);
CREATE INDEX outbox_topic ON outbox (topic, id);
