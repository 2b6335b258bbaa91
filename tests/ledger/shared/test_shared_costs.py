"""A bill that teams share is divided by their use, once, when its month closes."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.catalog.price import PriceKind
from service.core import clock
from service.core.db import transaction
from service.errors import InvalidRequest
from service.ledger.actions import settle
from service.ledger.audit import begin, findings
from service.ledger.closing.months import Month, close_month, month_named, present_month
from service.ledger.closing.statement import statements
from service.ledger.departments.actions import create_department
from service.ledger.departments.tables import TeamAllocation
from service.ledger.queries import budget_view, forecast_of
from service.ledger.reports.costs import CostScope, cost_report
from service.ledger.rollups.sums import roll_up
from service.ledger.shared.actions import book_until, create_rule, end_rule
from service.ledger.shared.queries import amount_in, shares_in
from service.ledger.shared.tables import SharedCostRule
from service.ledger.tables import Entry
from service.teams.tables import Team
from tests.ledger.make import charge, price, team
from tests.support.service import Service

LAST = month_named(f"{present_month().start - timedelta(days=1):%Y-%m}")
BEFORE = month_named(f"{LAST.start - timedelta(days=1):%Y-%m}")
HOURS = Decimal((LAST.end - LAST.start).total_seconds()) / 3600


def old_team(session: Session) -> str:
    """A team that existed before the months of these tests."""
    one = team(session)
    session.execute(update(Team).where(Team.id == one).values(created_at=BEFORE.start))
    return one


def use(session: Session, who: str, key: str, tokens: int, day: int = 10, **fields: object) -> None:
    moment = LAST.start + timedelta(days=day - 1, hours=12)
    settle(session, team_id=who, subject_id=key, charges=[charge(key, tokens, occurred_at=moment, **fields)])


def hosting(owner: str, **fields: object) -> SharedCostRule:
    values: dict[str, object] = {
        "name": "Hosting",
        "amount_usd": Decimal("1.70"),
        "per": "hour",
        "by": "tokens",
        "default_team_id": owner,
        "base_model": "sandbox-mini",
        "effective_from": LAST.start,
    }
    return SharedCostRule(**(values | fields))


def wrong() -> list[str]:
    """What the audit finds, except for the tests' own prices."""
    with transaction() as session:
        begin(session)
        return [str(one) for one in findings(session) if "the price it names" not in one.check]


@pytest.mark.usefixtures("database")
def test_hosting_is_divided_by_tokens_and_cost_center_and_stated_apart() -> None:
    with transaction() as session:
        owner, one, two = (old_team(session) for _ in range(3))
        department = create_department(session, "Research").id
        moved = LAST.start + timedelta(days=14)
        for moment, center in ((LAST.start, "cc-1"), (moved, "cc-2")):
            session.add(
                TeamAllocation(
                    team_id=one,
                    effective_from=moment,
                    department_id=department,
                    cost_center=center,
                    created_at=clock.now(),
                )
            )
        session.flush()
        create_rule(session, hosting(owner), created_by="key_admin")
        use(session, one, "a", 1_000, day=10)
        use(session, one, "b", 2_000, day=20)
        use(session, two, "c", 4_000)
        use(session, two, "other", 9_000, base_model="sandbox-large")
        use(session, two, "training", 9_000, kind=PriceKind.TRAINING_TOKENS)
        roll_up(session)
        assert [book_until(session, LAST), book_until(session, LAST)] == [1, 0]
        total = Decimal("1.70") * HOURS
        found = {
            (row["team_id"], row["department_id"], row["cost_center"]): row["amount_usd"]
            for row in cost_report(
                session, CostScope(None, LAST.start, LAST.end), ["team", "department", "cost_center", "kind"]
            ).rows
            if row["kind"] == "shared_cost"
        }
        parts = {
            (one, department, "cc-1"): total / 7,
            (one, department, "cc-2"): total * 2 / 7,
            (two, None, None): total * 4 / 7,
        }
        assert found.keys() == parts.keys()
        assert sum(found.values()) == total
        for key, part in parts.items():
            assert abs(found[key] - part) < Decimal("0.000001")
        (stated,) = statements(session, LAST, two)
        assert stated.section_usd("shared") == found[two, None, None]
        lines = [line for line in stated.lines if line["section"] == "shared"]
        assert [line["description"] for line in lines] == ["Hosting"]
        assert budget_view(session, two).spent_usd == 0, "last month's bill is not in this month's budget"
        assert forecast_of(session, budget_view(session, two), two).usd_per_day >= 0
    assert wrong() == []


@pytest.mark.usefixtures("database")
def test_a_month_without_use_is_paid_by_the_default_team() -> None:
    with transaction() as session:
        owner, other = old_team(session), old_team(session)
        create_rule(session, hosting(owner), created_by="key_admin")
        use(session, other, "elsewhere", 5_000, base_model="sandbox-large")
        book_until(session, LAST)
        booked = session.execute(
            select(Entry.team_id, Entry.amount_usd).where(Entry.kind == "shared_cost")
        ).all()
        assert [tuple(row) for row in booked] == [(owner, Decimal("1.70") * HOURS)]
    assert wrong() == []


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("by", "shares"),
    [
        ("tokens", ["30", "10"]),
        ("requests", ["20", "20"]),
        ("cost", ["24", "16"]),
        ("hours", ["40"]),
    ],
)
def test_use_is_measured_as_the_rule_says(by: str, shares: list[str]) -> None:
    """One team has 3,000 tokens for $0.03, the other 1,000 for $0.01 and an hour of training for $0.01."""
    with transaction() as session:
        one, two = old_team(session), old_team(session)
        kind = PriceKind.INPUT_TOKENS
        use(session, one, "a", 3_000, kind=kind)
        use(session, two, "b", 1_000, kind=kind)
        hours = PriceKind.TRAINING_HOURS
        cheap = charge("h", 1, kind=hours, price=price(hours, "0.01"), occurred_at=LAST.start)
        settle(session, team_id=two, subject_id="h", charges=[cheap])
        rule = create_rule(
            session,
            hosting(one, by=by, per="month", amount_usd=Decimal(40), base_model=None),
            created_by="key_admin",
        )
        found = [share.amount_usd for share in shares_in(session, rule, LAST)]
        assert found == [Decimal(share) for share in shares]
        session.rollback()


@pytest.mark.usefixtures("database")
def test_a_bill_counts_from_its_beginning_to_its_end_and_never_in_closed_months() -> None:
    with transaction() as session:
        owner = old_team(session)
        half = LAST.start + (LAST.end - LAST.start) / 2
        rule = create_rule(
            session,
            hosting(owner, per="month", amount_usd=Decimal(10), effective_from=half),
            created_by="key_admin",
        )
        assert amount_in(rule, LAST) == 5
        assert amount_in(rule, BEFORE) == 0
        end_rule(rule)
        this = present_month()
        elapsed = Decimal((rule.ended_at - this.start).total_seconds())  # type: ignore[operator]
        due = 10 * elapsed / Decimal((this.end - this.start).total_seconds())
        assert abs(amount_in(rule, this) - due) < Decimal("0.00001")
        assert amount_in(rule, _after(this)) == 0
        book_until(session, LAST)
        close_month(session, LAST)
        with pytest.raises(InvalidRequest, match="closed month"):
            create_rule(session, hosting(owner), created_by="key_admin")
        session.rollback()


def _after(month: Month) -> Month:
    return month_named(f"{month.end:%Y-%m}")


def test_shared_costs_are_managed_over_http_by_admins_and_booked_when_the_month_closes(
    service: Service,
) -> None:
    one = service.make_team()
    body = {
        "name": "Hosting <b>",
        "amount_usd": "744",
        "per": "month",
        "by": "tokens",
        "default_team_id": one.id,
        "effective_from": int(LAST.start.timestamp()),
    }
    made = service.admin.post("/v1/costs/shared", json=body).json()
    path = f"/v1/costs/shared/{made['id']}"
    assert one.http.get(path).status_code == 403
    before = service.admin.get(f"{path}/shares", params={"month": LAST.name}).json()
    assert (before["status"], before["amount_usd"]) == ("provisional", "744.00")
    assert service.admin.post("/v1/costs/close", json={"month": LAST.name}).status_code == 200
    after = service.admin.get(f"{path}/shares", params={"month": LAST.name}).json()
    assert after == before | {"status": "booked"}
    assert [(row["team_id"], row["team_name"] is not None) for row in after["data"]] == [(one.id, True)]
    statement = {"params": {"month": LAST.name}, "headers": {"Accept": "text/html"}}
    page = one.http.get("/v1/costs/statement", **statement)
    assert "Hosting &lt;b&gt;" in page.text
    assert page.text.count("<script") == 0
    policy = page.headers["content-security-policy"]
    assert "style-src 'sha256-" in policy
    assert "unsafe" not in policy
    assert service.admin.post(f"{path}/end").json()["ended_at"]
    assert service.admin.post(f"{path}/end").json()["error"]["code"] == "shared_cost_ended"
    assert [row["id"] for row in service.admin.get("/v1/costs/shared").json()["data"]] == [made["id"]]
