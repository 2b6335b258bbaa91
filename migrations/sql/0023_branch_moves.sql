-- Count (`sign` 1) or take out (-1) what a job's training cost within the branch sums, with the model it counts with
-- at this moment. Registering a model of the job changes which that is: it is taken out before and counted after.
-- What is not in the sums yet is left to `branch_roll`; the lock on the mark keeps that away meanwhile.
CREATE FUNCTION branch_count_job(team text, job text, sign int) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    mark bigint;
BEGIN
    -- Without a mark to lock, a worker that makes the first sums now would count the job between our two calls.
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

-- Jobs that were charged before they made their first model, as paused ones are: their costs were counted with
-- nothing or as attempts. All sums are made anew from the first entry.
LOCK TABLE branch_marks IN EXCLUSIVE MODE;
DELETE FROM branch_costs;
DELETE FROM branch_marks;
