-- Which accounts there are is read once the lock is held: a key's or job's account that was opened while we waited
-- for its team's is not in the snapshot that we waited with.
CREATE OR REPLACE FUNCTION ledger_lock(team_ids text[], account_ids text[]) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    locked text[];
BEGIN
    -- Before the first lock: who waits for another's new account must hold none.
    INSERT INTO accounts (id, team_id, scope, month)
    SELECT team, team, 'team', ledger_month(clock_timestamp())
    FROM (SELECT DISTINCT unnest(team_ids) AS team) AS asked
    WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.id = team)
    ORDER BY team
    ON CONFLICT DO NOTHING;
    PERFORM FROM accounts a WHERE a.id = ANY (team_ids || account_ids) ORDER BY a.id FOR UPDATE;
    SELECT array_agg(a.id) INTO locked FROM accounts a WHERE a.id = ANY (team_ids || account_ids);
    RETURN locked;
END $$;

-- A team whose sums were never made gets its mark here, or a worker that makes them at this moment would count the
-- job between our taking it out and our counting it again.
CREATE OR REPLACE FUNCTION branch_count_job(team text, job text, sign int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    mark bigint;
BEGIN
    INSERT INTO branch_marks (team_id, number) VALUES (team, 0) ON CONFLICT DO NOTHING;
    SELECT m.number INTO mark FROM branch_marks m WHERE m.team_id = team FOR UPDATE;
    INSERT INTO branch_costs AS b (team_id, model_id, branch_key, made_usd, tried_usd, use_usd)
    SELECT team, m.id, m.branch_key,
           sign * coalesce(sum(c.amount_usd) FILTER (WHERE m.part = 'made'), 0),
           sign * coalesce(sum(c.amount_usd) FILTER (WHERE m.part = 'tried'), 0), 0
    FROM (
        SELECT e.model, sum(e.amount_usd) AS amount_usd FROM ledger_entries e
        WHERE e.job_id = job AND e.team_id = team AND e.number <= mark
          AND e.kind IN ('training_tokens', 'training_hours', 'grader_tokens')
        GROUP BY 1
    ) c CROSS JOIN LATERAL (
        SELECT f.* FROM (
            (SELECT t.id, t.branch_key, 'made' AS part, 1 AS choice FROM tuned_models t
             WHERE t.job_id = job AND t.team_id = team
             ORDER BY t.kind = 'model' DESC, t.created_at, t.id LIMIT 1)
            UNION ALL
            SELECT t.id, t.branch_key, 'tried', 2 FROM tuned_models t WHERE t.id = c.model AND t.team_id = team
        ) f ORDER BY f.choice LIMIT 1
    ) m
    GROUP BY m.id, m.branch_key
    ON CONFLICT ON CONSTRAINT pk_branch_costs DO UPDATE
    SET made_usd = b.made_usd + excluded.made_usd, tried_usd = b.tried_usd + excluded.tried_usd;
END $$;
