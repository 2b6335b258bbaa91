"""One scripted month, exact to the last digit: the expected statement is `golden/statement.json`."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from service.catalog.price import STANDARD, PriceKind, served_as
from service.catalog.prices import NewPrice, add_price, prices_at
from service.core.db import transaction
from service.events.queries import list_events
from service.jobs.tables import Job
from service.jobs.upstream.snapshots import Snapshot, record_snapshot
from service.ledger.actions import place_hold, settle
from service.ledger.audit import findings
from service.ledger.budgets.actions import set_budget
from service.ledger.charges import Charge
from service.ledger.closing.months import close_month, month_named
from service.ledger.closing.reprice import RepriceRange, plan_reprice, reprice
from service.ledger.closing.schemas import statement_out
from service.ledger.closing.statement import statements
from service.ledger.queries import budget_view
from service.ledger.rollups.sums import roll_up
from service.providers.port import ProviderJob
from service.teams.queries import get_team
from tests.ledger.make import make_job, team

pytestmark = pytest.mark.usefixtures("providers_environment", "database")

GOLDEN = Path(__file__).parent / "golden" / "statement.json"
MONTH = month_named("2026-09")
BASE = "gpt-4o-mini-2024-07-18"
SAID = ProviderJob(id="theirs", status="succeeded", model=BASE, created_at=MONTH.start)
USE = (PriceKind.INPUT_TOKENS, PriceKind.CACHED_INPUT_TOKENS, PriceKind.OUTPUT_TOKENS)


def day(number: int) -> datetime:
    """Noon of a day of the month."""
    return MONTH.start + timedelta(days=number - 1, hours=12)


def train(session: Session, team_id: str, name: str, finished: int, **said: Any) -> Job:
    """A job that ends as the provider reports, applied twice as after a worker's crash."""
    parent = said.pop("parent", None)
    job = make_job(
        session,
        team_id,
        f"ftjob-{name}",
        provider="openai",
        model=parent or BASE,
        parent_id=parent,
        base_model=BASE,
        provider_model=BASE,
        estimated_cost_usd=Decimal(9),
        created_at=day(1),
        labels={"project": "tea"},
    )
    for _ in range(2):
        told = replace(SAID, id=f"theirs-{name}", finished_at=day(finished), **said)
        record_snapshot(session, job, Snapshot(told))
    return job


def use(session: Session, team_id: str, model: str, number: int) -> None:
    """A request to a tuned model: 100,000 tokens in, half as many cached, a million out; settled twice."""
    subject = f"chatcmpl-{number}"
    place_hold(session, team_id=team_id, subject_id=subject, amount_usd=Decimal(2), key_id="key_1")
    prices = prices_at(session, provider_kind="openai", model=served_as(BASE, tuned=True), kinds=USE)
    charges = [
        Charge(
            kind=kind,
            quantity=quantity,
            price=prices[kind],
            unique_key=f"{subject}:{kind}",
            model=model,
            base_model=BASE,
            provider="openai",
            key_id="key_1",
            occurred_at=day(20),
            began_at=day(20),
        )
        for kind, quantity in zip(USE, (100_000, 50_000, 1_000_000), strict=True)
    ]
    for _ in range(2):
        settle(session, team_id=team_id, subject_id=subject, charges=charges)


def new_training_price(session: Session, usd: str) -> str:
    """Add a later price for training that no other test uses. Returns its id."""
    later = NewPrice(
        provider_kind="openai",
        model=BASE,
        method=None,
        kind=PriceKind.TRAINING_TOKENS,
        tier=STANDARD,
        unit_quantity=1_000_000,
        amount_usd=Decimal(usd),
        effective_from=datetime.now(UTC) + timedelta(days=30_000, seconds=float(usd)),
        source="a contract",
    )
    return add_price(session, later).id


def reprice_month(session: Session, price_id: str) -> Decimal:
    """Reprice the month's training. Returns the changes."""
    wanted = RepriceRange(price_id, MONTH.start, MONTH.end)
    plan = plan_reprice(session, wanted)
    done = reprice(session, wanted, confirm=plan.confirm, reason="contract")
    assert not plan_reprice(session, wanted).teams
    return sum((each.new_usd - each.old_usd for each in done.teams), Decimal(0))


def stated(session: Session, team_id: str, names: dict[str, str], month: str = MONTH.name) -> Any:
    """The month's statement, with readable names in place of random ids."""
    (statement,) = statements(session, month_named(month), team_id)
    text = statement_out(statement).model_dump_json()
    for chance, name in names.items():
        text = text.replace(chance, name)
    found = json.loads(text)
    # The order within a section depends on the random ids, so sort again.
    found["lines"].sort(key=lambda line: [line[name] for name in ("section", "model", "kind", "price_id")])
    return found


def test_the_statement_of_a_scripted_month_is_the_golden_one() -> None:
    with transaction() as session:
        one = team(session)
        set_budget(session, one, limit_usd=Decimal(10), period="total")
        first = train(session, one, "a", 3, fine_tuned_model="ft:up:1", trained_tokens=1_000_000)
        train(session, one, "b", 5, status="failed", trained_tokens=500_000)
        train(session, one, "c", 7, status="cancelled", trained_tokens=200_000)
        tuned = str(first.fine_tuned_model)
        second = train(session, one, "d", 9, fine_tuned_model="ft:up:2", trained_tokens=500_001, parent=tuned)
        roll_up(session, most=2)
        use(session, one, tuned, 1)
        use(session, one, str(second.fine_tuned_model), 2)
        cheaper = new_training_price(session, "2.5")
        assert reprice_month(session, cheaper) == Decimal("-0.8500005")
        names = {
            get_team(session, one).name: "NAME",
            one: "TEAM",
            tuned: "FIRST",
            str(second.fine_tuned_model): "SECOND",
            cheaper: "CHEAPER",
        }
        open_ = stated(session, one, names)
        close_month(session, MONTH)
        final = stated(session, one, names)
        assert final == open_ | {"status": "closed", "invoice_id": "TEAM:2026-09"}
        assert final == json.loads(GOLDEN.read_text())

        dearer = new_training_price(session, "9")
        assert reprice_month(session, dearer) == Decimal("11.0500065")
        roll_up(session)
        assert stated(session, one, names) == final
        now = stated(session, one, names, f"{datetime.now(UTC):%Y-%m}")
        assert (now["adjustments_usd"], now["total_usd"]) == ("11.0500065", "11.0500065")
        view = budget_view(session, one)
        assert view.spent_usd == Decimal(final["total_usd"]) + Decimal("11.0500065")
        assert view.held_usd == 0
        told = [event.data["threshold"] for event in list_events(session, one, one, after=None, limit=9).rows]
        assert told[::-1] == [50, 80, 100]
        assert not list(findings(session))
        session.rollback()
