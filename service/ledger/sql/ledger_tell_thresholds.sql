-- Record the thresholds that these accounts have crossed, and return those not announced before.
CREATE OR REPLACE FUNCTION ledger_tell_thresholds(account_ids text[])
RETURNS TABLE (account_id text, team_id text, scope text, limit_usd numeric, period_name text,
               spent_usd numeric, threshold int)
LANGUAGE sql AS $$
    WITH crossed AS (
        SELECT s.*, t.threshold FROM budget_standings s, unnest(s.thresholds) AS t(threshold)
        WHERE s.account_id = ANY (account_ids) AND s.limit_usd IS NOT NULL AND s.spent_usd > 0
          AND s.spent_usd * 100 >= s.limit_usd * t.threshold
    ), told AS (
        INSERT INTO budget_alerts (account_id, period, limit_usd, threshold, told_at)
        SELECT c.account_id, c.period_name, c.limit_usd, c.threshold, clock_timestamp() FROM crossed c
        ON CONFLICT DO NOTHING
        RETURNING account_id, threshold
    )
    SELECT c.account_id, c.team_id, c.scope, c.limit_usd, c.period_name, c.spent_usd, c.threshold
    FROM crossed c JOIN told USING (account_id, threshold)
    ORDER BY c.account_id, c.threshold
$$;
