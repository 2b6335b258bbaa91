-- What a quantity costs, in US dollars with twelve decimals.
CREATE OR REPLACE FUNCTION ledger_amount(quantity numeric, price_usd numeric, unit_quantity integer) RETURNS numeric
LANGUAGE sql IMMUTABLE AS $$
    SELECT round(quantity * price_usd / unit_quantity, 12)
$$;

-- The same, but refuses an amount that twelve decimals cannot hold exactly.
CREATE OR REPLACE FUNCTION ledger_exact_amount(quantity numeric, price_usd numeric, unit_quantity integer)
RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    amount numeric := ledger_amount(quantity, price_usd, unit_quantity);
BEGIN
    IF (amount * unit_quantity = quantity * price_usd) IS NOT TRUE THEN
        RAISE check_violation USING MESSAGE =
            format('%s at %s per %s is not an exact amount', quantity, price_usd, unit_quantity);
    END IF;
    RETURN amount;
END $$;

-- The entries of all rows: each row has one entry for each meter of its form. To find entries by number, bound
-- `first_number` too, and to find them by key, compare `key_digest` too: these have indexes.
CREATE OR REPLACE VIEW ledger_entries AS
SELECT a.id AS team_id, r.number + l.place - 1 AS number, r.number AS first_number, r.unique_key,
       ledger_key_digest(r.unique_key) AS key_digest,
       coalesce(r.subject_id, r.unique_key) AS subject_id, f.kinds[l.place::int] AS kind, l.quantity,
       f.units[l.place::int] AS unit, f.unit_quantities[l.place::int] AS unit_quantity, f.prices_usd[l.place::int] AS price_usd,
       f.price_ids[l.place::int] AS price_id, f.tiers[l.place::int] AS tier,
       ledger_amount(l.quantity, f.prices_usd[l.place::int], f.unit_quantities[l.place::int]) AS amount_usd,
       f.key_id, r.job_id, f.model, f.base_model, f.provider, f.method, f.tags, r.corrects, r.reason,
       coalesce(r.occurred_at, r.booked_at) AS occurred_at, r.booked_at,
       coalesce(r.recorded_at, r.booked_at) AS recorded_at, r.states[l.place::int] AS state, r.in_month_budget,
       f.department_id, f.cost_center
FROM ledger_rows r
JOIN accounts a ON a.ref = r.account_ref
JOIN ledger_forms f ON f.id = r.form_id
CROSS JOIN LATERAL unnest(r.quantities) WITH ORDINALITY AS l(quantity, place);
