-- Resources that owners have registered. `normal_form` is what `identifier` is compared by; `rules` is JSON: name, form and lifetime of tokens.
CREATE TABLE resource_servers (
    id blob NOT NULL PRIMARY KEY,
    identifier text NOT NULL,
    normal_form text NOT NULL UNIQUE,
    rules text NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL
) STRICT, WITHOUT ROWID;
