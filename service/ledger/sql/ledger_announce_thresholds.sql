-- The thresholds that these accounts have reached and that were not announced before. A limit of zero is used up
-- before anything is spent, so it reaches every threshold up to 100 percent at once.
CREATE OR REPLACE FUNCTION ledger_crossed_thresholds(account_ids text[])
RETURNS TABLE (account_id text, team_id text, scope text, limit_usd numeric, period_name text,
               spent_usd numeric, held_usd numeric, basis text, threshold int)
LANGUAGE sql STABLE AS $$
    SELECT s.account_id, s.team_id, s.scope, s.limit_usd, s.period_name, s.spent_usd, s.held_usd, t.basis, t.threshold
    FROM budget_standings s, LATERAL (
        SELECT 'spent' AS basis, s.spent_usd AS used, unnest(s.thresholds) AS threshold
        UNION ALL SELECT 'held', s.spent_usd + s.held_usd, unnest(s.held_thresholds)
    ) t
    WHERE s.account_id = ANY (account_ids) AND t.used * 100 >= s.limit_usd * t.threshold
      AND (t.used > 0 OR (s.limit_usd = 0 AND t.threshold <= 100))
      AND NOT EXISTS (
          SELECT FROM budget_alerts a
          WHERE a.account_id = s.account_id AND a.period = s.period_name AND a.limit_usd = s.limit_usd
            AND a.basis = t.basis AND a.threshold = t.threshold)
$$;

-- Record the thresholds that these accounts have crossed, and return those not announced before.
CREATE OR REPLACE FUNCTION ledger_announce_thresholds(account_ids text[])
RETURNS TABLE (account_id text, team_id text, scope text, limit_usd numeric, period_name text,
               spent_usd numeric, held_usd numeric, basis text, threshold int)
LANGUAGE sql AS $$
    WITH crossed AS (
        SELECT * FROM ledger_crossed_thresholds(account_ids)
    ), announced AS (
        INSERT INTO budget_alerts (account_id, period, limit_usd, basis, threshold, announced_at)
        SELECT c.account_id, c.period_name, c.limit_usd, c.basis, c.threshold, clock_timestamp() FROM crossed c
        ON CONFLICT DO NOTHING
        RETURNING account_id, basis, threshold
    )
    SELECT c.* FROM crossed c JOIN announced USING (account_id, basis, threshold)
    ORDER BY c.account_id, c.basis DESC, c.threshold
$$;
