"""A budget is never exceeded, however many processes place holds at once."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from service.core.db import transaction
from service.ledger.actions import place_hold, release_hold
from service.ledger.queries import budget_view
from service.ledger.tables import Entry, HoldRow
from tests.ledger.make import team

ROOT = Path(__file__).parents[2]
PROCESSES = 4
THREADS = 8


def race(team_id: str, asks: int) -> int:
    """Place `asks` holds from four processes at once, and return how many were granted."""
    racers = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.ledger.race",
                team_id,
                f"p{n}",
                str(asks // PROCESSES),
                str(THREADS),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(PROCESSES)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    granted = [racer.communicate("go\n", timeout=60)[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * PROCESSES
    return sum(int(count) for count in granted)


@pytest.mark.usefixtures("database")
def test_of_a_thousand_dimes_asked_for_at_once_five_dollars_grant_fifty() -> None:
    with transaction() as session:
        one = team(session, limit_usd="5.00")
    assert race(one, 1000) == 50
    with transaction() as session:
        view = budget_view(session, one)
        held = session.scalar(select(func.sum(HoldRow.amount_usd)))
        spent = session.scalar(select(func.sum(Entry.amount_usd)))
    assert view.remaining_usd == 0
    assert (view.held_usd, view.spent_usd) == (held, spent)


@pytest.mark.usefixtures("database")
def test_after_the_race_the_next_request_that_fits_passes() -> None:
    with transaction() as session:
        one = team(session, limit_usd="1.00")
    assert race(one, 40) == 10
    with transaction() as session:
        mine = session.scalars(select(HoldRow.subject_id)).first()
        assert mine is not None
        release_hold(session, team_id=one, subject_id=mine)
        place_hold(session, team_id=one, subject_id="next", amount_usd=Decimal("0.10"))
