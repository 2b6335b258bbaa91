-- Sums per day, and the opening of accounts for keys and jobs.

CREATE FUNCTION ledger_day(moment timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE AS $$
    SELECT (moment AT TIME ZONE 'UTC')::date
$$;

-- Add a team's newest entries, `most` at a time, to the sums; answers how many. A team's numbers have no gaps and
-- follow the order of commits, so that everything up to the mark is in the sums and everything after it is not.
-- The team's account is read, not locked: charging goes on meanwhile.
CREATE FUNCTION ledger_roll(team text, most int) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    mark bigint;
    target bigint;
BEGIN
    INSERT INTO ledger_marks (team_id, number) VALUES (team, 0) ON CONFLICT DO NOTHING;
    SELECT m.number INTO mark FROM ledger_marks m WHERE m.team_id = team FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;  -- another worker is at it
    END IF;
    SELECT least(a.last_number, mark + most) INTO target FROM accounts a WHERE a.id = team;
    IF target IS NULL OR target <= mark THEN
        RETURN 0;
    END IF;

    WITH found AS MATERIALIZED (
        SELECT e.team_id, e.key_id, e.kind, e.unit, e.tier, e.model, e.base_model, e.provider, e.method, e.job_id,
               e.price_id, e.corrects IS NOT NULL AS is_correction, e.tags, ledger_day(e.booked_at) AS day,
               count(*) AS entries, sum(e.quantity) AS quantity, sum(e.amount_usd) AS amount_usd
        FROM ledger_entries e WHERE e.team_id = team AND e.number > mark AND e.number <= target
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
    ), named AS MATERIALIZED (
        SELECT f.*, encode(substring(sha256(convert_to(jsonb_build_array(
            f.team_id, f.key_id, f.kind, f.unit, f.tier, f.model, f.base_model, f.provider, f.method, f.job_id,
            f.price_id, f.is_correction, f.tags)::text, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid AS group_id
        FROM found f
    ), groups AS (
        INSERT INTO ledger_groups (id, team_id, key_id, kind, unit, tier, model, base_model, provider, method,
                                   job_id, price_id, is_correction, tags)
        SELECT DISTINCT ON (n.group_id) n.group_id, n.team_id, n.key_id, n.kind, n.unit, n.tier, n.model,
               n.base_model, n.provider, n.method, n.job_id, n.price_id, n.is_correction, n.tags
        FROM named n
        ON CONFLICT DO NOTHING
    )
    INSERT INTO ledger_days AS d (team_id, day, group_id, entries, quantity, amount_usd)
    SELECT n.team_id, n.day, n.group_id, n.entries, n.quantity, n.amount_usd FROM named n
    ON CONFLICT ON CONSTRAINT pk_ledger_days DO UPDATE
    SET entries = d.entries + excluded.entries,
        quantity = d.quantity + excluded.quantity,
        amount_usd = d.amount_usd + excluded.amount_usd;

    UPDATE ledger_marks m SET number = target WHERE m.team_id = team;
    RETURN target - mark;
END $$;

-- Give a key or a job an account of its own, with what it has spent and holds so far. The team's lock, which
-- everything that moves its money takes, keeps the sums still meanwhile.
CREATE FUNCTION ledger_open(team text, account text, account_scope text) RETURNS void
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
           coalesce(sum(e.amount_usd) FILTER (WHERE ledger_month(e.booked_at) = this_month), 0),
           (SELECT coalesce(sum(h.amount_usd), 0) FROM holds h
            WHERE h.team_id = team AND CASE account_scope WHEN 'key' THEN h.key_id ELSE h.subject_id END = account)
    FROM ledger_entries e
    WHERE e.team_id = team AND CASE account_scope WHEN 'key' THEN e.key_id ELSE e.job_id END = account;
END $$;
