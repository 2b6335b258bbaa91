"""Generates the millions of ledger rows for `benchmarks.ledger`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from service.catalog.price import PriceKind
from service.catalog.prices import prices_at
from service.core.db import transaction

TEAMS, KEYS, DAYS = 40, 5, 365
KINDS = (PriceKind.INPUT_TOKENS, PriceKind.CACHED_INPUT_TOKENS, PriceKind.OUTPUT_TOKENS)
# A year of inference: three entries per request, five keys per team, four sets of tags per key, two for each
# of its two models; every 333rd row is a training job. Rows are inserted directly, because `ledger_settle`
# would take hours.
_FORMS = """
SELECT ledger_form(%(team)s, jsonb_build_object(
           'key_id', %(team)s || '_key' || key, 'base_model', 'sandbox-mini', 'provider', 'trainer',
           'model', 'ft:sandbox-mini:' || %(team)s || ':m' || key + mod(app, 2),
           'tags', jsonb_build_object('counted_by', 'provider', 'outcome', 'complete', 'app', app),
           'kinds', p.kinds, 'units', p.units, 'tiers', p.tiers, 'price_ids', p.ids, 'prices_usd', p.amounts,
           'unit_quantities', p.quantities), NULL, NULL)
FROM generate_series(0, %(keys)s - 1) AS key, generate_series(0, 3) AS app, (
    SELECT array_agg(kind) AS kinds, array_agg('tokens'::text) AS units, array_agg(tier) AS tiers,
           array_agg(id) AS ids, array_agg(amount_usd) AS amounts, array_agg(unit_quantity) AS quantities
    FROM prices WHERE id = ANY (%(prices)s)
) p
"""
_TRAINING = """
SELECT ledger_form(%(team)s, jsonb_build_object(
    'key_id', %(team)s || '_key0', 'base_model', 'sandbox-mini', 'provider', 'trainer',
    'model', 'sandbox-mini', 'method', 'supervised', 'tags', '{"project": "a"}'::jsonb,
    'kinds', ARRAY[kind], 'units', ARRAY['tokens'], 'tiers', ARRAY[tier], 'price_ids', ARRAY[id],
    'prices_usd', ARRAY[amount_usd], 'unit_quantities', ARRAY[unit_quantity]), NULL, NULL)
FROM prices WHERE id = %(training)s
"""
_MONTHS = """
SELECT ledger_add_month(month::date)
FROM generate_series(date_trunc('month', %(start)s::timestamptz), now(), '1 month') AS month
"""
_ROWS = """
INSERT INTO ledger_rows (number, booked_at, account_ref, form_id, unique_key, quantities, job_id)
SELECT 1 + sum(cardinality(r.quantities)) OVER (ORDER BY r.place) - cardinality(r.quantities),
       %(start)s::timestamptz + r.place * (interval '1 day' * %(days)s / %(requests)s), a.ref, r.form_id,
       %(team)s || ':r' || r.place, r.quantities, CASE WHEN r.trains THEN %(team)s || '_job' || r.place END
FROM (
    SELECT place, trains, CASE WHEN trains THEN %(training_form)s
                               ELSE forms[1 + mod(place, cardinality(forms))] END AS form_id,
           CASE WHEN trains THEN ARRAY[quantity]
                ELSE ARRAY[quantity, mod(quantity * 7, 4000), mod(quantity * 11, 4000)] END AS quantities
    FROM (
        SELECT place, mod(place, 333) = 0 AS trains,
               1 + mod(place * 48271::bigint, 4000)::numeric AS quantity, %(forms)s::int[] AS forms
        FROM generate_series(1, %(requests)s::bigint) AS place
    ) p
) r, accounts a WHERE a.id = %(team)s
"""
_COUNTERS = """
UPDATE accounts a SET spent_usd = s.spent, month_spent_usd = s.month_spent, last_number = s.last_number
FROM (
    SELECT sum(amount_usd) AS spent, max(number) AS last_number,
           coalesce(sum(amount_usd) FILTER (WHERE ledger_month(booked_at) = ledger_month(now())), 0)
               AS month_spent
    FROM ledger_entries WHERE team_id = %(team)s
) s WHERE a.id = %(team)s
"""


def generate(dsn: str, rows: int, days: int) -> None:
    """Insert about `rows` entries of a year that ends now. Skips teams that have rows."""
    with transaction() as session:
        served = prices_at(session, provider_kind="trainer", model="ft:sandbox-mini", kinds=KINDS)
        kind = PriceKind.TRAINING_TOKENS
        (training,) = prices_at(session, provider_kind="trainer", model="sandbox-mini", kinds=[kind]).values()
    with psycopg.connect(dsn, autocommit=True) as connection:
        there = {row[0] for row in connection.execute("SELECT id FROM teams")}
        start = datetime.now(UTC) - timedelta(days=days)
        connection.execute(_MONTHS, {"start": start})
        for team in (f"team_{number:02}" for number in range(TEAMS)):
            if team not in there:
                values = {
                    "team": team,
                    "keys": KEYS,
                    "days": days,
                    "requests": rows // TEAMS // len(KINDS),
                    "start": start,
                    "training": training.id,
                    "prices": [served[kind].id for kind in KINDS],
                }
                with connection.transaction():
                    _generate_team(connection, values)
        connection.execute("VACUUM ANALYZE ledger_rows")
        connection.execute("ANALYZE ledger_forms")


def _generate_team(connection: psycopg.Connection, values: dict[str, Any]) -> None:
    connection.execute(
        "INSERT INTO teams (id, name, slug, metadata, created_at) "
        "SELECT team, team, replace(team, '_', '-'), '{}', now() FROM (SELECT %(team)s::text AS team) t",
        values,
    )
    connection.execute("SELECT ledger_lock(ARRAY[%(team)s], NULL)", values)
    forms = [row[0] for row in connection.execute(_FORMS, values)]
    (training_form,) = [row[0] for row in connection.execute(_TRAINING, values)]
    connection.execute(_ROWS, values | {"forms": forms, "training_form": training_form})
    connection.execute(_COUNTERS, values)
