-- Resources that owners have registered. `normal_form` is what `identifier` is compared by; `rules` is JSON: name, form and lifetime of tokens.
CREATE TABLE resource_servers (
    id uuid NOT NULL PRIMARY KEY,
    identifier text NOT NULL,
    normal_form text COLLATE "C" NOT NULL UNIQUE,
    rules jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
