-- The ledger's procedures. Each is one round trip, locks the accounts it moves in the order of their ids, and
-- then reads in fresh statements, so that in READ COMMITTED it sees all that was committed before the lock.

CREATE FUNCTION ledger_month(moment timestamptz) RETURNS date
LANGUAGE sql IMMUTABLE AS $$
    SELECT date_trunc('month', moment AT TIME ZONE 'UTC')::date
$$;

-- What each account has spent in its budget's present period, and what it holds.
CREATE VIEW budget_standings AS
SELECT a.id::text AS account_id, a.team_id::text, a.scope::text, b.limit_usd,
       coalesce(b.period, 'month')::text AS period, a.held_usd,
       coalesce(b.thresholds, '{}') AS thresholds,
       CASE WHEN b.period = 'total' THEN a.spent_usd
            WHEN a.month = ledger_month(clock_timestamp()) THEN a.month_spent_usd
            ELSE 0 END AS spent_usd,
       CASE WHEN b.period = 'total' THEN 'total'
            ELSE to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM') END AS period_name
FROM accounts a LEFT JOIN budgets b ON b.account_id = a.id;

-- Open the accounts of teams that have none yet, and lock those that exist among `account_ids`.
CREATE FUNCTION ledger_lock(team_ids text[], account_ids text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO accounts (id, team_id, scope, month)
    SELECT team, team, 'team', ledger_month(clock_timestamp())
    FROM (SELECT DISTINCT unnest(team_ids) AS team) AS asked
    WHERE NOT EXISTS (SELECT FROM accounts a WHERE a.id = team)
    ORDER BY team
    ON CONFLICT DO NOTHING;
    PERFORM FROM accounts a WHERE a.id = ANY (team_ids || account_ids) ORDER BY a.id FOR UPDATE;
END $$;

-- Place holds, in the order given: [{team_id, subject_id, key_id, amount_usd, expires_at}].
-- Answers one row per ask; without a refusing account the hold is placed. A subject that holds already holds
-- the new amount instead, of which only what is more must fit.
CREATE FUNCTION ledger_place_holds(asks jsonb)
RETURNS TABLE (place bigint, account_id text, scope text, limit_usd numeric, period_name text,
               spent_usd numeric, held_usd numeric)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    ask record;
    refusal record;
    more numeric;
BEGIN
    PERFORM ledger_lock(array_agg(a.team_id), array_agg(a.key_id) || array_agg(a.subject_id))
    FROM jsonb_to_recordset(asks) AS a(team_id text, subject_id text, key_id text);
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

-- Note the thresholds that these accounts have crossed; answers those that nobody has told of.
CREATE FUNCTION ledger_tell_thresholds(account_ids text[])
RETURNS TABLE (account_id text, team_id text, scope text, limit_usd numeric, period_name text,
               spent_usd numeric, threshold int)
LANGUAGE sql AS $$
    WITH crossed AS (
        SELECT s.*, t.threshold FROM budget_standings s, unnest(s.thresholds) AS t(threshold)
        WHERE s.account_id = ANY (account_ids) AND s.limit_usd > 0
          AND s.spent_usd * 100 >= s.limit_usd * t.threshold
    ), told AS (
        INSERT INTO budget_alerts (account_id, period, limit_usd, threshold, told_at)
        SELECT c.account_id, c.period_name, c.limit_usd, c.threshold, clock_timestamp() FROM crossed c
        ON CONFLICT DO NOTHING
        RETURNING account_id, threshold
    )
    SELECT c.account_id, c.team_id, c.scope, c.limit_usd, c.period_name, c.spent_usd, c.threshold
    FROM crossed c JOIN told USING (account_id, threshold)
    ORDER BY c.account_id, c.threshold
$$;

-- End work: append its charges, each once by its unique_key, end its hold and move the counters.
-- subjects: [{team_id, subject_id}]; charges: rows of ledger_entries less number, booked_at and recorded_at.
-- Answers the thresholds that were crossed.
CREATE FUNCTION ledger_settle(subjects jsonb, charges jsonb)
RETURNS TABLE (account_id text, team_id text, scope text, limit_usd numeric, period_name text,
               spent_usd numeric, threshold int)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    team_ids text[];
    account_ids text[];
    this_moment timestamptz;
BEGIN
    SELECT array_agg(DISTINCT s.team_id), array_agg(DISTINCT s.subject_id) || array_agg(DISTINCT h.key_id)
    INTO team_ids, account_ids
    FROM jsonb_to_recordset(subjects) AS s(team_id text, subject_id text)
    LEFT JOIN holds h USING (team_id, subject_id);
    account_ids := account_ids || (
        SELECT array_agg(DISTINCT c.key_id) || array_agg(DISTINCT c.job_id)
        FROM jsonb_to_recordset(charges) AS c(key_id text, job_id text));
    PERFORM ledger_lock(team_ids, account_ids);
    this_moment := clock_timestamp();

    WITH asked AS (
        SELECT DISTINCT ON (c.unique_key) c.* FROM jsonb_to_recordset(charges) AS c(
            team_id text, unique_key text, subject_id text, kind text, quantity numeric, unit text,
            unit_quantity int, price_usd numeric, price_id text, tier text, amount_usd numeric, key_id text,
            job_id text, model text, base_model text, provider text, method text, tags jsonb,
            corrects bigint, reason text, occurred_at timestamptz)
        -- The team too: another team's entry under this key is a bug, and must fail rather than go unbilled.
        WHERE NOT EXISTS (SELECT FROM ledger_entries e WHERE e.unique_key = c.unique_key AND e.team_id = c.team_id)
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
        FROM asked c JOIN accounts a ON a.id = c.team_id
        RETURNING team_id, key_id, job_id, amount_usd, booked_at
    ), ended AS (
        DELETE FROM holds h USING jsonb_to_recordset(subjects) AS s(team_id text, subject_id text)
        WHERE h.team_id = s.team_id AND h.subject_id = s.subject_id
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
        FROM moves m GROUP BY m.id
    )
    UPDATE accounts a
    SET spent_usd = a.spent_usd + s.spent,
        held_usd = a.held_usd - s.freed,
        last_number = a.last_number + s.entries,
        month = ledger_month(this_moment),
        month_spent_usd = s.month_spent
            + CASE WHEN a.month = ledger_month(this_moment) THEN a.month_spent_usd ELSE 0 END
    FROM sums s WHERE a.id = s.id;

    RETURN QUERY SELECT * FROM ledger_tell_thresholds(team_ids || account_ids);
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE restrict_violation USING MESSAGE = TG_TABLE_NAME || ' is append-only: correct it by further rows';
END $$;

CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER prices_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON prices
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
