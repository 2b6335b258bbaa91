-- Metrics of the whole installation: name, labels, value. Each worker can answer; Prometheus asks one of them.
WITH due AS (
    SELECT kind, count(*) AS due, extract(epoch FROM now() - min(next_step_at)) AS oldest_s
    FROM work_items
    WHERE next_step_at <= now() AND (leased_until IS NULL OR leased_until < now())
    GROUP BY kind
), work AS (
    SELECT kind, count(*) AS total, count(*) FILTER (WHERE attempts > 5) AS failing,
           count(*) FILTER (WHERE lease_id IS NOT NULL AND leased_until < now()) AS expired
    FROM work_items GROUP BY kind
), standing AS (
    SELECT t.slug, s.spent_usd, s.held_usd, s.limit_usd - s.spent_usd - s.held_usd AS left_usd
    FROM budget_standings s JOIN teams t ON t.id = s.account_id
    WHERE s.scope = 'team'
)
SELECT 'tunehouse_work_items' AS name, jsonb_build_object('kind', kind) AS labels, total::float8 AS value FROM work
UNION ALL SELECT 'tunehouse_work_due', jsonb_build_object('kind', kind), due FROM due
UNION ALL SELECT 'tunehouse_work_oldest_due_seconds', jsonb_build_object('kind', kind), oldest_s FROM due
UNION ALL SELECT 'tunehouse_work_failing', jsonb_build_object('kind', kind), failing FROM work
UNION ALL SELECT 'tunehouse_work_expired_leases', jsonb_build_object('kind', kind), expired FROM work
UNION ALL SELECT 'tunehouse_jobs', jsonb_build_object('status', status), count(*) FROM jobs GROUP BY status
UNION ALL SELECT 'tunehouse_team_spent_usd', jsonb_build_object('team', slug), spent_usd FROM standing
UNION ALL SELECT 'tunehouse_team_held_usd', jsonb_build_object('team', slug), held_usd FROM standing
UNION ALL SELECT 'tunehouse_team_budget_left_usd', jsonb_build_object('team', slug), left_usd FROM standing
    WHERE left_usd IS NOT NULL
UNION ALL SELECT 'tunehouse_webhook_deliveries', jsonb_build_object('state', state), count(*) FROM webhook_deliveries
    WHERE created_at > now() - interval '1 day' GROUP BY state
UNION ALL SELECT 'tunehouse_webhook_endpoints_failing', '{}', count(*) FROM webhook_endpoints
    WHERE failing_since IS NOT NULL AND deleted_at IS NULL
UNION ALL SELECT 'tunehouse_provider_blocks', jsonb_build_object('provider', provider, 'kind', kind), count(*)
    FROM provider_blocks WHERE until IS NULL OR until > now() GROUP BY provider, kind
UNION ALL SELECT 'tunehouse_rollup_lag_entries', '{}', coalesce(sum(a.last_number - coalesce(m.number, 0)), 0)
    FROM accounts a LEFT JOIN ledger_marks m ON m.team_id = a.id WHERE a.scope = 'team'
UNION ALL SELECT 'tunehouse_workers_alive', '{}', count(*) FROM worker_heartbeats
    WHERE seen_at > now() - interval '15 seconds'
UNION ALL SELECT 'tunehouse_schema_revision_info', jsonb_build_object('revision', version_num), 1 FROM alembic_version
