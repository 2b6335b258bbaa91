-- Holds and settlements of many requests in few statements: each account is written once for a batch. Plans are
-- made for an index whatever the statistics say: those of an empty or churned table (holds are all inserts and
-- deletes) would have it read from end to end, in every batch, until the next ANALYZE.

DROP FUNCTION ledger_lock;

-- Open the accounts of teams that have none yet, lock those that exist among the ids, and answer which they are.
CREATE FUNCTION ledger_lock(team_ids text[], account_ids text[]) RETURNS text[]
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
    -- Read once the lock is held: a key's or job's account that was opened while we waited for its team's is not
    -- in the snapshot that we waited with.
    SELECT array_agg(a.id) INTO locked FROM accounts a WHERE a.id = ANY (team_ids || account_ids);
    RETURN locked;
END $$;

-- Place holds, in the order given: [{team_id, subject_id, key_id, amount_usd, expires_at}].
-- Answers one row per ask; without a refusing account the hold is placed. A subject that holds already holds
-- the new amount instead, of which only what is more must fit.
CREATE OR REPLACE FUNCTION ledger_place_holds(asks jsonb)
RETURNS TABLE (place bigint, account_id text, scope text, limit_usd numeric, period_name text,
               spent_usd numeric, held_usd numeric)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    team_ids text[];
    subject_ids text[];
    locked text[];
    ask record;
    refusal record;
    more numeric;
BEGIN
    SELECT array_agg(DISTINCT a.team_id), array_agg(a.subject_id), array_agg(DISTINCT a.key_id)
    INTO team_ids, subject_ids, locked
    FROM jsonb_to_recordset(asks) AS a(team_id text, subject_id text, key_id text);
    locked := ledger_lock(team_ids, subject_ids || locked);

    -- Mostly all are new and fit together: then their order does not matter.
    WITH asked AS MATERIALIZED (
        SELECT a.* FROM jsonb_to_recordset(asks) AS a(
            team_id text, subject_id text, key_id text, amount_usd numeric, expires_at timestamptz)
    ), sums AS MATERIALIZED (
        SELECT v.id, sum(a.amount_usd) AS amount_usd
        FROM asked a, LATERAL (VALUES (a.team_id), (a.key_id), (a.subject_id)) AS v(id)
        WHERE v.id = ANY (locked) GROUP BY v.id
    ), fitting AS MATERIALIZED (
        SELECT a.* FROM asked a
        WHERE (SELECT count(*) = count(DISTINCT (o.team_id, o.subject_id)) FROM asked o)
          AND NOT EXISTS (
              SELECT FROM holds h WHERE h.team_id = ANY (team_ids) AND h.subject_id = ANY (subject_ids))
          AND NOT EXISTS (
              SELECT FROM budget_standings b, sums s
              WHERE b.account_id = ANY (locked) AND b.account_id = s.id
                AND b.spent_usd + b.held_usd + s.amount_usd > b.limit_usd)
    ), placed AS (
        INSERT INTO holds (team_id, subject_id, key_id, amount_usd, placed_at, expires_at)
        SELECT f.team_id, f.subject_id, f.key_id, f.amount_usd, clock_timestamp(), f.expires_at FROM fitting f
    )
    UPDATE accounts a SET held_usd = a.held_usd + s.amount_usd
    FROM sums s WHERE a.id = s.id AND a.id = ANY (locked) AND EXISTS (SELECT FROM fitting);
    IF FOUND THEN
        RETURN QUERY SELECT p, NULL::text, NULL::text, NULL::numeric, NULL::text, NULL::numeric, NULL::numeric
                     FROM generate_series(1, jsonb_array_length(asks)::bigint) AS p;
        RETURN;
    END IF;

    FOR ask IN
        SELECT a.*, ARRAY[a.team_id, a.key_id, a.subject_id] AS accounts
        FROM ROWS FROM (jsonb_to_recordset(asks) AS
            (team_id text, subject_id text, key_id text, amount_usd numeric, expires_at timestamptz)
        ) WITH ORDINALITY AS a(team_id, subject_id, key_id, amount_usd, expires_at, place)
    LOOP
        SELECT ask.amount_usd - coalesce(sum(h.amount_usd), 0) INTO more
        FROM holds h WHERE h.team_id = ask.team_id AND h.subject_id = ask.subject_id;
        SELECT s.* INTO refusal FROM budget_standings s
        WHERE s.account_id = ANY (ask.accounts) AND more > 0 AND s.spent_usd + s.held_usd + more > s.limit_usd
        ORDER BY s.scope DESC LIMIT 1;
        IF NOT FOUND THEN
            INSERT INTO holds AS h (team_id, subject_id, key_id, amount_usd, placed_at, expires_at)
            VALUES (ask.team_id, ask.subject_id, ask.key_id, ask.amount_usd, clock_timestamp(), ask.expires_at)
            ON CONFLICT ON CONSTRAINT pk_holds DO UPDATE
            SET amount_usd = excluded.amount_usd, expires_at = excluded.expires_at;
            UPDATE accounts a SET held_usd = a.held_usd + more WHERE a.id = ANY (ask.accounts);
        END IF;
        RETURN QUERY SELECT ask.place, refusal.account_id, refusal.scope, refusal.limit_usd,
                            refusal.period_name, refusal.spent_usd, refusal.held_usd;
    END LOOP;
END $$;

-- End work: append its charges, each once by its unique_key, end its hold and move the counters.
-- subjects: [{team_id, subject_id}]; charges: rows of ledger_entries less number, booked_at and recorded_at.
-- Answers the thresholds that were crossed.
CREATE OR REPLACE FUNCTION ledger_settle(subjects jsonb, charges jsonb)
RETURNS TABLE (account_id text, team_id text, scope text, limit_usd numeric, period_name text,
               spent_usd numeric, threshold int)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    team_ids text[];
    subject_ids text[];
    owner_ids text[];
    unique_keys text[];
    locked text[];
    this_moment timestamptz;
BEGIN
    SELECT array_agg(s.team_id), array_agg(s.subject_id) INTO team_ids, subject_ids
    FROM jsonb_to_recordset(subjects) AS s(team_id text, subject_id text);
    SELECT array_agg(DISTINCT c.key_id) || array_agg(DISTINCT c.job_id), array_agg(c.unique_key)
    INTO owner_ids, unique_keys
    FROM jsonb_to_recordset(charges) AS c(key_id text, job_id text, unique_key text);
    owner_ids := owner_ids || (
        SELECT array_agg(DISTINCT h.key_id) FROM holds h
        WHERE h.team_id = ANY (team_ids) AND h.subject_id = ANY (subject_ids));
    locked := ledger_lock(team_ids, subject_ids || owner_ids);
    this_moment := clock_timestamp();

    WITH known AS MATERIALIZED (
        SELECT e.unique_key, e.team_id FROM ledger_entries e WHERE e.unique_key = ANY (unique_keys)
    ), asked AS (
        SELECT DISTINCT ON (c.unique_key) c.* FROM jsonb_to_recordset(charges) AS c(
            team_id text, unique_key text, subject_id text, kind text, quantity numeric, unit text,
            unit_quantity int, price_usd numeric, price_id text, tier text, amount_usd numeric, key_id text,
            job_id text, model text, base_model text, provider text, method text, tags jsonb,
            corrects bigint, reason text, occurred_at timestamptz)
        -- The team too: another team's entry under this key is a bug, and must fail rather than go unbilled.
        WHERE (c.unique_key, c.team_id) NOT IN (SELECT k.unique_key, k.team_id FROM known k)
    ), added AS (
        INSERT INTO ledger_entries (
            team_id, number, unique_key, subject_id, kind, quantity, unit, unit_quantity, price_usd, price_id,
            tier, amount_usd, key_id, job_id, model, base_model, provider, method, tags, corrects, reason,
            occurred_at, booked_at, recorded_at)
        SELECT c.team_id, a.last_number + row_number() OVER (PARTITION BY c.team_id ORDER BY c.unique_key),
               c.unique_key, c.subject_id, c.kind, c.quantity, c.unit, c.unit_quantity, c.price_usd, c.price_id,
               c.tier, c.amount_usd, c.key_id, c.job_id, c.model, c.base_model, c.provider, c.method, c.tags,
               c.corrects, c.reason, coalesce(c.occurred_at, this_moment),
               CASE WHEN c.occurred_at < a.closed_before THEN this_moment
                    ELSE least(c.occurred_at, this_moment) END,
               this_moment
        FROM asked c JOIN accounts a ON a.id = c.team_id AND a.id = ANY (team_ids)
        RETURNING team_id, key_id, job_id, amount_usd, booked_at
    ), ended AS (
        DELETE FROM holds h
        WHERE h.team_id = ANY (team_ids) AND h.subject_id = ANY (subject_ids)
          AND (h.team_id, h.subject_id) IN (SELECT w.* FROM unnest(team_ids, subject_ids) AS w)
        RETURNING h.team_id, h.key_id, h.subject_id, h.amount_usd
    ), moves AS (
        SELECT v.id, e.amount_usd AS spent, 0 AS freed, (v.id = e.team_id)::int AS entries,
               CASE WHEN ledger_month(e.booked_at) = ledger_month(this_moment) THEN e.amount_usd ELSE 0
               END AS month_spent
        FROM added e, LATERAL (VALUES (e.team_id), (e.key_id), (e.job_id)) AS v(id)
        UNION ALL
        SELECT v.id, 0, h.amount_usd, 0, 0
        FROM ended h, LATERAL (VALUES (h.team_id), (h.key_id), (h.subject_id)) AS v(id)
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

    IF EXISTS (SELECT FROM budgets b WHERE b.account_id = ANY (locked) AND b.thresholds <> '{}') THEN
        RETURN QUERY SELECT * FROM ledger_tell_thresholds(locked);
    END IF;
END $$;
