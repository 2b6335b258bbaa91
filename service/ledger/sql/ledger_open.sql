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

-- Open the account of the organization with the sums of all teams' accounts. It is opened when it first gets a budget,
-- because every hold and charge of every team then waits for its lock.
CREATE OR REPLACE FUNCTION ledger_open_organization() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    this_month date;
BEGIN
    IF EXISTS (SELECT FROM accounts a WHERE a.id = 'organization') THEN
        RETURN;
    END IF;
    -- Wait for the transactions that have locked accounts, and keep others from changing the sums.
    LOCK TABLE accounts IN EXCLUSIVE MODE;
    this_month := ledger_month(clock_timestamp());
    INSERT INTO accounts (id, scope, month, spent_usd, month_spent_usd, held_usd)
    SELECT 'organization', 'organization', this_month, coalesce(sum(a.spent_usd), 0),
           coalesce(sum(a.month_spent_usd) FILTER (WHERE a.month = this_month), 0), coalesce(sum(a.held_usd), 0)
    FROM accounts a WHERE a.scope = 'team'
    ON CONFLICT DO NOTHING;
END $$;
