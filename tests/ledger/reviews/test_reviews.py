"""Charges with an implausible or uncertain quantity are booked, flagged, and resolved once by an admin."""

from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from service.core.db import transaction
from service.events.tables import Event
from service.events.types import EventType
from service.ledger import rows
from service.ledger.actions import settle
from service.ledger.audit import begin, findings
from service.ledger.charges import Charge, Review, Settlement
from service.ledger.queries import budget_view
from service.ledger.reviews.actions import accept, adjust_to
from service.ledger.reviews.tables import CostReview
from service.ledger.tables import Entry
from tests.ledger.make import charge, team
from tests.support.service import Service

CLAIMED = 2**53 - 1
IMPLAUSIBLE = Review("implausible", "the provider reported more tokens than were sent", CLAIMED, 10_000)


def flagged(unique_key: str, review: Review = IMPLAUSIBLE) -> Charge:
    return charge(unique_key, 10_000, review=review)


@pytest.mark.usefixtures("database")
def test_a_flagged_charge_is_booked_listed_and_announced_once_however_often_it_is_settled() -> None:
    with transaction() as session:
        one = team(session)
        for _ in range(2):
            settle(session, team_id=one, subject_id="req_1", charges=[flagged("a"), charge("b")])
        states = session.scalars(select(Entry.state).order_by(Entry.number)).all()
        (listed,) = session.scalars(select(CostReview)).all()
        (told,) = session.scalars(select(Event).where(Event.type == EventType.COST_FLAGGED)).all()
    assert states == ["implausible", None]
    assert (listed.number, listed.claimed, listed.bound) == (1, CLAIMED, 10_000)
    assert (told.subject_id, told.level, told.data["amount_usd"]) == (listed.id, "warn", "0.10")


@pytest.mark.usefixtures("database")
def test_a_settlement_without_a_transaction_refuses_what_needs_an_event() -> None:
    with transaction() as session:
        one = team(session)
    subjects, charges, _ = rows.of_settlements([Settlement(one, "req_1", [flagged("a")])])
    values = {"subjects": subjects.decode(), "charges": charges.decode()}
    statement = text("SELECT FROM ledger_settle(CAST(:subjects AS jsonb), CAST(:charges AS jsonb), false)")
    with transaction() as session, pytest.raises(IntegrityError, match="needs an event"):
        session.execute(statement, values)


@pytest.mark.usefixtures("database")
def test_adjusting_books_the_difference_to_the_last_digit_and_the_books_still_agree() -> None:
    with transaction() as session:
        one = team(session, limit_usd="5")
        odd = charge("a", 7, review=Review("uncertain", "the connection was lost", bound=7))
        settle(session, team_id=one, subject_id="req_1", charges=[odd, flagged("b")])
        first, second = session.scalars(select(CostReview).order_by(CostReview.number)).all()
        adjust_to(session, first, Decimal("0.000001"), resolved_by="key_admin", note="the upstream's bill")
        accept(session, second, resolved_by="key_admin")
        assert odd.amount_usd == Decimal("0.00007")
        assert first.adjusted_usd == Decimal("-0.000069")
        assert budget_view(session, one).spent_usd == Decimal("0.100001")
    with transaction() as session:
        begin(session)
        assert [str(one) for one in findings(session) if "the price it names" not in one.check] == []


def test_an_admin_lists_and_resolves_reviews_over_http_and_a_team_may_not(service: Service) -> None:
    team = service.make_team()
    with transaction() as session:
        settle(session, team_id=team.id, subject_id="req_1", charges=[flagged(f"{team.id}:x")])
    asked = {"status": "waiting", "team_id": team.id}
    (waiting,) = service.admin.get("/v1/costs/review", params=asked).json()["data"]
    path = f"/v1/costs/review/{waiting['id']}"
    name = service.admin.get(f"/v1/teams/{team.id}").json()["name"]
    assert (waiting["team_id"], waiting["team_name"]) == (team.id, name)
    refused = service.admin.post(path, json={"action": "adjust"})
    done = service.admin.post(path, json={"action": "adjust", "amount_usd": "0.02", "reason": "their bill"})
    again = service.admin.post(path, json={"action": "accept"})
    assert (waiting["claimed"], waiting["bound"], waiting["amount_usd"]) == (str(CLAIMED), "10000", "0.10")
    assert refused.status_code == 400
    assert (done.json()["status"], done.json()["adjusted_usd"]) == ("adjusted", "-0.08")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "review_resolved")
    assert service.admin.get("/v1/costs/review", params=asked).json()["data"] == []
    assert team.http.get("/v1/costs/review").status_code == 403
