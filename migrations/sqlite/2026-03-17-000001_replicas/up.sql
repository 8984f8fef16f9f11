-- The servers of this deployment and of its workspace proxies, each since its start. All times are those of the database.
-- `proxy_id` is that of zeroes for servers of the deployment itself. `database_latency` is in microseconds.
CREATE TABLE replicas (
    id blob NOT NULL PRIMARY KEY,
    proxy_id blob NOT NULL,
    created_at integer NOT NULL,
    started_at integer NOT NULL,
    stopped_at integer,
    updated_at integer NOT NULL,
    hostname text NOT NULL,
    region_id integer NOT NULL,
    relay_address text NOT NULL,
    version text NOT NULL,
    error text NOT NULL,
    database_latency integer NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX replicas_updated ON replicas (updated_at);
