-- The servers of this deployment and of its workspace proxies, each since its start. All times are those of the database.
-- `proxy_id` is that of zeroes for servers of the deployment itself. `database_latency` is in microseconds.
CREATE TABLE replicas (
    id uuid PRIMARY KEY,
    proxy_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz NOT NULL,
    stopped_at timestamptz,
    updated_at timestamptz NOT NULL,
    hostname text NOT NULL,
    region_id integer NOT NULL,
    relay_address text NOT NULL,
    version text NOT NULL,
    error text NOT NULL,
    database_latency bigint NOT NULL
);
CREATE INDEX replicas_updated ON replicas (updated_at);
