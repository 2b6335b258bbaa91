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
    -- The sums, and the entries that they do not contain yet: rows of archived months are only in the sums.
    INSERT INTO accounts (id, team_id, scope, month, spent_usd, month_spent_usd, held_usd)
    SELECT account, team, account_scope, this_month, (
        SELECT coalesce(sum(m.amount_usd), 0)
        FROM ledger_groups g JOIN ledger_months m ON m.team_id = g.team_id AND m.group_id = g.id
        WHERE g.team_id = team AND CASE account_scope WHEN 'key' THEN g.key_id ELSE g.job_id END = account
    ) + (
        SELECT coalesce(sum(e.amount_usd), 0) FROM ledger_entries e, (
            SELECT coalesce(max(m.number), 0) AS number FROM ledger_marks m WHERE m.team_id = team
        ) mark
        WHERE e.team_id = team AND e.first_number > mark.number - 32 AND e.number > mark.number
          AND CASE account_scope WHEN 'key' THEN e.key_id ELSE e.job_id END = account
    ), (
        SELECT coalesce(sum(e.amount_usd), 0) FROM ledger_entries e
        WHERE e.team_id = team AND e.in_month_budget AND e.booked_at >= this_month::timestamp AT TIME ZONE 'UTC'
          AND CASE account_scope WHEN 'key' THEN e.key_id ELSE e.job_id END = account
    ), (
        SELECT coalesce(sum(h.amount_usd), 0) FROM holds h
        WHERE h.team_id = team AND CASE account_scope WHEN 'key' THEN h.key_id ELSE h.subject_id END = account
    );
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
