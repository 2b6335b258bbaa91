"""The bytes that a million gateway requests add to the database, by table and index.

`python -m benchmarks.ledger_size [--requests 100000]`

Requests are held and settled as the gateway does it: in batches, with the charges of `amounts.charges`. Half
of them read a part of their prompt from the provider's cache, so a request has two or three entries.
"""

import argparse
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import psycopg

from benchmarks.ledger import database, machine, roll_up_everything
from benchmarks.ledger_rows import KINDS
from benchmarks.tables import say, took
from service.catalog.models import find
from service.catalog.price import STANDARD, PriceKind
from service.catalog.prices import prices_at
from service.core import clock, ids
from service.core.db import transaction
from service.gateway.metering import amounts
from service.gateway.metering.usage import Usage
from service.gateway.payer import Payer
from service.gateway.targets import Priced
from service.ledger.actions import place_holds, settle_many
from service.ledger.charges import HoldAsk, Settlement
from service.models.queries import Target
from service.teams.tables import Team

TEAMS, KEYS, BATCH = 20, 3, 50
GOAL_MB = 250
_TAGS = {"endpoint": "v1/chat/completions", "outcome": "complete"}
_SIZES = """
SELECT coalesce(p.inhparent::regclass::text, t.relname) AS owner, c.relname, pg_relation_size(c.oid)
FROM pg_class c
LEFT JOIN pg_index i ON i.indexrelid = c.oid
JOIN pg_class t ON t.oid = coalesce(i.indrelid, c.oid)
LEFT JOIN pg_inherits p ON p.inhrelid = t.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i')
"""


def main() -> None:
    """Charge for the requests, and print what has grown."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=100_000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, database(Path(folder)) as dsn:
        say(f"`python -m benchmarks.ledger_size --requests {asked.requests}`; {machine(dsn)}")
        payers = _payers()
        _charge(payers, TEAMS * BATCH)  # first pages and dictionaries
        before = _sizes(dsn)
        took(f"{asked.requests:,} requests held and settled", lambda: _charge(payers, asked.requests))
        took("sums of them made", lambda: roll_up_everything(dsn))
        _report(before, _sizes(dsn), asked.requests)


def _payers() -> list[Payer]:
    with transaction() as session:
        payers = []
        for number in range(TEAMS):
            team_id = ids.new_id("team_")
            values = {"name": f"Team {number}", "slug": f"t{number}", "labels": {}, "created_at": clock.now()}
            session.add(Team(id=team_id, **values))
            payers += [Payer(team_id, ids.new_id("key_")) for _ in range(KEYS)]
    return payers


def _charge(payers: list[Payer], requests: int) -> None:
    terms = _terms()
    for first in range(0, requests, BATCH):
        done = []
        for place in range(first, first + BATCH):
            payer, subject = payers[place // 7 % len(payers)], ids.new_id("chatcmpl-")
            parts: Mapping[PriceKind, int] = {PriceKind.CACHED_INPUT_TOKENS: 512} if place % 2 else {}
            usage = Usage(700 + place % 3_000, 100 + place % 900, parts)
            charges = amounts.charges(usage, terms, payer, subject, dict(_TAGS), began_at=clock.now())
            done.append(Settlement(payer.team_id, subject, charges))
        expires_at = clock.now() + timedelta(hours=1)
        asks = [HoldAsk(one.team_id, one.subject_id, Decimal("0.01"), None, expires_at) for one in done]
        with transaction() as session:
            place_holds(session, asks)
        with transaction() as session:
            settle_many(session, done)


def _terms() -> amounts.Terms:
    base = find("trainer", "sandbox-mini")
    if base is None:
        raise SystemExit("the catalog has no sandbox-mini")
    with transaction() as session:
        prices = prices_at(session, provider_kind="trainer", model="ft:sandbox-mini", kinds=KINDS)
    target = Target("ft:sandbox-mini:acme:support:Zq3vK9", "trainer", "sandbox-mini", base, None)
    return amounts.plain(Priced(target, {STANDARD: prices}))


def _sizes(dsn: str) -> dict[tuple[str, str], int]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM")
        return {(owner, name): size for owner, name, size in connection.execute(_SIZES)}


def _report(before: dict[tuple[str, str], int], after: dict[tuple[str, str], int], requests: int) -> None:
    # Holds are deleted when they are settled: their table has the size of the requests that run at once.
    grown = {key: (size - before.get(key, 0)) / requests for key, size in after.items() if key[0] != "holds"}
    say("| table | relation | MB per million requests |")
    say("|---|---|---|")
    for (owner, name), each in sorted(grown.items(), key=lambda item: -item[1]):
        if each >= 0.05:
            say(f"| {owner} | {name} | {each:.1f} |")
    say(f"| all | | {sum(grown.values()):.1f} (goal: {GOAL_MB}) |")


if __name__ == "__main__":
    main()
