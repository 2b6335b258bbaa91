-- Settle work: append its charges, each once by its unique_key, delete its holds and update the counters.
-- subjects: [{team_id, subject_id}]. charges: rows of ledger_entries without number, booked_at and recorded_at, and
-- with `began_at`, the earliest time at which the charge can have occurred.
-- Returns the thresholds that were newly crossed.
CREATE OR REPLACE FUNCTION ledger_settle(subjects jsonb, charges jsonb)
RETURNS TABLE (account_id text, team_id text, scope text, limit_usd numeric, period_name text,
               spent_usd numeric, held_usd numeric, basis text, threshold int)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    team_ids text[];
    subject_ids text[];
    owner_ids text[];
    department_ids text[];
    unique_keys text[];
    locked text[];
    this_moment timestamptz;
    allocated boolean;
BEGIN
    SELECT array_agg(s.team_id), array_agg(s.subject_id) INTO team_ids, subject_ids
    FROM jsonb_to_recordset(subjects) AS s(team_id text, subject_id text);
    SELECT array_agg(DISTINCT c.key_id) || array_agg(DISTINCT c.job_id), array_agg(c.unique_key)
    INTO owner_ids, unique_keys
    FROM jsonb_to_recordset(charges) AS c(key_id text, job_id text, unique_key text);
    owner_ids := owner_ids || (
        SELECT array_agg(DISTINCT h.key_id) || array_agg(DISTINCT h.department_id) FROM holds h
        WHERE h.team_id = ANY (team_ids) AND h.subject_id = ANY (subject_ids));
    SELECT array_agg(DISTINCT a.department_id) INTO department_ids
    FROM team_allocations a WHERE a.team_id = ANY (team_ids);
    locked := ledger_lock(team_ids, subject_ids || owner_ids || department_ids);
    -- A team may have been given a department while we waited. That account is locked when it is updated.
    SELECT locked || array_agg(DISTINCT a.department_id) INTO locked
    FROM team_allocations a
    WHERE a.team_id = ANY (team_ids) AND a.department_id IS NOT NULL AND a.department_id <> ALL (locked);
    this_moment := clock_timestamp();
    -- Most companies allocate nothing: then no charge looks for an allocation.
    allocated := EXISTS (SELECT FROM team_allocations a WHERE a.team_id = ANY (team_ids));

    WITH known AS MATERIALIZED (
        SELECT e.unique_key, e.team_id FROM ledger_entries e WHERE e.unique_key = ANY (unique_keys)
    ), asked AS (
        SELECT DISTINCT ON (c.unique_key) c.* FROM jsonb_to_recordset(charges) AS c(
            team_id text, unique_key text, subject_id text, kind text, quantity numeric, unit text,
            unit_quantity int, price_usd numeric, price_id text, tier text, amount_usd numeric, key_id text,
            job_id text, model text, base_model text, provider text, method text, tags jsonb,
            corrects bigint, reason text, occurred_at timestamptz, began_at timestamptz, state text,
            in_month_budget boolean)
        -- Compare the team too: if another team has an entry with this key, the insert must fail, because
        -- skipping the charge would hide a bug and leave it unbilled.
        WHERE (c.unique_key, c.team_id) NOT IN (SELECT k.unique_key, k.team_id FROM known k)
    ), timed AS (
        -- Providers' clocks can be wrong, so the time is kept between the creation of the work and now.
        -- Corrections keep the time of the entry they correct.
        SELECT c.*, CASE
                   WHEN c.corrects IS NOT NULL OR c.kind = 'adjustment'
                   THEN least(coalesce(c.occurred_at, this_moment), this_moment)
                   ELSE least(greatest(coalesce(c.occurred_at, this_moment), coalesce(c.began_at, t.created_at)),
                              this_moment)
               END AS moment
        FROM asked c JOIN teams t ON t.id = c.team_id
    ), booked AS (
        SELECT c.*, o.department_id, o.cost_center, CASE WHEN c.moment < a.closed_before THEN this_moment ELSE c.moment END AS booked_at,
               a.last_number + row_number() OVER (PARTITION BY c.team_id ORDER BY c.unique_key) AS number
        FROM timed c JOIN accounts a ON a.id = c.team_id AND a.id = ANY (team_ids)
        LEFT JOIN LATERAL (
            SELECT t.department_id, t.cost_center FROM team_allocations t
            WHERE allocated AND t.team_id = c.team_id AND t.effective_from <= c.moment
            ORDER BY t.effective_from DESC LIMIT 1
        ) o ON true
    ), added AS (
        INSERT INTO ledger_entries (
            team_id, number, unique_key, subject_id, kind, quantity, unit, unit_quantity, price_usd, price_id,
            tier, amount_usd, key_id, job_id, model, base_model, provider, method, tags, corrects, reason,
            occurred_at, booked_at, recorded_at, state, in_month_budget, department_id, cost_center)
        SELECT c.team_id, c.number, c.unique_key, c.subject_id, c.kind, c.quantity, c.unit, c.unit_quantity,
               c.price_usd, c.price_id, c.tier, c.amount_usd, c.key_id, c.job_id, c.model, c.base_model,
               c.provider, c.method, c.tags, c.corrects, c.reason, c.moment, c.booked_at, this_moment, c.state,
               -- A correction of an earlier month does not count against this month's budget unless requested.
               (c.corrects IS NULL AND c.kind <> 'adjustment') OR coalesce(c.in_month_budget, false)
               OR ledger_month(c.moment) = ledger_month(c.booked_at), c.department_id, c.cost_center
        FROM booked c
        RETURNING team_id, key_id, job_id, department_id, amount_usd,
                  CASE WHEN in_month_budget AND ledger_month(booked_at) = ledger_month(this_moment)
                       THEN amount_usd ELSE 0 END AS month_spent
    ), ended AS (
        DELETE FROM holds h
        WHERE h.team_id = ANY (team_ids) AND h.subject_id = ANY (subject_ids)
          AND (h.team_id, h.subject_id) IN (SELECT w.* FROM unnest(team_ids, subject_ids) AS w)
        RETURNING h.team_id, h.key_id, h.subject_id, h.department_id, h.amount_usd
    ), moves AS (
        SELECT v.id, e.amount_usd AS spent, 0 AS freed, (v.id = e.team_id)::int AS entries,
               e.month_spent
        FROM added e, LATERAL (VALUES (e.team_id), (e.key_id), (e.job_id), (e.department_id), ('organization')) AS v(id)
        UNION ALL
        SELECT v.id, 0, h.amount_usd, 0, 0
        FROM ended h, LATERAL (VALUES (h.team_id), (h.key_id), (h.subject_id), (h.department_id), ('organization')) AS v(id)
    ), sums AS (
        SELECT m.id, sum(m.spent) AS spent, sum(m.freed) AS freed, sum(m.entries) AS entries,
               sum(m.month_spent) AS month_spent
        FROM moves m WHERE m.id = ANY (locked) GROUP BY m.id
    )
    UPDATE accounts a
    SET spent_usd = a.spent_usd + s.spent,
        held_usd = a.held_usd - s.freed,
        last_number = a.last_number + s.entries,
        month = ledger_month(this_moment),
        month_spent_usd = s.month_spent
            + CASE WHEN a.month = ledger_month(this_moment) THEN a.month_spent_usd ELSE 0 END
    FROM sums s WHERE a.id = s.id AND a.id = ANY (locked);

    IF EXISTS (SELECT FROM budgets b
               WHERE b.account_id = ANY (locked) AND (b.thresholds <> '{}' OR b.held_thresholds <> '{}')) THEN
        RETURN QUERY SELECT * FROM ledger_tell_thresholds(locked);
    END IF;
END $$;

-- Settle for callers that run this as their only statement. They cannot append an event in the same transaction, so
-- a crossed threshold or a charge for review raises an error, and the caller settles in a transaction instead.
CREATE OR REPLACE FUNCTION ledger_settle_untold(subjects jsonb, charges jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF jsonb_path_exists(charges, '$[*].state ? (@ != null)') THEN
        RAISE restrict_violation USING MESSAGE = 'a charge for review needs an event: settle in a transaction';
    END IF;
    PERFORM FROM ledger_settle(subjects, charges);
    IF FOUND THEN
        RAISE restrict_violation USING MESSAGE = 'a crossed threshold needs an event: settle in a transaction';
    END IF;
END $$;
