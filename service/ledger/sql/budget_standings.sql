-- Each account's budget, its spending in the budget's current period, and its holds.
CREATE OR REPLACE VIEW budget_standings AS
SELECT a.id::text AS account_id, a.team_id::text, a.scope::text, b.limit_usd,
       coalesce(b.period, 'month')::text AS period, a.held_usd,
       coalesce(b.thresholds, '{}') AS thresholds,
       coalesce(b.held_thresholds, '{}') AS held_thresholds,
       coalesce(b.forecast_thresholds, '{}') AS forecast_thresholds,
       CASE WHEN b.period = 'total' THEN a.spent_usd
            WHEN a.month = ledger_month(clock_timestamp()) THEN a.month_spent_usd
            ELSE 0 END AS spent_usd,
       CASE WHEN b.period = 'total' THEN 'total'
            ELSE to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM') END AS period_name
FROM accounts a LEFT JOIN budgets b ON b.account_id = a.id;
