"""Generates the millions of ledger rows for `benchmarks.ledger`."""

from datetime import UTC, datetime, timedelta

import psycopg

from service.catalog.price import PriceKind
from service.catalog.prices import prices_at
from service.core.db import transaction

TEAMS, KEYS, DAYS = 40, 5, 365
KINDS = (PriceKind.INPUT_TOKENS, PriceKind.CACHED_INPUT_TOKENS, PriceKind.OUTPUT_TOKENS)
# Rows as a year of inference leaves them: three to a request, five keys to a team, two models to a key, four
# sets of tags; and every thousandth row a training job. Written past the procedures, or it would take hours.
_GENERATE = """
INSERT INTO ledger_entries (
    team_id, number, unique_key, subject_id, kind, quantity, unit, unit_quantity, price_usd, price_id, tier,
    amount_usd, key_id, job_id, model, base_model, provider, method, tags, occurred_at, booked_at,
    recorded_at)
SELECT team_id, number, team_id || ':' || number, team_id || ':r' || request, p.kind, quantity, 'tokens',
       p.unit_quantity, p.amount_usd, p.id, 'standard', quantity * p.amount_usd / p.unit_quantity,
       team_id || '_key' || key, CASE WHEN trains THEN team_id || '_job' || number END,
       CASE WHEN trains THEN 'sandbox-mini'
            ELSE 'ft:sandbox-mini:' || team_id || ':m' || key + mod(request, 2) END,
       'sandbox-mini', 'trainer', CASE WHEN trains THEN 'supervised' END,
       CASE WHEN trains THEN '{"project": "a"}'
            ELSE jsonb_build_object('counted_by', 'provider', 'outcome', 'complete',
                                    'app', mod(request, 4)) END,
       moment, moment, moment
FROM (
    SELECT %(team)s::text AS team_id, number, number / 3 AS request, mod(number / 3 * 7919, %(keys)s) AS key,
           mod(number, 1000) = 0 AS trains, 1 + mod(number * 48271::bigint, 4000) AS quantity,
           %(start)s::timestamptz + number * (interval '1 day' * %(days)s / %(rows)s) AS moment
    FROM generate_series(1, %(rows)s) AS number
) r
JOIN prices p ON p.id = CASE WHEN trains THEN %(training)s
                             ELSE (%(prices)s::text[])[1 + mod(number, 3)] END
"""
_INDEXES = {
    "ix_ledger_entries_team_id_booked_at": "(team_id, booked_at)",
    "ix_ledger_entries_team_id_corrects": "(team_id, corrects) WHERE corrects IS NOT NULL",
    "ix_ledger_entries_job_id": "(job_id) WHERE job_id IS NOT NULL",
}
_ACCOUNTS = """
INSERT INTO accounts (id, team_id, scope, month, spent_usd, month_spent_usd, last_number)
SELECT team_id, team_id, 'team', ledger_month(now()), sum(amount_usd),
       coalesce(sum(amount_usd) FILTER (WHERE ledger_month(booked_at) = ledger_month(now())), 0), max(number)
FROM ledger_entries GROUP BY team_id
"""


def generate(dsn: str, rows: int, days: int) -> None:
    """Insert a year of rows that ends now, and index them afterwards. Skips teams that have rows."""
    with transaction() as session:
        served = prices_at(session, provider_kind="trainer", model="ft:sandbox-mini", kinds=KINDS)
        kind = PriceKind.TRAINING_TOKENS
        (training,) = prices_at(session, provider_kind="trainer", model="sandbox-mini", kinds=[kind]).values()
    with psycopg.connect(dsn, autocommit=True) as connection:
        there = {row[0] for row in connection.execute("SELECT id FROM teams")}
        wanted = [f"team_{number:02}" for number in range(TEAMS)]
        if there.issuperset(wanted):
            return
        for index in _INDEXES:
            connection.execute(f"DROP INDEX IF EXISTS {index}".encode())
        connection.execute(
            "ALTER TABLE ledger_entries DROP CONSTRAINT IF EXISTS uq_ledger_entries_unique_key"
        )
        for team in wanted:
            if team not in there:
                _generate_team(connection, team, rows, days, training.id, [served[kind].id for kind in KINDS])
        connection.execute(
            "ALTER TABLE ledger_entries ADD CONSTRAINT uq_ledger_entries_unique_key UNIQUE (unique_key)"
        )
        for index, columns in _INDEXES.items():
            connection.execute(f"CREATE INDEX {index} ON ledger_entries {columns}".encode())
        connection.execute(_ACCOUNTS)
        connection.execute("VACUUM ANALYZE ledger_entries")


def _generate_team(
    connection: psycopg.Connection, team: str, rows: int, days: int, training: str, prices: list[str]
) -> None:
    values = {
        "team": team,
        "keys": KEYS,
        "days": days,
        "rows": rows // TEAMS,
        "start": datetime.now(UTC) - timedelta(days=days),
        "training": training,
        "prices": prices,
    }
    with connection.transaction():
        connection.execute(_GENERATE, values)
        connection.execute(
            "INSERT INTO teams (id, name, slug, metadata, created_at) VALUES (%s, %s, %s, '{}', now())",
            (team, team, team.replace("_", "-")),
        )
