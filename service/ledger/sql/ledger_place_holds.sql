-- Place holds, in the order given: [{team_id, subject_id, key_id, amount_usd, expires_at, lost}].
-- Returns one row per ask: the account that refused it, or null if the hold was placed. If the subject already has
-- a hold, its amount is replaced, and only the increase must fit the budgets. `crossed` is whether the holds may have
-- crossed thresholds that the caller has to announce.
-- `may_announce`: whether the caller announces the thresholds that the holds have crossed. A caller that runs this as its
-- only statement cannot; for it a newly crossed threshold raises an error, and it places the holds in a transaction.
CREATE OR REPLACE FUNCTION ledger_place_holds(asks jsonb, may_announce boolean DEFAULT true)
RETURNS TABLE (place bigint, account_id text, scope text, limit_usd numeric, period_name text,
               spent_usd numeric, held_usd numeric, crossed boolean)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    team_ids text[];
    subject_ids text[];
    department_ids text[];  -- one per team, in the order of team_ids
    locked text[];
    ask record;
    refusal record;
    more numeric;
    department text;
    account_ids text[];
    this_moment timestamptz := clock_timestamp();
BEGIN
    SELECT array_agg(DISTINCT a.team_id), array_agg(a.subject_id), array_agg(DISTINCT a.key_id)
    INTO team_ids, subject_ids, locked
    FROM jsonb_to_recordset(asks) AS a(team_id text, subject_id text, key_id text);
    SELECT array_agg((SELECT o.department_id FROM ledger_allocation(t.id, this_moment) o) ORDER BY t.place)
    INTO department_ids
    FROM unnest(team_ids) WITH ORDINALITY AS t(id, place);
    -- A replaced hold stays with the department it was placed in.
    locked := locked || (SELECT array_agg(DISTINCT h.department_id) FROM holds h
                         WHERE h.team_id = ANY (team_ids) AND h.subject_id = ANY (subject_ids));
    locked := ledger_lock(team_ids, subject_ids || locked || department_ids);

    -- Fast path: usually all holds are new and fit together, so their order does not matter.
    WITH asked AS MATERIALIZED (
        SELECT a.*, d.department_id FROM jsonb_to_recordset(asks) AS a(
            team_id text, subject_id text, key_id text, amount_usd numeric, expires_at timestamptz,
            lost jsonb)
        JOIN unnest(team_ids, department_ids) AS d(team_id, department_id) ON d.team_id = a.team_id
    ), sums AS MATERIALIZED (
        SELECT v.id, sum(a.amount_usd) AS amount_usd
        FROM asked a, LATERAL (VALUES (a.team_id), (a.key_id), (a.subject_id), (a.department_id), ('organization')) AS v(id)
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
        INSERT INTO holds (team_id, subject_id, key_id, amount_usd, placed_at, expires_at, department_id, lost)
        SELECT f.team_id, f.subject_id, f.key_id, f.amount_usd, clock_timestamp(), f.expires_at, f.department_id,
               f.lost
        FROM fitting f
    )
    UPDATE accounts a SET held_usd = a.held_usd + s.amount_usd
    FROM sums s WHERE a.id = s.id AND a.id = ANY (locked) AND EXISTS (SELECT FROM fitting);
    IF FOUND THEN
        IF NOT may_announce AND EXISTS (
            SELECT FROM budgets b WHERE b.account_id = ANY (locked) AND b.held_thresholds <> '{}') THEN
            PERFORM ledger_require_announced(locked);
        END IF;
        RETURN QUERY SELECT p, NULL::text, NULL::text, NULL::numeric, NULL::text, NULL::numeric, NULL::numeric,
                            may_announce AND EXISTS (SELECT FROM ledger_crossed_thresholds(locked))
                     FROM generate_series(1, jsonb_array_length(asks)::bigint) AS p;
        RETURN;
    END IF;

    FOR ask IN
        SELECT a.*, d.department_id
        FROM ROWS FROM (jsonb_to_recordset(asks) AS
            (team_id text, subject_id text, key_id text, amount_usd numeric, expires_at timestamptz,
             lost jsonb)
        ) WITH ORDINALITY AS a(team_id, subject_id, key_id, amount_usd, expires_at, lost, place)
        JOIN unnest(team_ids, department_ids) AS d(team_id, department_id) ON d.team_id = a.team_id
        ORDER BY a.place
    LOOP
        SELECT ask.amount_usd - coalesce(sum(h.amount_usd), 0),
               CASE WHEN count(*) > 0 THEN max(h.department_id) ELSE ask.department_id END
        INTO more, department
        FROM holds h WHERE h.team_id = ask.team_id AND h.subject_id = ask.subject_id;
        account_ids := ARRAY[ask.team_id, ask.key_id, ask.subject_id, department, 'organization'];
        SELECT s.* INTO refusal FROM budget_standings s
        WHERE s.account_id = ANY (account_ids) AND more > 0 AND s.spent_usd + s.held_usd + more > s.limit_usd
        ORDER BY s.scope DESC LIMIT 1;
        IF NOT FOUND THEN
            INSERT INTO holds AS h (
                team_id, subject_id, key_id, amount_usd, placed_at, expires_at, department_id, lost)
            VALUES (ask.team_id, ask.subject_id, ask.key_id, ask.amount_usd, clock_timestamp(), ask.expires_at,
                    department, ask.lost)
            ON CONFLICT ON CONSTRAINT pk_holds DO UPDATE
            SET amount_usd = excluded.amount_usd, expires_at = excluded.expires_at,
                lost = coalesce(excluded.lost, h.lost);
            UPDATE accounts a SET held_usd = a.held_usd + more WHERE a.id = ANY (account_ids);
        END IF;
        RETURN QUERY SELECT ask.place, refusal.account_id, refusal.scope, refusal.limit_usd,
                            refusal.period_name, refusal.spent_usd, refusal.held_usd, may_announce;
    END LOOP;
    IF NOT may_announce THEN
        PERFORM ledger_require_announced(locked);
    END IF;
END $$;

-- Raise an error if a hold has crossed a threshold that was not announced.
CREATE OR REPLACE FUNCTION ledger_require_announced(account_ids text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger_crossed_thresholds(account_ids)) THEN
        RAISE restrict_violation USING MESSAGE = 'a crossed threshold needs an event: place in a transaction';
    END IF;
END $$;
