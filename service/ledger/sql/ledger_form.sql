-- The id of a form, which is added if it is new. The caller holds the lock of the team's account, so that no two
-- transactions add the same form.
CREATE OR REPLACE FUNCTION ledger_form(team text, form jsonb, department text, center text) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    form_digest uuid := encode(substring(sha256(convert_to(
        jsonb_build_array(team, department, center, form)::text, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid;
    form_id integer;
BEGIN
    SELECT f.id INTO form_id FROM ledger_forms f WHERE f.digest = form_digest;
    IF form_id IS NULL THEN
        INSERT INTO ledger_forms (
            digest, team_id, key_id, model, base_model, provider, method, tags, department_id, cost_center,
            kinds, units, tiers, price_ids, prices_usd, unit_quantities)
        SELECT form_digest, team, f.key_id, f.model, f.base_model, f.provider, f.method, f.tags, department, center,
               f.kinds, f.units, f.tiers, f.price_ids, f.prices_usd, f.unit_quantities
        FROM jsonb_to_record(form) AS f(
            key_id text, model text, base_model text, provider text, method text, tags jsonb,
            kinds text[], units text[], tiers text[], price_ids text[], prices_usd numeric[], unit_quantities int[])
        RETURNING id INTO form_id;
    END IF;
    RETURN form_id;
END $$;
