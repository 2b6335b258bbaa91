"""A key's first budget, set while the key is in use."""

import threading
from decimal import Decimal

import pytest
from sqlalchemy import text

from service.core.db import transaction
from service.ledger.actions import place_hold
from service.ledger.budgets.actions import set_budget
from tests.ledger.make import team
from tests.support.waiting import wait_until

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def hold(team_id: str) -> None:
    with transaction() as session:
        place_hold(session, team_id=team_id, subject_id="work", amount_usd=Decimal(2), key_id="key_1")


def is_waiting() -> bool:
    with transaction() as session:
        return session.scalar(_WAITING) == 1


@pytest.mark.usefixtures("database")
def test_a_hold_that_waits_for_the_opening_of_its_keys_account_counts_in_it() -> None:
    with transaction() as session:
        team_id = team(session, limit_usd="10")
    holding = threading.Thread(target=hold, args=(team_id,))
    with transaction() as session:
        set_budget(session, team_id, limit_usd=Decimal(5), scope="key", account_id="key_1")
        holding.start()
        wait_until(is_waiting)
    holding.join()
    with transaction() as session:
        held = session.execute(
            text("SELECT id, held_usd FROM accounts WHERE team_id = :team"), {"team": team_id}
        )
        assert {row.id: row.held_usd for row in held} == {team_id: 2, "key_1": 2}
