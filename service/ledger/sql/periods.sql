CREATE OR REPLACE FUNCTION ledger_month(moment timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE AS $$
    SELECT date_trunc('month', moment AT TIME ZONE 'UTC')::date
$$;

CREATE OR REPLACE FUNCTION ledger_day(moment timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE AS $$
    SELECT (moment AT TIME ZONE 'UTC')::date
$$;

-- What the unique indexes of the ledger's rows contain.
CREATE OR REPLACE FUNCTION ledger_key_digest(unique_key text) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT md5(unique_key)::uuid
$$;

-- The department and cost center that a team belongs to at a given time; no row before the first.
CREATE OR REPLACE FUNCTION ledger_allocation(team text, moment timestamptz)
RETURNS TABLE (department_id text, cost_center text)
LANGUAGE sql STABLE AS $$
    SELECT a.department_id, a.cost_center FROM team_allocations a
    WHERE a.team_id = team AND a.effective_from <= moment
    ORDER BY a.effective_from DESC LIMIT 1
$$;

-- The department alone.
CREATE OR REPLACE FUNCTION ledger_department(team text, moment timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT o.department_id FROM ledger_allocation(team, moment) o
$$;
