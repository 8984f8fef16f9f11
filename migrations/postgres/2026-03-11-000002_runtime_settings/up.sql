-- Settings that people change while the server runs: a JSON document each. Those of the deployment have the organization of zeroes.
CREATE TABLE runtime_settings (
    name text COLLATE "C" NOT NULL,
    organization_id uuid NOT NULL,
    document text NOT NULL,
    PRIMARY KEY (name, organization_id)
);
