-- The objects that a key is limited to: a list of texts `type:id`, with `*` for all in either place. NULL: not limited.
ALTER TABLE api_keys ADD COLUMN allow_list text;
