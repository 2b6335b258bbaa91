"""Adjustments: listed separately, and left out of forecasts and, for earlier months, of budgets."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from service.catalog.price import PriceKind
from service.core import clock
from service.core.db import transaction
from service.errors import InvalidRequest, NotFound
from service.ledger.actions import settle
from service.ledger.adjustments.actions import NewAdjustment, adjust
from service.ledger.audit import begin, findings
from service.ledger.closing.months import close_month, month_named, present_month
from service.ledger.closing.statement import statements
from service.ledger.queries import budget_view, forecast_of
from service.ledger.reports.costs import CostScope, cost_report
from service.ledger.reports.focus import focus_rows
from service.ledger.tables import Entry
from tests.ledger.make import charge, team
from tests.support.service import Service


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("amount", "earlier", "asked", "spent"),
    [
        ("702", True, False, "7"),
        ("-738", True, False, "7"),
        ("702", True, True, "709"),
        ("1", False, False, "8"),
    ],
)
def test_a_correction_of_an_earlier_month_moves_neither_forecast_nor_budget_unless_asked(
    amount: str, earlier: bool, asked: bool, spent: str
) -> None:
    before = present_month().start - timedelta(days=1)
    with transaction() as session:
        one = team(session, limit_usd="1000")
        close_month(session, month_named(f"{before:%Y-%m}"))
        settle(session, team_id=one, subject_id="a", charges=[charge("a", 700_000)])
        pace = forecast_of(session, budget_view(session, one), one).usd_per_day
        new = NewAdjustment(
            one, Decimal(amount), "a bill", occurred_at=before if earlier else None, in_month_budget=asked
        )
        adjust(session, new, created_by="key_admin")
        view = budget_view(session, one)
        assert view.spent_usd == Decimal(spent)
        assert forecast_of(session, view, one).usd_per_day == pace
        (statement,) = statements(session, present_month(), one)
        assert statement.section_usd("adjustments") == Decimal(amount)
        assert cost_report(session, CostScope(one), ["kind"]).total_usd == 7 + Decimal(amount)
        adjusted = [
            row for row in focus_rows(session, CostScope(one)) if row["ChargeCategory"] == "Adjustment"
        ]
        assert [Decimal(row["BilledCost"]) for row in adjusted] == [Decimal(amount)]
    with transaction() as session:
        begin(session)
        assert [str(one) for one in findings(session) if "the price it names" not in one.check] == []


@pytest.mark.usefixtures("database")
def test_an_adjustment_of_an_entry_is_of_its_job_key_and_month() -> None:
    with transaction() as session:
        one = team(session)
        used = charge("a", kind=PriceKind.TRAINING_TOKENS, job_id="ftjob-1", key_id="key_1")
        settle(session, team_id=one, subject_id="ftjob-1", charges=[used])
        adjust(session, NewAdjustment(one, Decimal("-0.05"), "goodwill", 1), created_by="key_admin")
        first, second = session.scalars(select(Entry).order_by(Entry.number)).all()
        assert (second.job_id, second.key_id, second.corrects) == ("ftjob-1", "key_1", 1)
        assert second.occurred_at == first.occurred_at
        with pytest.raises(NotFound):
            adjust(session, NewAdjustment(one, Decimal(1), "x", 9), created_by="key_admin")
        with pytest.raises(InvalidRequest):
            adjust(session, NewAdjustment(one, Decimal(0), "x"), created_by="key_admin")
        later = clock.now() + timedelta(days=1)
        with pytest.raises(InvalidRequest):
            adjust(session, NewAdjustment(one, Decimal(1), "x", occurred_at=later), created_by="key_admin")


def test_admins_book_and_list_adjustments_over_http_and_teams_may_not(service: Service) -> None:
    team = service.make_team()
    body = {"team_id": team.id, "amount_usd": "-12.50", "reason": "a credit note"}
    made = service.admin.post("/v1/costs/adjustments", json=body)
    listed = service.admin.get("/v1/costs/adjustments", params={"team_id": team.id}).json()["data"]
    assert made.status_code == 200, made.text
    assert (made.json()["amount_usd"], made.json()["entry_number"]) == ("-12.50", None)
    assert listed == [made.json()]
    assert team.http.get("/v1/costs").json()["total_usd"] == "-12.50"
    assert team.http.post("/v1/costs/adjustments", json=body).status_code == 403
    unknown = service.admin.post("/v1/costs/adjustments", json=body | {"team_id": "team_x"})
    assert unknown.status_code == 404


def test_a_statement_says_why_an_adjustment_was_booked_and_of_which_entry(service: Service) -> None:
    team = service.make_team()
    with transaction() as session:
        settle(session, team_id=team.id, subject_id="a", charges=[charge("a")])
    for changes in ({"reason": "a credit note"}, {"reason": "billed twice", "entry_number": 1}):
        body = {"team_id": team.id, "amount_usd": "-0.05"} | changes
        assert service.admin.post("/v1/costs/adjustments", json=body).status_code == 200
    month = f"{clock.now():%Y-%m}"
    lines = team.http.get("/v1/costs/statement", params={"month": month}).json()["data"][0]["lines"]
    seen = {line["reason"]: (line["section"], line["entry_number"], line["amount_usd"]) for line in lines}
    assert seen == {
        None: ("inference", None, "0.10"),
        "a credit note": ("adjustments", None, "-0.05"),
        "billed twice": ("adjustments", 1, "-0.05"),
    }
    page = team.http.get("/v1/costs/statement", params={"month": month, "format": "html"}).text
    assert "Adjustment: billed twice (entry 1)" in page
