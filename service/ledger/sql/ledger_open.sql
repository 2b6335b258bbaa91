-- Open an account for a key or job, with its spending and holds to date. Every function that moves the team's
-- money takes the team's lock, so holding it keeps these sums from changing.
CREATE OR REPLACE FUNCTION ledger_open(team text, account text, account_scope text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    this_month date;
BEGIN
    PERFORM ledger_lock(ARRAY[team], ARRAY[account]);
    IF EXISTS (SELECT FROM accounts a WHERE a.id = account) THEN
        RETURN;
    END IF;
    this_month := ledger_month(clock_timestamp());
    INSERT INTO accounts (id, team_id, scope, month, spent_usd, month_spent_usd, held_usd)
    SELECT account, team, account_scope, this_month, coalesce(sum(e.amount_usd), 0),
           coalesce(sum(e.amount_usd) FILTER (WHERE e.in_month_budget AND ledger_month(e.booked_at) = this_month), 0),
           (SELECT coalesce(sum(h.amount_usd), 0) FROM holds h
            WHERE h.team_id = team AND CASE account_scope WHEN 'key' THEN h.key_id ELSE h.subject_id END = account)
    FROM ledger_entries e
    WHERE e.team_id = team AND CASE account_scope WHEN 'key' THEN e.key_id ELSE e.job_id END = account;
END $$;
