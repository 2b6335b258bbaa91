-- Settle work: append its charges, each once by its unique_key, delete its holds and update the counters.
-- subjects: [{team_id, subject_id}]. charges: one object for each row of the ledger:
-- {team_id, unique_key, subject_id, job_id, form: {key_id, model, base_model, provider, method, tags, request_tags,
--  kinds, units, tiers, price_ids, prices_usd, unit_quantities}, quantities, states, occurred_at, began_at, corrects,
--  reason, in_month_budget}. The lists have one element for each entry of the row; `form` is what many rows have in common.
-- A caller that knows the id of a form passes `form_id` instead: it is found without comparing the whole form. If the team
-- now has another department or cost center, that raises an error.
-- `began_at` is the earliest time at which the charge can have occurred.
-- `may_announce`: whether the caller appends the events of crossed thresholds and of charges for review. A caller that runs
-- this as its only statement cannot; for it they raise an error, and it settles in a transaction.
-- Returns the thresholds that were newly crossed.
CREATE OR REPLACE FUNCTION ledger_settle(subjects jsonb, charges jsonb, may_announce boolean DEFAULT true)
RETURNS TABLE (account_id text, team_id text, scope text, limit_usd numeric, period_name text,
               spent_usd numeric, held_usd numeric, basis text, threshold int)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    team_ids text[];
    subject_ids text[];
    account_ids text[];
    unique_keys text[];
    digests uuid[];
    began_first timestamptz;
    is_plain boolean;  -- every charge has the id of its form, and occurred now
    locked text[];
    this_moment timestamptz;
    allocated boolean;
    this_month date;
    -- Of each charge, unless they are plain: its form and its times. And the months in which charges are booked.
    form_ids integer[];
    moments timestamptz[];
    bookings timestamptz[];
    months date[];
    missing date;
    is_foreign boolean;
    is_misplaced boolean;
BEGIN
    IF NOT may_announce AND jsonb_path_exists(charges, '$[*].states ? (@ != null)') THEN
        RAISE restrict_violation USING MESSAGE = 'a charge for review needs an event: settle in a transaction';
    END IF;
    SELECT array_agg(s.team_id), array_agg(s.subject_id) INTO team_ids, subject_ids
    FROM jsonb_to_recordset(subjects) AS s(team_id text, subject_id text);
    SELECT subject_ids || array_agg(DISTINCT coalesce(f.key_id, c.form->>'key_id')) || array_agg(DISTINCT c.job_id)
               || (SELECT array_agg(h.key_id) || array_agg(h.department_id) FROM holds h
                   WHERE h.team_id = ANY (team_ids) AND h.subject_id = ANY (subject_ids))
               || (SELECT array_agg(a.department_id) FROM team_allocations a WHERE a.team_id = ANY (team_ids)),
           array_agg(c.unique_key), array_agg(ledger_key_digest(c.unique_key)),
           min(coalesce(c.began_at, '-infinity')), bool_and(c.form IS NULL AND c.occurred_at IS NULL)
    INTO account_ids, unique_keys, digests, began_first, is_plain
    FROM jsonb_to_recordset(charges) AS c(
        form jsonb, form_id integer, job_id text, unique_key text, occurred_at timestamptz, began_at timestamptz)
    LEFT JOIN ledger_forms f ON f.id = c.form_id;
    locked := ledger_lock(team_ids, account_ids);
    -- A team may have been given a department while we waited. That account is locked when it is updated. Most
    -- companies allocate nothing: then no charge looks for an allocation.
    SELECT locked || array_agg(DISTINCT a.department_id) FILTER (WHERE a.department_id <> ALL (locked)), count(*) > 0
    INTO locked, allocated
    FROM team_allocations a WHERE a.team_id = ANY (team_ids);
    this_moment := clock_timestamp();
    this_month := ledger_month(this_moment);
    -- The keys of archived requests are gone, so a charge for one could be its second. Those of jobs and corrections
    -- are kept.
    IF began_first < this_moment - interval '31 days' AND EXISTS (
        SELECT FROM jsonb_to_recordset(charges) AS c(job_id text, reason text, began_at timestamptz), archived_months m
        WHERE c.job_id IS NULL AND c.reason IS NULL AND c.began_at < (m.month + interval '1 month') AT TIME ZONE 'UTC'
    ) THEN
        RAISE restrict_violation USING MESSAGE = 'the month in which this request began is archived';
    END IF;

    months := ARRAY[this_month];
    IF NOT is_plain THEN
        WITH timed AS (
            -- Providers' clocks can be wrong, so the time is kept between the creation of the work and now.
            -- Corrections and adjustments, which have a reason, keep the time that they concern.
            SELECT c.*, a.closed_before, least(this_moment, CASE
                       WHEN c.reason IS NOT NULL THEN coalesce(c.occurred_at, this_moment)
                       ELSE greatest(coalesce(c.occurred_at, this_moment), coalesce(c.began_at, t.created_at))
                   END) AS moment
            FROM ROWS FROM (jsonb_to_recordset(charges) AS
                (team_id text, form jsonb, form_id integer, occurred_at timestamptz, began_at timestamptz, reason text)
            ) WITH ORDINALITY AS c(team_id, form, form_id, occurred_at, began_at, reason, place)
            JOIN teams t ON t.id = c.team_id JOIN accounts a ON a.id = c.team_id
        ), placed AS (
            SELECT c.place, c.moment, CASE WHEN c.moment < c.closed_before THEN this_moment ELSE c.moment END AS booked_at,
                   CASE WHEN c.form IS NULL THEN c.form_id
                        ELSE ledger_form(c.team_id, c.form, o.department_id, o.cost_center) END AS form_id
            FROM timed c
            LEFT JOIN LATERAL (SELECT * FROM ledger_allocation(c.team_id, c.moment) WHERE allocated) o ON true
        )
        SELECT array_agg(p.form_id ORDER BY p.place), array_agg(p.moment ORDER BY p.place),
               array_agg(p.booked_at ORDER BY p.place), array_agg(DISTINCT ledger_month(p.booked_at))
        INTO form_ids, moments, bookings, months
        FROM placed p;
    END IF;
    FOREACH missing IN ARRAY months LOOP
        IF to_regclass('ledger_rows_' || to_char(missing, 'YYYY_MM')) IS NULL THEN
            PERFORM ledger_add_month(missing);
        END IF;
    END LOOP;

    WITH known AS MATERIALIZED (
        -- A charge cannot have been booked before its work began, so older partitions are not searched. A day
        -- is more than any two clocks that timed the beginning can differ by.
        SELECT r.unique_key, a.id AS team_id FROM ledger_rows r JOIN accounts a ON a.ref = r.account_ref
        WHERE ledger_key_digest(r.unique_key) = ANY (digests) AND r.unique_key = ANY (unique_keys)
          AND r.booked_at >= began_first - interval '1 day'
    ), asked AS (
        SELECT DISTINCT ON (c.unique_key) c.*, coalesce(form_ids[c.place], c.form_id) AS form,
               coalesce(moments[c.place], this_moment) AS moment, coalesce(bookings[c.place], this_moment) AS booked_at,
               k.unique_key IS NOT NULL AS is_foreign
        FROM ROWS FROM (jsonb_to_recordset(charges) AS
            (team_id text, unique_key text, subject_id text, job_id text, form_id integer, quantities numeric[],
             states text[], corrects bigint, reason text, in_month_budget boolean)
        ) WITH ORDINALITY AS c(team_id, unique_key, subject_id, job_id, form_id, quantities, states, corrects, reason,
                               in_month_budget, place)
        LEFT JOIN known k ON k.unique_key = c.unique_key
        WHERE k.team_id IS DISTINCT FROM c.team_id
        ORDER BY c.unique_key, c.place
    ), booked AS MATERIALIZED (
        SELECT c.*, f.key_id, f.department_id, a.ref, cardinality(c.quantities) AS entries, l.amount_usd,
               a.last_number + 1 + coalesce(sum(cardinality(c.quantities)) OVER earlier, 0) AS number,
               -- A correction of an earlier month does not count against this month's budget unless requested.
               c.reason IS NULL OR coalesce(c.in_month_budget, false)
               OR ledger_month(c.moment) = ledger_month(c.booked_at) AS counts,
               f.team_id IS DISTINCT FROM c.team_id OR (f.department_id, f.cost_center)
               IS DISTINCT FROM (o.department_id, o.cost_center) AS is_misplaced
        FROM asked c
        LEFT JOIN ledger_forms f ON f.id = c.form
        LEFT JOIN LATERAL (SELECT * FROM ledger_allocation(c.team_id, c.moment) WHERE allocated) o ON true
        JOIN accounts a ON a.id = c.team_id AND a.id = ANY (team_ids)
        CROSS JOIN LATERAL (
            SELECT sum(ledger_exact_amount(l.quantity, l.price_usd, l.unit_quantity)) AS amount_usd
            FROM unnest(c.quantities, f.prices_usd, f.unit_quantities) AS l(quantity, price_usd, unit_quantity)
        ) l
        WINDOW earlier AS (PARTITION BY c.team_id ORDER BY c.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), added AS (
        INSERT INTO ledger_rows (
            number, booked_at, account_ref, form_id, in_month_budget, unique_key, quantities, occurred_at,
            recorded_at, corrects, subject_id, job_id, reason, states)
        -- What is equal to a column before it is left out. The view `ledger_entries` fills it in.
        SELECT c.number, c.booked_at, c.ref, c.form, c.counts, c.unique_key, c.quantities,
               nullif(c.moment, c.booked_at), nullif(this_moment, c.booked_at), c.corrects,
               nullif(c.subject_id, c.unique_key), c.job_id, c.reason, c.states
        FROM booked c WHERE NOT c.is_foreign AND NOT c.is_misplaced
    ), ended AS (
        DELETE FROM holds h
        WHERE h.team_id = ANY (team_ids) AND h.subject_id = ANY (subject_ids)
          AND (h.team_id, h.subject_id) IN (SELECT w.* FROM unnest(team_ids, subject_ids) AS w)
        RETURNING h.team_id, h.key_id, h.subject_id, h.department_id, h.amount_usd
    ), moves AS (
        SELECT v.id, e.amount_usd AS spent, 0 AS freed, CASE WHEN v.id = e.team_id THEN e.entries ELSE 0 END AS entries,
               CASE WHEN e.counts AND ledger_month(e.booked_at) = this_month THEN e.amount_usd ELSE 0 END AS month_spent
        FROM booked e, LATERAL (VALUES (e.team_id), (e.key_id), (e.job_id), (e.department_id), ('organization')) AS v(id)
        UNION ALL
        SELECT v.id, 0, h.amount_usd, 0, 0
        FROM ended h, LATERAL (VALUES (h.team_id), (h.key_id), (h.subject_id), (h.department_id), ('organization')) AS v(id)
    ), sums AS (
        SELECT m.id, sum(m.spent) AS spent, sum(m.freed) AS freed, sum(m.entries) AS entries,
               sum(m.month_spent) AS month_spent
        FROM moves m WHERE m.id = ANY (locked) GROUP BY m.id
    ), moved AS (
        UPDATE accounts a
        SET spent_usd = a.spent_usd + s.spent,
            held_usd = a.held_usd - s.freed,
            last_number = a.last_number + s.entries,
            month = this_month,
            month_spent_usd = s.month_spent + CASE WHEN a.month = this_month THEN a.month_spent_usd ELSE 0 END
        FROM sums s WHERE a.id = s.id AND a.id = ANY (locked)
    )
    SELECT bool_or(b.is_foreign), bool_or(b.is_misplaced) INTO is_foreign, is_misplaced FROM booked b;
    IF is_foreign THEN
        -- Skipping the charge would hide a bug and leave it unbilled.
        RAISE unique_violation USING MESSAGE = 'another team has been charged under the same unique_key';
    END IF;
    IF is_misplaced THEN
        RAISE restrict_violation USING MESSAGE = 'a form_id belongs to another team, department or cost center';
    END IF;

    IF EXISTS (SELECT FROM budgets b
               WHERE b.account_id = ANY (locked) AND (b.thresholds <> '{}' OR b.held_thresholds <> '{}')) THEN
        RETURN QUERY SELECT * FROM ledger_announce_thresholds(locked);
        IF FOUND AND NOT may_announce THEN
            RAISE restrict_violation USING MESSAGE = 'a crossed threshold needs an event: settle in a transaction';
        END IF;
    END IF;
END $$;
