"""Thresholds of budgets: on spending, holds and the forecast, and under a limit of zero."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text

from service.core import clock
from service.core.db import transaction
from service.events.tables import Event
from service.events.types import EventType
from service.gateway.metering.meter import Meter
from service.ledger.actions import place_hold, release_hold, settle
from service.ledger.budgets.actions import set_budget
from service.ledger.budgets.alerts import announce_due, budgets_with_limits
from service.ledger.rows import PLACE_QUICKLY
from service.teams.access import Caller
from tests.ledger.make import charge, team
from tests.support.service import Service

pytestmark = pytest.mark.usefixtures("database")

DOLLAR = Decimal(1)
DIME = Decimal("0.1")


def told() -> Sequence[dict[str, Any]]:
    with transaction() as session:
        events = select(Event).where(Event.type == EventType.BUDGET_THRESHOLD).order_by(Event.position)
        return [event.data for event in session.scalars(events)]


def bases() -> list[tuple[str, int]]:
    return [(data["basis"], data["threshold"]) for data in told()]


def test_a_hold_that_reaches_a_threshold_is_announced_once_and_not_as_spent() -> None:
    with transaction() as session:
        one = team(session)
        set_budget(session, one, limit_usd=DOLLAR, thresholds=[50], held_thresholds=[50, 80])
        place_hold(session, team_id=one, subject_id="a", amount_usd=Decimal("0.60"))
        release_hold(session, team_id=one, subject_id="a")
        place_hold(session, team_id=one, subject_id="b", amount_usd=Decimal("0.70"))
    (data,) = told()
    assert data == {
        "scope": "team",
        "account_id": one,
        "period": f"{clock.now():%Y-%m}",
        "basis": "held",
        "threshold": 50,
        "limit_usd": "1.00",
        "spent_usd": "0.00",
        "held_usd": "0.60",
    }


def test_a_charge_above_its_hold_reaches_thresholds_above_100_of_both_kinds() -> None:
    with transaction() as session:
        one = team(session)
        set_budget(session, one, limit_usd=DIME, thresholds=[120], held_thresholds=[90, 150])
        place_hold(session, team_id=one, subject_id="a", amount_usd=Decimal("0.09"))
        settle(session, team_id=one, subject_id="a", charges=[charge("a", quantity=15_000)])
    assert bases() == [("held", 90), ("spent", 120), ("held", 150)]


def test_a_limit_of_zero_is_announced_when_it_is_set() -> None:
    with transaction() as session:
        one = team(session)
        set_budget(session, one, limit_usd=Decimal(0), thresholds=[100, 120], held_thresholds=[80])
        set_budget(session, one, limit_usd=Decimal(0), thresholds=[100, 120], held_thresholds=[80])
    assert bases() == [("spent", 100), ("held", 80)]


def test_a_hold_placed_in_a_single_statement_does_not_cross_a_threshold_unannounced() -> None:
    ask = '[{"team_id": "%s", "subject_id": "a", "amount_usd": "0.6"}]'
    with transaction() as session:
        one, two = team(session), team(session)
        set_budget(session, one, limit_usd=DOLLAR, held_thresholds=[50])
        set_budget(session, two, limit_usd=DOLLAR, held_thresholds=[70])
    quickly = PLACE_QUICKLY.replace("$1", "CAST(:asks AS text)")
    with pytest.raises(Exception, match="a crossed threshold needs an event"), transaction() as session:
        session.execute(text(quickly), {"asks": ask % one})
    with transaction() as session:
        assert session.scalar(text(quickly), {"asks": ask % two}) is True
    assert told() == []


def test_a_request_whose_hold_reaches_a_threshold_is_let_in_and_announced() -> None:
    with transaction() as session:
        one = team(session)
        set_budget(session, one, limit_usd=DOLLAR, held_thresholds=[50])

    async def hold() -> None:
        meter = Meter(60)
        meter.start()
        try:
            await meter.hold(Caller("key_1", one, frozenset()), "a", Decimal("0.60"))
        finally:
            await meter.stop()

    asyncio.run(hold())
    assert bases() == [("held", 50)]


def test_a_forecast_above_the_limit_is_announced_once_a_period() -> None:
    with transaction() as session:
        one = team(session)
        for day in range(5):
            occurred_at = clock.now() - timedelta(days=day)
            settle(session, team_id=one, subject_id="", charges=[charge(f"a{day}", occurred_at=occurred_at)])
        set_budget(session, one, limit_usd=Decimal("0.50"), thresholds=[], forecast_thresholds=[100, 1000])
        assert budgets_with_limits(session) == [one]
        assert announce_due(session, one) == 0
    (data,) = told()
    assert (data["basis"], data["threshold"]) == ("forecast", 100)
    assert Decimal(data["forecast_usd"]) >= Decimal("0.50")


def test_a_month_that_begins_with_open_holds_announces_them() -> None:
    with transaction() as session:
        one = team(session)
        set_budget(session, one, limit_usd=DOLLAR, thresholds=[], held_thresholds=[50])
        place_hold(session, team_id=one, subject_id="a", amount_usd=Decimal("0.60"))
        session.execute(text("UPDATE budget_alerts SET period = '2020-01'"))
        assert announce_due(session, one) == 1
    assert bases() == [("held", 50), ("held", 50)]


def test_a_total_budget_has_no_forecast_thresholds(service: Service) -> None:
    one = service.make_team()
    body = {"limit_usd": "1", "period": "total", "forecast_thresholds": [100]}
    refused = service.admin.put(f"/v1/teams/{one.id}/budget", json=body)
    assert refused.status_code == 400
    assert "has no end to forecast" in refused.json()["error"]["message"]
