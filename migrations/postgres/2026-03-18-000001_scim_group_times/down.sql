CREATE OR REPLACE FUNCTION count_scim_group_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one uuid;
BEGIN
    FOR one IN SELECT DISTINCT group_id FROM changed ORDER BY group_id LOOP
        UPDATE scim_groups SET version = version + 1 WHERE group_id = one;
    END LOOP;
    RETURN NULL;
END
$$;
