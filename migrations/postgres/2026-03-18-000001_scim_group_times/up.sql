-- When members of a group that a directory has made come or go, whoever does it, the group has changed: its time too, not only its
-- version. The time is that of the database, and later than the one before, whatever its clock says.
CREATE OR REPLACE FUNCTION count_scim_group_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    one uuid;
BEGIN
    FOR one IN SELECT DISTINCT group_id FROM changed ORDER BY group_id LOOP
        UPDATE scim_groups
            SET version = version + 1, updated_at = greatest(updated_at + interval '1 microsecond', clock_timestamp())
            WHERE group_id = one;
    END LOOP;
    RETURN NULL;
END
$$;
