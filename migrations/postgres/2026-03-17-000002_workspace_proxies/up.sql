-- Workspace proxies. `digest` is that of the secret part of the token. `url` is empty until the proxy has registered.
-- `region_number` is given once and never again, to deleted ones neither.
CREATE TABLE workspace_proxies (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    display_name text NOT NULL,
    icon text NOT NULL,
    url text NOT NULL,
    wildcard_hostname text NOT NULL,
    derp_enabled boolean NOT NULL,
    derp_only boolean NOT NULL,
    version text NOT NULL,
    region_number integer NOT NULL,
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted boolean NOT NULL
);
CREATE UNIQUE INDEX workspace_proxies_name_unique ON workspace_proxies (name_key) WHERE NOT deleted;
CREATE UNIQUE INDEX workspace_proxies_region_unique ON workspace_proxies (region_number);
