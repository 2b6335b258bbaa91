-- The id of a form, which is added if it is new. The caller holds the lock of the team's account, so that no two
-- transactions add the same form.
-- `request_tags` come from the callers of the gateway. Values that differ in every request would make forms and sums as
-- many as rows, so a team gets 2,000 forms with them in a month. Further ones have the tag `tunehouse_tags` instead.
CREATE OR REPLACE FUNCTION ledger_form(team text, form jsonb, department text, center text) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    form_digest uuid := encode(substring(sha256(convert_to(
        jsonb_build_array(team, department, center, form)::text, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid;
    form_id integer;
    this_month date;
BEGIN
    SELECT f.id INTO form_id FROM ledger_forms f WHERE f.digest = form_digest;
    IF form_id IS NOT NULL THEN
        RETURN form_id;
    END IF;
    IF form ? 'request_tags' THEN
        this_month := ledger_month(clock_timestamp());
        IF (SELECT count(*) FROM ledger_forms f WHERE f.team_id = team AND f.tagged_in = this_month) >= 2000 THEN
            RETURN ledger_form(team, (form - 'request_tags') || jsonb_build_object(
                'tags', form->'tags' || '{"tunehouse_tags": "other"}'), department, center);
        END IF;
    END IF;
    INSERT INTO ledger_forms (
        digest, team_id, key_id, model, base_model, provider, method, tags, tagged_in, department_id, cost_center,
        kinds, units, tiers, price_ids, prices_usd, unit_quantities)
    SELECT form_digest, team, f.key_id, f.model, f.base_model, f.provider, f.method,
           f.tags || coalesce(f.request_tags, '{}'), this_month, department, center,
           f.kinds, f.units, f.tiers, f.price_ids, f.prices_usd, f.unit_quantities
    FROM jsonb_to_record(form) AS f(
        key_id text, model text, base_model text, provider text, method text, tags jsonb, request_tags jsonb,
        kinds text[], units text[], tiers text[], price_ids text[], prices_usd numeric[], unit_quantities int[])
    RETURNING id INTO form_id;
    RETURN form_id;
END $$;
