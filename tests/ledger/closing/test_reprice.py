"""Repricing: a dry run, then exact reversals and new charges. Closed months do not change."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from service.catalog.price import PriceKind
from service.catalog.prices import Price, price_at
from service.core.db import transaction
from service.errors import InvalidRequest
from service.ledger.actions import settle
from service.ledger.audit import findings
from service.ledger.closing.months import close_month, month_named
from service.ledger.queries import budget_view, cost_of_job
from service.ledger.reports.costs import CostScope, cost_report
from service.ledger.rollups.sums import roll_up
from tests.ledger.make import charge
from tests.support.service import Service, TeamHandle

NOW = datetime.now(UTC)
THIS_MONTH = f"{NOW:%Y-%m}"
LAST_MONTH_DAY = NOW.replace(day=1, hour=12, minute=0, second=0) - timedelta(days=3)
LAST_MONTH = f"{LAST_MONTH_DAY:%Y-%m}"
KIND = PriceKind.OUTPUT_TOKENS


def shipped() -> Price:
    """$1.20 per million."""
    with transaction() as session:
        return price_at(session, provider_kind="trainer", model="ft:sandbox-mini", kind=KIND)


def new_price(service: Service, usd: str) -> str:
    """Add a second price, from the far future on so that nothing else uses it. Returns its id."""
    body = {
        "provider_kind": "trainer",
        "model": "ft:sandbox-mini",
        "kind": KIND.value,
        "unit": "tokens",
        "unit_quantity": 1_000_000,
        "amount_usd": usd,
        "effective_from": int(NOW.timestamp()) + 10**9 + new_price.calls,  # type: ignore[attr-defined]
        "source": "a later contract",
    }
    new_price.calls += 1  # type: ignore[attr-defined]
    made = service.admin.post("/v1/prices", json=body)
    assert made.status_code == 200, made.text
    return str(made.json()["id"])


new_price.calls = int(NOW.timestamp() * 1000) % 10**8  # type: ignore[attr-defined]


def spend(team: TeamHandle, key: str, when: datetime = NOW, **fields: Any) -> None:
    """A charge for a million tokens, $1.20."""
    made = charge(key, 1_000_000, price=shipped(), occurred_at=when, model="ft:x", **fields)
    with transaction() as session:
        settle(session, team_id=team.id, subject_id=key, charges=[made])


def ask(price_id: str, **changes: Any) -> dict[str, Any]:
    """A repricing of the last forty days."""
    start, end = int((NOW - timedelta(days=40)).timestamp()), int(NOW.timestamp()) + 60
    return {"price_id": price_id, "start_time": start, "end_time": end, "reason": "contract"} | changes


def reprice(service: Service, price_id: str, **changes: Any) -> dict[str, Any]:
    """Do a dry run and return its answer."""
    dry = service.admin.post("/v1/prices/reprice", json=ask(price_id, **changes)).json()
    done = service.admin.post("/v1/prices/reprice", json=ask(price_id, confirm=dry["confirm"], **changes))
    assert done.status_code == 200, done.text
    assert done.json() | {"dry_run": True} == dry
    answer: dict[str, Any] = done.json()
    return answer


def spent(team: TeamHandle) -> Decimal:
    """The spending that the team's budget counts."""
    with transaction() as session:
        return budget_view(session, team.id).spent_usd


def assert_in_order() -> None:
    """Check that the audit finds nothing."""
    with transaction() as session:
        assert not [str(finding) for finding in findings(session)]


def test_a_dry_run_changes_nothing_and_says_everything(service: Service) -> None:
    team = service.make_team()
    spend(team, "a")
    spend(team, "b")
    dry = service.admin.post("/v1/prices/reprice", json=ask(new_price(service, "2"))).json()
    assert dry["dry_run"]
    assert (dry["entries"], dry["old_usd"], dry["new_usd"], dry["difference_usd"]) == (
        2,
        "2.40",
        "4.00",
        "1.60",
    )
    assert [(each["team_id"], each["closed_entries"]) for each in dry["teams"]] == [(team.id, 0)]
    assert spent(team) == Decimal("2.40")


def test_repricing_adds_rows_and_moves_every_counter(service: Service) -> None:
    team = service.make_team(budget_usd="10")
    spend(team, "a", job_id="ftjob-1")
    with transaction() as session:
        roll_up(session)
    done = reprice(service, new_price(service, "0.5"))
    assert not done["dry_run"]
    assert spent(team) == Decimal("0.50")
    with transaction() as session:
        assert cost_of_job(session, "ftjob-1") == Decimal("0.50")
        report = cost_report(session, CostScope(team.id), ["kind"])
    assert [(row["quantity"], row["amount_usd"]) for row in report.rows] == [(1_000_000, Decimal("0.5"))]
    assert_in_order()


def test_repricing_again_and_back_comes_to_the_first_amount(service: Service) -> None:
    team = service.make_team()
    spend(team, "a")
    price_id = new_price(service, "7")
    reprice(service, price_id)
    nothing = reprice(service, price_id)
    assert (nothing["entries"], spent(team)) == (0, Decimal(7))
    reprice(service, shipped().id)
    assert spent(team) == Decimal("1.20")
    assert_in_order()


def test_what_changed_since_the_dry_run_must_be_looked_at_again(service: Service) -> None:
    team = service.make_team()
    spend(team, "a")
    body = ask(new_price(service, "2"))
    dry = service.admin.post("/v1/prices/reprice", json=body).json()
    spend(team, "b")
    late = service.admin.post("/v1/prices/reprice", json=body | {"confirm": dry["confirm"]})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "plan_changed")
    assert spent(team) == Decimal("2.40")


def test_one_team_can_be_repriced_alone_and_only_by_an_admin(service: Service) -> None:
    one, two = service.make_team(), service.make_team()
    spend(one, "a")
    spend(two, "b")
    price_id = new_price(service, "2")
    assert one.http.post("/v1/prices/reprice", json=ask(price_id)).status_code == 403
    reprice(service, price_id, team_id=one.id)
    assert (spent(one), spent(two)) == (Decimal(2), Decimal("1.20"))


@pytest.mark.parametrize(
    ("changes", "status"), [({"price_id": "price_nowhere"}, 404), ({"end_time": 5, "start_time": 5}, 400)]
)
def test_a_repricing_that_makes_no_sense_is_refused(
    service: Service, changes: dict[str, Any], status: int
) -> None:
    body = ask(**({"price_id": "x"} | changes))
    assert service.admin.post("/v1/prices/reprice", json=body).status_code == status


def test_a_closed_month_stays_as_it_is_and_is_adjusted_in_the_open_one(service: Service) -> None:
    team = service.make_team()
    spend(team, "then", LAST_MONTH_DAY)
    closed = service.admin.post("/v1/costs/close", json={"month": LAST_MONTH})
    assert closed.json() == {"object": "month.close", "month": LAST_MONTH, "teams": 1}
    path = "/v1/costs/statement"
    before = team.http.get(path, params={"month": LAST_MONTH}).json()
    assert (before["data"][0]["status"], before["total_usd"]) == ("closed", "1.20")
    assert spent(team) == 0
    done = reprice(service, new_price(service, "2"))
    assert done["teams"][0]["closed_entries"] == 1
    spend(team, "late", LAST_MONTH_DAY)
    assert team.http.get(path, params={"month": LAST_MONTH}).json() == before
    (now,) = team.http.get(path, params={"month": THIS_MONTH}).json()["data"]
    assert (now["status"], now["adjustments_usd"], now["inference_usd"], now["total_usd"]) == (
        "open",
        "0.80",
        "1.20",
        "2.00",
    )
    # The correction is for the closed month, so it does not count against this month's budget.
    assert spent(team) == Decimal("1.20")
    assert_in_order()


def test_a_month_that_is_not_over_is_not_closed(service: Service) -> None:
    with transaction() as session, pytest.raises(InvalidRequest):
        close_month(session, month_named(THIS_MONTH))
    assert service.admin.post("/v1/costs/close", json={"month": THIS_MONTH}).status_code == 400
    assert service.make_team().http.post("/v1/costs/close", json={"month": LAST_MONTH}).status_code == 403


@pytest.mark.parametrize("name", ["2026-13", "2026-1", "1999-01", "November", "2026-11-01"])
def test_a_month_is_named_one_way(name: str) -> None:
    with pytest.raises(InvalidRequest):
        month_named(name)


def test_december_ends_with_the_year() -> None:
    assert month_named("2026-12").end == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_team_sees_its_own_statement_and_an_admin_all(service: Service) -> None:
    one, two = service.make_team(), service.make_team()
    spend(one, "a")
    spend(two, "b")
    path = f"/v1/costs/statement?month={THIS_MONTH}"
    own = one.http.get(path).json()
    assert [each["team_id"] for each in own["data"]] == [one.id]
    everything = service.admin.get(path).json()
    assert {each["team_id"] for each in everything["data"]} == {one.id, two.id}
    assert everything["total_usd"] == "2.40"
    empty = service.make_team().http.get(path).json()
    assert (empty["data"][0]["lines"], empty["total_usd"]) == ([], "0.00")
    rows = list(csv.DictReader(io.StringIO(one.http.get(f"{path}&format=csv").text)))
    assert [(row["team_id"], row["section"], row["price_usd"], row["amount_usd"]) for row in rows] == [
        (one.id, "inference", "1.20", "1.20")
    ]
