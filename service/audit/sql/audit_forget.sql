-- Delete up to `most` audit events older than `keep`, the oldest first. It runs with the rights of the owner of
-- the tables, because the application's role may not delete any. Events of the last 90 days are never deleted.
CREATE OR REPLACE FUNCTION audit_forget(keep interval, most int) RETURNS int
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH oldest AS (
        SELECT position, created_at FROM audit_events ORDER BY position LIMIT least(most, 10000)
    ), gone AS (
        DELETE FROM audit_events a USING oldest o
        WHERE a.position = o.position AND o.created_at < now() - greatest(keep, interval '90 days')
        RETURNING a.position
    )
    SELECT count(*)::int FROM gone
$$;
