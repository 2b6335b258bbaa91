-- Open the accounts of teams that have none yet, lock those that exist among the ids, and answer which they are.
CREATE OR REPLACE FUNCTION ledger_lock(team_ids text[], account_ids text[]) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    locked text[];
BEGIN
    -- Before the first lock: a transaction that waits for another's new account must hold none.
    IF EXISTS (SELECT FROM unnest(team_ids) AS team WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.id = team)) THEN
        -- A month that is being closed right now (see `close_month`) is closed for the new account too.
        PERFORM pg_advisory_xact_lock_shared(7246002);
        INSERT INTO accounts (id, team_id, scope, month, closed_before)
        SELECT team, team, 'team', ledger_month(clock_timestamp()),
               (SELECT (max(m.month) + interval '1 month') AT TIME ZONE 'UTC' FROM closed_months m)
        FROM (SELECT DISTINCT unnest(team_ids) AS team) AS asked
        WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.id = team)
        ORDER BY team
        ON CONFLICT DO NOTHING;
    END IF;
    PERFORM FROM accounts a WHERE a.id = ANY (team_ids || account_ids) ORDER BY a.id FOR UPDATE;
    -- Read once the lock is held: a key's or job's account that was opened while we waited for its team's is not
    -- in the snapshot that we waited with.
    SELECT array_agg(a.id) INTO locked FROM accounts a WHERE a.id = ANY (team_ids || account_ids);
    RETURN locked;
END $$;
