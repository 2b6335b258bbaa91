-- Grant the application's role its rights. The owner runs this after every migration, so new tables are covered
-- automatically: the role can add rows to every table, and change or delete them unless the table has an append-only
-- trigger (`refuse_change`). It can only read partitions, because it writes through their parent tables.
DO $$
DECLARE
    role text := current_setting('tunehouse.application_role');
    found record;
BEGIN
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, %I', role);
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, %I', role);
    EXECUTE format('REVOKE CREATE ON SCHEMA public FROM PUBLIC, %I', role);
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA public TO %I', role);
    EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO %I', role);
    FOR found IN
        SELECT c.oid::regclass AS name, EXISTS (
            SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
            WHERE t.tgrelid = c.oid AND p.proname = 'refuse_change') AS is_history
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND c.relname <> 'alembic_version'
    LOOP
        EXECUTE format('GRANT INSERT ON %s TO %I', found.name, role);
        IF NOT found.is_history THEN
            EXECUTE format('GRANT UPDATE, DELETE ON %s TO %I', found.name, role);
        END IF;
    END LOOP;
END $$
