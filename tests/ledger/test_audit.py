"""`tunehouse audit-ledger`, run as an operator runs it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import select

from service.catalog.price import PriceKind
from service.catalog.prices import price_at
from service.core.db import transaction
from service.ledger.actions import place_hold, settle
from service.ledger.audit import begin, findings
from service.ledger.budgets.actions import set_budget
from service.ledger.charges import Charge, Review
from service.ledger.reviews.actions import adjust_to
from service.ledger.reviews.tables import CostReview
from service.ledger.rollups.sums import roll_up
from tests.ledger.make import charge, team
from tests.support import superuser


@pytest.fixture
def tampered(database: str) -> Iterator[psycopg.Connection]:
    """A connection that may change the ledger, as a superuser can."""
    with superuser.connect(database) as connection:
        connection.autocommit = True
        yield connection


def audit() -> "subprocess.CompletedProcess[str]":
    """Run the command and return how it ended."""
    command = [sys.executable, "-m", "service.cli", "audit-ledger"]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60, env=dict(os.environ)
    )


def spend() -> str:
    """Create a team with rows in the sums, rows after them and a hold. Returns its id."""
    with transaction() as session:
        one = team(session, limit_usd="5")
        settle(session, team_id=one, subject_id="a", charges=[_priced("a"), _priced("b")])
        roll_up(session)
        settle(session, team_id=one, subject_id="c", charges=[_priced("c")])
        lasts = timedelta(hours=1)
        place_hold(session, team_id=one, subject_id="d", amount_usd=Decimal(1), expires_in=lasts)
    return one


def _priced(unique_key: str, kind: PriceKind = PriceKind.OUTPUT_TOKENS, **fields: object) -> Charge:
    with transaction() as session:
        price = price_at(session, provider_kind="trainer", model="sandbox-mini", kind=kind)
    return charge(unique_key, kind=kind, price=price, **fields)


def limited() -> None:
    """Charge a job and a key that have budgets of their own, and add everything to the sums."""
    with transaction() as session:
        one = team(session, limit_usd="5")
        for scope, account in (("key", "key_1"), ("job", "ftjob-1")):
            set_budget(session, one, limit_usd=Decimal(4), scope=scope, account_id=account)
        training = _priced("t", PriceKind.TRAINING_TOKENS, job_id="ftjob-1", key_id="key_1")
        charges = [training, _priced("u", key_id="key_1")]
        settle(session, team_id=one, subject_id="a", charges=charges)
        roll_up(session)


@pytest.mark.usefixtures("database")
def test_a_ledger_in_order_passes() -> None:
    spend()
    ended = audit()
    assert ended.returncode == 0, ended
    assert ended.stdout.startswith("3 rows, 1 daily sums, 1 accounts and 1 holds checked")
    assert "no differences" in ended.stdout


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("UPDATE accounts SET spent_usd = spent_usd + 0.01", "counters are not the sum"),
        ("UPDATE accounts SET month_spent_usd = month_spent_usd - 0.01", "counters are not the sum"),
        ("UPDATE accounts SET held_usd = held_usd + 0.01", "counters are not the sum"),
        ("UPDATE accounts SET last_number = last_number + 1", "numbered without gaps"),
        ("UPDATE ledger_days SET amount_usd = amount_usd + 0.000000000001", "day's sum is not"),
        ("UPDATE ledger_days SET entries = entries + 1", "day's sum is not"),
        ("DELETE FROM ledger_days", "day's sum is not"),
        ("UPDATE ledger_months SET quantity = quantity - 1", "month's sum is not"),
        ("DELETE FROM ledger_months", "month's sum is not"),
        ("UPDATE ledger_groups SET model = 'other'", "day's sum is not"),
        ("DELETE FROM ledger_rows WHERE number = 3", "counters are not the sum"),
        ("UPDATE ledger_forms SET price_ids = '{price_x}'", "not computed from the price"),
        ("UPDATE ledger_rows SET corrects = 1, quantities = '{-1}', reason = 'x' WHERE number = 3",
         "does not take back"),
    ],
)  # fmt: skip
def test_a_cent_out_of_place_is_found(tampered: psycopg.Connection, change: str, complaint: str) -> None:
    spend()
    tampered.execute(change)
    with transaction() as session:
        begin(session)
        found = [str(finding) for finding in findings(session)]
    assert [line for line in found if complaint in line], found


def adjust_a_flagged_charge() -> None:
    """Flag a charge and adjust it to a smaller amount."""
    with transaction() as session:
        one = team(session, limit_usd="5")
        settle(
            session, team_id=one, subject_id="a", charges=[_priced("a", review=Review("uncertain", "lost"))]
        )
        review = session.scalars(select(CostReview)).one()
        adjust_to(session, review, Decimal("0.0000001"), resolved_by="key_1", note="as billed")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("SELECT 1", None),
        ("DELETE FROM cost_reviews", "flagged row and its review"),
        ("UPDATE cost_reviews SET state = 'implausible'", "flagged row and its review"),
        ("UPDATE cost_reviews SET number = 7", "flagged row and its review"),
        ("UPDATE cost_reviews SET adjusted_usd = adjusted_usd * 2", "review's adjustment was not booked"),
        ("DELETE FROM cost_adjustments", "adjustment and its record"),
        ("UPDATE cost_adjustments SET id = 'adj_x'", "adjustment and its record"),
    ],
)
def test_a_review_or_adjustment_that_does_not_match_its_row_is_found(
    tampered: psycopg.Connection, change: str, complaint: str | None
) -> None:
    adjust_a_flagged_charge()
    tampered.execute(change.encode())
    with transaction() as session:
        begin(session)
        found = [str(finding) for finding in findings(session)]
    assert [line for line in found if complaint and complaint in line] or (found, complaint) == ([], None), (
        found
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("SELECT 1", None),
        ("UPDATE accounts SET spent_usd = spent_usd + 0.01 WHERE scope = 'key'", "counters are not the sum"),
        ("UPDATE accounts SET spent_usd = spent_usd + 0.01 WHERE scope = 'job'", "counters are not the sum"),
    ],
)
def test_a_cent_out_of_place_in_a_limit_is_found(
    tampered: psycopg.Connection, change: str, complaint: str | None
) -> None:
    limited()
    tampered.execute(change.encode())
    with transaction() as session:
        begin(session)
        found = [str(finding) for finding in findings(session)]
    assert [complaint in line for line in found] == ([True] if complaint else [])


def test_the_command_tells_what_does_not_agree_and_exits_1(tampered: psycopg.Connection) -> None:
    spend()
    limited()
    tampered.execute("UPDATE accounts SET spent_usd = spent_usd + 0.01 WHERE scope = 'key'")
    tampered.execute("UPDATE ledger_days SET amount_usd = amount_usd - 0.01")
    tampered.execute("UPDATE holds SET expires_at = NULL")
    ended = audit()
    assert ended.returncode == 1
    assert "counters are not the sum of its rows" in ended.stdout
    assert "a day's sum is not the sum of its rows" in ended.stdout
    assert "hold without unfinished work" in ended.stdout
    assert ended.returncode == 1


def test_a_database_that_is_away_is_told_in_one_line() -> None:
    command = [sys.executable, "-m", "service.cli", "audit-ledger"]
    nowhere = {"TUNEHOUSE_DATABASE_URL": "postgresql+psycopg://localhost:1/nowhere"}
    ended = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60, env=dict(os.environ) | nowhere
    )
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
