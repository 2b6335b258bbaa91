CREATE OR REPLACE FUNCTION ledger_roll(team text, most int) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    mark bigint;
    target bigint;
BEGIN
    INSERT INTO ledger_marks (team_id, number) VALUES (team, 0) ON CONFLICT DO NOTHING;
    SELECT m.number INTO mark FROM ledger_marks m WHERE m.team_id = team FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;  -- another worker is summing this team's entries
    END IF;
    SELECT least(a.last_number, mark + most) INTO target FROM accounts a WHERE a.id = team;
    IF target IS NULL OR target <= mark THEN
        RETURN 0;
    END IF;

    WITH found AS MATERIALIZED (
        SELECT e.team_id, e.key_id, e.kind, e.unit, e.tier, e.model, e.base_model, e.provider, e.method, e.job_id,
               e.price_id, e.corrects IS NOT NULL AS is_correction, e.tags, e.department_id, e.cost_center,
               ledger_day(e.booked_at) AS day,
               count(*) AS entries, sum(e.quantity) AS quantity, sum(e.amount_usd) AS amount_usd
        FROM ledger_entries e WHERE e.team_id = team AND e.first_number > mark - 32 AND e.first_number <= target
          AND e.number > mark AND e.number <= target
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
    ), named AS MATERIALIZED (
        SELECT f.*, encode(substring(sha256(convert_to(jsonb_build_array(
            f.team_id, f.key_id, f.kind, f.unit, f.tier, f.model, f.base_model, f.provider, f.method, f.job_id,
            f.price_id, f.is_correction, f.tags, f.department_id, f.cost_center)::text, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid AS group_id
        FROM found f
    ), groups AS (
        INSERT INTO ledger_groups (id, team_id, key_id, kind, unit, tier, model, base_model, provider, method,
                                   job_id, price_id, is_correction, tags, department_id, cost_center)
        SELECT DISTINCT ON (n.group_id) n.group_id, n.team_id, n.key_id, n.kind, n.unit, n.tier, n.model,
               n.base_model, n.provider, n.method, n.job_id, n.price_id, n.is_correction, n.tags, n.department_id,
               n.cost_center
        FROM named n
        ON CONFLICT DO NOTHING
    ), months AS (
        INSERT INTO ledger_months AS m (team_id, month, group_id, entries, quantity, amount_usd)
        SELECT n.team_id, date_trunc('month', n.day)::date, n.group_id, sum(n.entries), sum(n.quantity),
               sum(n.amount_usd)
        FROM named n GROUP BY 1, 2, 3
        ON CONFLICT ON CONSTRAINT pk_ledger_months DO UPDATE
        SET entries = m.entries + excluded.entries,
            quantity = m.quantity + excluded.quantity,
            amount_usd = m.amount_usd + excluded.amount_usd
    )
    INSERT INTO ledger_days AS d (team_id, day, group_id, entries, quantity, amount_usd)
    SELECT n.team_id, n.day, n.group_id, n.entries, n.quantity, n.amount_usd FROM named n ORDER BY n.day
    ON CONFLICT ON CONSTRAINT pk_ledger_days DO UPDATE
    SET entries = d.entries + excluded.entries,
        quantity = d.quantity + excluded.quantity,
        amount_usd = d.amount_usd + excluded.amount_usd;

    UPDATE ledger_marks m SET number = target WHERE m.team_id = team;
    RETURN target - mark;
END $$;
