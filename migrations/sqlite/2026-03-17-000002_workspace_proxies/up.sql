-- Workspace proxies. `digest` is that of the secret part of the token. `url` is empty until the proxy has registered.
-- `region_number` is given once and never again, to deleted ones neither.
CREATE TABLE workspace_proxies (
    id blob NOT NULL PRIMARY KEY,
    name text NOT NULL,
    name_key text NOT NULL,
    display_name text NOT NULL,
    icon text NOT NULL,
    url text NOT NULL,
    wildcard_hostname text NOT NULL,
    derp_enabled integer NOT NULL,
    derp_only integer NOT NULL,
    version text NOT NULL,
    region_number integer NOT NULL,
    digest blob NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    deleted integer NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX workspace_proxies_name_unique ON workspace_proxies (name_key) WHERE NOT deleted;
CREATE UNIQUE INDEX workspace_proxies_region_unique ON workspace_proxies (region_number);
