-- What a team's entries numbered above `after` and up to `upto` cost, by the model they are to be counted with.
-- Training counts with the model that its job made (with one of its checkpoints where it made none), and with the
-- model it started from where it left nothing. What has no tuned model at all, such as the use of bases, is left out.
CREATE FUNCTION branch_charges(team text, after bigint, upto bigint)
RETURNS TABLE (model_id text, branch_key bytea, made_usd numeric, tried_usd numeric, use_usd numeric)
LANGUAGE sql STABLE AS $$
    WITH charged AS MATERIALIZED (
        SELECT e.model, e.job_id, e.kind IN ('training_tokens', 'training_hours', 'grader_tokens') AS trains,
               sum(e.amount_usd) AS amount_usd
        FROM ledger_entries e
        WHERE e.team_id = team AND e.number > after AND e.number <= upto
        GROUP BY 1, 2, 3
    )
    SELECT m.id, m.branch_key,
           coalesce(sum(c.amount_usd) FILTER (WHERE m.part = 'made'), 0),
           coalesce(sum(c.amount_usd) FILTER (WHERE m.part = 'tried'), 0),
           coalesce(sum(c.amount_usd) FILTER (WHERE m.part = 'use'), 0)
    FROM charged c CROSS JOIN LATERAL (
        SELECT f.* FROM (
            (SELECT t.id, t.branch_key, 'made' AS part, 1 AS choice FROM tuned_models t
             WHERE c.trains AND t.job_id = c.job_id AND t.team_id = team
             ORDER BY t.kind = 'model' DESC, t.created_at, t.id LIMIT 1)
            UNION ALL
            SELECT t.id, t.branch_key, CASE WHEN c.trains THEN 'tried' ELSE 'use' END, 2 FROM tuned_models t
            WHERE t.id = c.model AND t.team_id = team
        ) f ORDER BY f.choice LIMIT 1
    ) m
    GROUP BY m.id, m.branch_key
$$;

-- Add a team's newest entries, `most` at a time; answers how many. As with the daily sums, everything up to the mark
-- is in and everything after it is not, and charging goes on meanwhile.
CREATE FUNCTION branch_roll(team text, most int) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    mark bigint;
    target bigint;
BEGIN
    INSERT INTO branch_marks (team_id, number) VALUES (team, 0) ON CONFLICT DO NOTHING;
    SELECT m.number INTO mark FROM branch_marks m WHERE m.team_id = team FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;  -- another worker is at it
    END IF;
    SELECT least(a.last_number, mark + most) INTO target FROM accounts a WHERE a.id = team;
    IF target IS NULL OR target <= mark THEN
        RETURN 0;
    END IF;
    INSERT INTO branch_costs AS b (team_id, model_id, branch_key, made_usd, tried_usd, use_usd)
    SELECT team, c.model_id, c.branch_key, c.made_usd, c.tried_usd, c.use_usd
    FROM branch_charges(team, mark, target) c
    ON CONFLICT ON CONSTRAINT pk_branch_costs DO UPDATE
    SET made_usd = b.made_usd + excluded.made_usd,
        tried_usd = b.tried_usd + excluded.tried_usd,
        use_usd = b.use_usd + excluded.use_usd;
    UPDATE branch_marks m SET number = target WHERE m.team_id = team;
    RETURN target - mark;
END $$;
