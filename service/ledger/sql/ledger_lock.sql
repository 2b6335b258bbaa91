-- Create missing accounts of teams, lock all existing accounts among the ids, and return the locked ids. They include
-- the organization's account if it exists. That one is locked last, because all teams wait for it.
CREATE OR REPLACE FUNCTION ledger_lock(team_ids text[], account_ids text[]) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    locked text[];
BEGIN
    -- This comes before the first lock: while a transaction waits for an account that another is creating, it
    -- must not hold locks, or the two could deadlock.
    IF EXISTS (SELECT FROM unnest(team_ids) AS team WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.id = team)) THEN
        -- Wait for a concurrent `close_month`, so that the new account sees the month as closed.
        PERFORM pg_advisory_xact_lock_shared(7246002);
        INSERT INTO accounts (id, team_id, scope, month, closed_before)
        SELECT team, team, 'team', ledger_month(clock_timestamp()),
               (SELECT (max(m.month) + interval '1 month') AT TIME ZONE 'UTC' FROM closed_months m)
        FROM (SELECT DISTINCT unnest(team_ids) AS team) AS asked
        WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.id = team)
        ORDER BY team
        ON CONFLICT DO NOTHING;
    END IF;
    PERFORM FROM accounts a WHERE a.id = ANY (team_ids || account_ids || ARRAY['organization'])
    ORDER BY a.id = 'organization', a.id FOR UPDATE;
    -- A new query, because the snapshot of the one above lacks accounts of keys and jobs that were opened while
    -- it waited for their team's lock.
    SELECT array_agg(a.id) INTO locked FROM accounts a
    WHERE a.id = ANY (team_ids || account_ids || ARRAY['organization']);
    RETURN locked;
END $$;
