"""A process sends the forms of its charges once, and then their ids, as long as these are right."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.core.db import transaction
from service.ledger import rows
from service.ledger.actions import settle
from service.ledger.charges import Review, Settlement
from service.ledger.departments.actions import allocate, create_department
from service.ledger.forms import KnownForms
from service.ledger.tables import Entry
from tests.ledger.make import charge, team

SETTLE = text("SELECT FROM ledger_settle(CAST(:subjects AS jsonb), CAST(:charges AS jsonb), false)")


def settle_as_a_gateway(session: Session, forms: KnownForms, team_id: str, key: str) -> rows.Encoded:
    settlement = Settlement(team_id, key, [charge(key, tags={"endpoint": "v1/responses"})])
    encoded = rows.of_settlements([settlement], forms.now())
    values = {"subjects": encoded.subjects.decode(), "charges": encoded.charges.decode()}
    session.execute(SETTLE, values)
    forms.learn(session, encoded.new_forms)
    return encoded


@pytest.mark.usefixtures("database")
def test_a_charge_by_the_id_of_its_form_is_booked_like_one_with_its_whole_form() -> None:
    forms = KnownForms()
    with transaction() as session:
        one = team(session)
        first = settle_as_a_gateway(session, forms, one, "a")
        second = settle_as_a_gateway(session, forms, one, "b")
        booked = session.scalars(select(Entry).order_by(Entry.number)).all()
        seen = [(entry.model, entry.tags, entry.price_id, entry.amount_usd) for entry in booked]
    assert b'"form"' in first.charges
    assert b'"form"' not in second.charges
    assert b'"form_id"' in second.charges
    assert len(seen) == 2
    assert seen[0] == seen[1]


@pytest.mark.usefixtures("database")
def test_an_id_from_before_the_team_changed_its_cost_center_is_refused() -> None:
    forms = KnownForms()
    with transaction() as session:
        one = team(session)
        settle_as_a_gateway(session, forms, one, "a")
        allocate(session, one, department_id=create_department(session, "Research").id, cost_center="cc-1")
    with transaction() as session, pytest.raises(IntegrityError, match="another team, department or cost"):
        settle_as_a_gateway(session, forms, one, "b")
    forms.forget()
    with transaction() as session:
        settle_as_a_gateway(session, forms, one, "b")
        centers = session.scalars(select(Entry.cost_center).order_by(Entry.number)).all()
    assert centers == [None, "cc-1"]


@pytest.mark.usefixtures("database")
def test_the_form_of_an_expired_holds_charge_is_not_taken_for_that_of_a_late_settlement() -> None:
    forms = KnownForms()
    lost = Review("uncertain", "the process died", bound=10_000)
    with transaction() as session:
        one = team(session)
        settle(session, team_id=one, subject_id="a", charges=[charge("a", tags={"is": "lost"}, review=lost)])
        settle_as_a_gateway(session, forms, one, "a")
        settle_as_a_gateway(session, forms, one, "b")
        tags = session.scalars(select(Entry.tags).order_by(Entry.number)).all()
    assert tags == [{"is": "lost"}, {"endpoint": "v1/responses"}]


@pytest.mark.usefixtures("database")
def test_the_form_of_another_team_is_refused() -> None:
    forms = KnownForms()
    with transaction() as session:
        one, other = team(session), team(session)
        settle_as_a_gateway(session, forms, one, "a")
    encoded = rows.of_settlements(
        [Settlement(one, "b", [charge("b", tags={"endpoint": "v1/responses"})])], forms.now()
    )
    charges = encoded.charges.decode().replace(one, other)
    subjects = encoded.subjects.decode().replace(one, other)
    with transaction() as session, pytest.raises(IntegrityError, match="another team, department or cost"):
        session.execute(SETTLE, {"subjects": subjects, "charges": charges})
