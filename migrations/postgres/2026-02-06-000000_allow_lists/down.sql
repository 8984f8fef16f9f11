-- A limited key must not come back without its limits.
DELETE FROM api_keys WHERE allow_list IS NOT NULL;
ALTER TABLE api_keys DROP COLUMN allow_list;
