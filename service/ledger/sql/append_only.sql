-- Refuse changes to append-only tables. Mistakes are corrected by adding rows.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE restrict_violation USING MESSAGE = TG_TABLE_NAME || ' is append-only: add a correcting row instead';
END $$;

-- `ledger_add_month` gives every partition the same trigger, because a statement can name the partition instead.
CREATE OR REPLACE TRIGGER ledger_rows_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_rows
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER ledger_forms_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_forms
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER archived_months_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON archived_months
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER prices_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON prices
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER audit_events_append_only BEFORE UPDATE OR TRUNCATE ON audit_events
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Audit events can be deleted after the retention time, but never those of the last 90 days.
CREATE OR REPLACE TRIGGER audit_events_kept BEFORE DELETE ON audit_events FOR EACH ROW
WHEN (OLD.created_at > now() - interval '90 days') EXECUTE FUNCTION refuse_change();
