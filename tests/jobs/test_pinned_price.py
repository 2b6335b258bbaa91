"""A job is charged at the price that it was given when it was created."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from service.catalog.price import PriceKind
from service.catalog.prices import NewPrice, add_price
from service.catalog.tables import PriceRow
from service.core import clock
from service.core.db import transaction
from service.ledger.tables import Entry
from tests.jobs import hands
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("database")


def set_price(amount_usd: Decimal, since: datetime) -> None:
    """Add a price of training `sandbox-mini`."""
    with transaction() as session:
        new = NewPrice(
            provider_kind="trainer",
            model="sandbox-mini",
            method=None,
            kind=PriceKind.TRAINING_TOKENS,
            tier="standard",
            unit_quantity=1_000_000,
            amount_usd=amount_usd,
            effective_from=since,
            source="tests/jobs/test_pinned_price.py",
        )
        add_price(session, new)


@contextmanager
def dearer_price(usual_usd: Decimal) -> Iterator[None]:
    """A price that is added now and in force since yesterday; then the usual one again."""
    set_price(100 * usual_usd, clock.now() - timedelta(days=1))
    yield
    set_price(usual_usd, clock.now())  # prices are never deleted, and outlive a test


@pytest.mark.usefixtures("configure")
def test_a_price_added_later_with_an_earlier_date_does_not_change_what_a_job_costs(
    trainer: TrainerProcess,
) -> None:
    team = hands.make_team()
    job_id = hands.make_job(team, hands.make_file(team))
    job = hands.look(job_id)
    with transaction() as session:
        usual = session.get_one(PriceRow, job.price_id).amount_usd

    def has_ended() -> bool:
        hands.make_due()
        hands.run_due()
        return hands.look(job_id).has_ended

    with dearer_price(usual):
        wait_until(has_ended)
    with transaction() as session:
        (entry,) = session.scalars(select(Entry).where(Entry.job_id == job_id))
    assert (entry.amount_usd, entry.price_id) == (job.estimated_cost_usd, job.price_id)
