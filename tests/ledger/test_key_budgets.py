"""Budgets of single keys, and forecasts."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from service.core.db import transaction
from service.errors import BudgetExceeded
from service.events.queries import list_events
from service.ledger.actions import place_hold, settle
from service.ledger.audit import findings
from service.ledger.charges import BudgetView
from service.ledger.closing.months import month_named
from service.ledger.reports.forecast import forecast, pace
from tests.ledger.make import charge
from tests.support.service import Service, TeamHandle

NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
NOVEMBER = month_named("2026-11")


def key_of(team: TeamHandle) -> str:
    """The id of the team's only key."""
    found: str = team.http.get("/v1/me").json()["key_id"]
    return found


def hold(team: TeamHandle, subject: str, amount_usd: str, key_id: str) -> None:
    """Reserve money for a request made with a key."""
    with transaction() as session:
        amount = Decimal(amount_usd)
        place_hold(session, team_id=team.id, subject_id=subject, amount_usd=amount, key_id=key_id)


def test_a_key_with_a_limit_is_refused_alone_and_what_it_spent_before_counts(service: Service) -> None:
    team = service.make_team(budget_usd="100")
    key_id = key_of(team)
    with transaction() as session:
        before = charge("a", key_id=key_id)
        settle(session, team_id=team.id, subject_id="a", charges=[before])
    hold(team, "b", "0.30", key_id)
    path = f"/v1/teams/{team.id}/keys/{key_id}/budget"
    set_ = team.http.put(path, json={"limit_usd": "0.50", "thresholds": [20, 100]}).json()
    assert (set_["key_id"], set_["spent_usd"], set_["held_usd"], set_["remaining_usd"]) == (
        key_id,
        "0.10",
        "0.30",
        "0.10",
    )
    with pytest.raises(BudgetExceeded) as refused:
        hold(team, "c", "0.11", key_id)
    assert refused.value.param == "key"
    hold(team, "d", "0.11", "key_other")
    assert team.http.get("/v1/me").json()["key_budget"]["remaining_usd"] == "0.10"
    with transaction() as session:
        events = list_events(session, team.id, key_id, after=None, limit=10).rows
        settle(session, team_id=team.id, subject_id="b", charges=[charge("b", 40_000, key_id=key_id)])
        later = list_events(session, team.id, key_id, after=None, limit=10).rows
        wrong = [each for each in findings(session) if "price" not in each.check]
    assert [event.data["threshold"] for event in events] == [20]
    assert [event.data["threshold"] for event in later] == [100, 20]
    assert not wrong


def test_a_key_without_a_limit_has_none(service: Service) -> None:
    team = service.make_team()
    key_id = key_of(team)
    budget = team.http.get(f"/v1/teams/{team.id}/keys/{key_id}/budget").json()
    assert (budget["key_id"], budget["limit_usd"], budget["spent_usd"]) == (key_id, None, "0.00")


def test_another_teams_key_does_not_exist(service: Service) -> None:
    one, two = service.make_team(), service.make_team()
    for team_id, key_id in ((one.id, key_of(one)), (two.id, key_of(one))):
        path = f"/v1/teams/{team_id}/keys/{key_id}/budget"
        assert two.http.get(path).status_code == 404
        assert two.http.put(path, json={"limit_usd": "1"}).status_code == 404


def test_only_a_manager_sets_a_keys_limit(service: Service) -> None:
    team = service.make_team(scopes=["read", "infer"])
    path = f"/v1/teams/{team.id}/keys/{key_of(team)}/budget"
    assert team.http.put(path, json={"limit_usd": "1"}).status_code == 403
    assert service.admin.put(path, json={"limit_usd": "1"}).status_code == 200


def view(limit: str | None, spent: str, period: str = "month") -> BudgetView:
    """A budget without holds."""
    limit_usd = None if limit is None else Decimal(limit)
    return BudgetView("a", "team", limit_usd, period, "2026-11", Decimal(spent), Decimal(0), ())


def test_a_month_ends_at_what_is_spent_and_the_pace_of_the_days_left() -> None:
    ahead = forecast(view("100", "31"), Decimal(2), NOVEMBER, NOON)
    assert (ahead.period_end_usd, ahead.exhausted_at) == (Decimal(60), None)


def test_a_limit_that_will_not_last_is_told_with_its_day() -> None:
    ahead = forecast(view("40", "31"), Decimal(2), NOVEMBER, NOON)
    assert ahead.exhausted_at == NOON + timedelta(days=4.5)


def test_what_is_used_up_is_used_up_now_and_without_a_limit_never() -> None:
    assert forecast(view("40", "41"), Decimal(2), NOVEMBER, NOON).exhausted_at == NOON
    assert forecast(view(None, "41"), Decimal(2), NOVEMBER, NOON).exhausted_at is None
    assert forecast(view("40", "1"), Decimal(0), NOVEMBER, NOON).exhausted_at is None


def test_a_total_budget_has_no_period_and_lasts_beyond_the_month() -> None:
    ahead = forecast(view("100", "0", "total"), Decimal(1), NOVEMBER, NOON)
    assert (ahead.period_end_usd, ahead.exhausted_at) == (None, NOON + timedelta(days=100))


@pytest.mark.parametrize(("age_days", "expected"), [(None, "1"), (30, "1"), (7, "1"), (2, "3.5"), (0.1, "7")])
def test_the_pace_is_that_of_a_week_or_of_the_days_there_are(age_days: float | None, expected: str) -> None:
    first_at = None if age_days is None else NOON - timedelta(days=age_days)
    assert pace(Decimal(7), first_at, NOON) == Decimal(expected)
