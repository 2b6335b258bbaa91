-- Add the partition of `ledger_rows` for one month, and return whether it was missing. The application's role cannot
-- create tables, so this runs with the owner's rights, and creates nothing else. Settling calls it for a month that has
-- no partition yet; a chore adds the next month beforehand.
CREATE OR REPLACE FUNCTION ledger_add_month(month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    name text := 'ledger_rows_' || to_char(first, 'YYYY_MM');
BEGIN
    IF first > clock_timestamp() + interval '2 months' THEN
        RAISE check_violation USING MESSAGE = format('the month %s is too far ahead for a partition', first);
    END IF;
    -- The lock that ATTACH takes anyway: here it makes concurrent calls wait before they look.
    LOCK TABLE ledger_rows IN SHARE UPDATE EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM pg_class c WHERE c.relname = name AND c.relnamespace = 'public'::regnamespace) THEN
        RETURN false;
    END IF;
    -- Attaching a table blocks nobody; CREATE TABLE ... PARTITION OF would wait for every reader and writer.
    -- The unique indexes are the partition's own: as constraints of `ledger_rows` they would have to contain booked_at,
    -- and then no longer keep a key from being used twice.
    EXECUTE format('CREATE TABLE %I (LIKE ledger_rows INCLUDING DEFAULTS INCLUDING CONSTRAINTS,'
                   ' CONSTRAINT %I UNIQUE (account_ref, number))', name, 'uq_' || name || '_number');
    -- 16 bytes instead of a text of 33. Two keys with one digest would be refused, not lost.
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (ledger_key_digest(unique_key))', 'uq_' || name || '_key', name);
    EXECUTE format('ALTER TABLE ledger_rows ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   name, first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
    EXECUTE format('CREATE TRIGGER ledger_rows_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    RETURN true;
END $$;
