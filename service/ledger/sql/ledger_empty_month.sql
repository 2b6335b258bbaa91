-- Remove the rows of an archived month, except those that later work refers to: of jobs, corrections, and rows that an
-- admin should review. Only the owner of the tables can run this. It replaces the contents of the partition instead of
-- detaching it, so that it locks this partition alone, for the time it takes to write the few rows that stay.
CREATE OR REPLACE FUNCTION ledger_empty_month(month date) RETURNS void
LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
DECLARE
    name text := 'ledger_rows_' || to_char(month, 'YYYY_MM');
BEGIN
    IF NOT EXISTS (SELECT FROM archived_months a WHERE a.month = ledger_empty_month.month) THEN
        RAISE restrict_violation USING MESSAGE = format('%s is not archived', month);
    END IF;
    IF to_regclass(name) IS NULL THEN
        RETURN;  -- nothing was booked in it
    END IF;
    EXECUTE format('CREATE TEMP TABLE ledger_kept ON COMMIT DROP AS SELECT * FROM %I WHERE job_id IS NOT NULL'
                   ' OR corrects IS NOT NULL OR reason IS NOT NULL OR states IS NOT NULL', name);
    EXECUTE format('ALTER TABLE %I DISABLE TRIGGER ledger_rows_append_only', name);
    EXECUTE format('TRUNCATE %I', name);
    EXECUTE format('INSERT INTO %I SELECT * FROM pg_temp.ledger_kept', name);
    EXECUTE format('ALTER TABLE %I ENABLE TRIGGER ledger_rows_append_only', name);
END $$;
