"""Jobs on a device of one's own are billed by the hour where the catalogue says so."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from openai import OpenAI
from sqlalchemy import select

from service.catalog.models import CatalogModel
from service.catalog.prices import hours
from service.core import clock
from service.core.db import transaction
from service.files.costs import costs_of
from service.files.queries import report_of
from service.files.tables import File
from service.jobs.admission.checks import check_admission
from service.jobs.admission.request import request_of_body
from service.jobs.schemas import JobCreate
from service.jobs.upstream.reconcile import books_of, listed
from service.ledger.closing.drift import compare
from service.ledger.tables import Entry, HoldRow
from service.providers.registry import get_provider
from tests.jobs import hands
from tests.jobs.conftest import Configure
from tests.support.catalogue import forget_catalogue, own_catalogue
from tests.support.trainer_process import TrainerProcess
from tests.support.waiting import wait_until

BASE = "gpt-4.1-mini-2025-04-14"  # a name that the sandbox offers too; here it is a base of our own
SOURCE = "tests/jobs/test_by_hour.py"
CATALOG = f"""
[[trainer.models]]
id = "{BASE}"
methods = ["supervised", "dpo"]
token_limit = 65_536
context_tokens = 65_536
encoding = "o200k_base"
billed_by = "hours"
tokens_per_hour = 10_000

[[trainer.prices]]
source = "{SOURCE}"
effective_from = 2026-01-01
unit = "hours"
unit_quantity = 1

[trainer.prices.usd]
"{BASE}" = {{ training_hours = "3.60" }}
"""


def run_to_end(job_id: str) -> None:
    def has_ended() -> bool:
        hands.make_due()
        hands.run_due()
        return hands.look(job_id).has_ended

    wait_until(has_ended)


@pytest.fixture
def _hourly_base(configure: Configure, tmp_path: Path) -> Iterator[None]:
    """A base of the trainer that is billed by the hour."""
    with own_catalogue(tmp_path / "catalog.toml", CATALOG):
        yield


pytestmark = pytest.mark.usefixtures("_hourly_base")


def test_its_hold_is_the_most_that_its_hours_should_cost() -> None:
    team = hands.make_team()
    file_id = hands.make_file(team)
    job_id = hands.make_job(team, file_id, BASE)
    with transaction() as session:
        file = session.get_one(File, file_id)
        body = JobCreate.model_validate({"model": BASE, "training_file": file_id})
        planned = check_admission(session, request_of_body(team, hands.KEY, body)).estimate
        (listed_cost,) = [cost for cost in costs_of(session, report_of(file)) if cost.model == BASE]
        held = session.scalars(select(HoldRow.amount_usd)).one()
    assert planned is not None
    assert planned.trained_tokens is not None
    assert planned.training_hours == Decimal(planned.trained_tokens) / 10_000
    assert held == planned.cost_usd == listed_cost.cost_usd == planned.training_hours * Decimal("3.60")
    assert listed_cost.note == "billed by the hour: $3.6; at most 0.2784 hours are expected"
    assert hands.look(job_id).billed_by == "hours"


def test_it_is_charged_the_hours_that_its_provider_tells_of_and_both_books_agree(upstream: OpenAI) -> None:
    team = hands.make_team()
    job_id = hands.make_job(team, hands.make_file(team), BASE)
    run_to_end(job_id)
    job = hands.look(job_id)
    told = upstream.fine_tuning.jobs.retrieve(str(job.provider_job_id)).usage_metrics
    assert job.status == "succeeded"
    assert job.training_seconds == told["training_seconds"] > 0  # type: ignore[index]
    with transaction() as session:
        entry = session.scalars(select(Entry)).one()
        assert session.scalars(select(HoldRow)).all() == []
        ours = books_of(session, "trainer", clock.now() - timedelta(hours=1))
    assert (entry.kind, entry.quantity) == ("training_hours", hours(job.training_seconds))
    assert entry.amount_usd == entry.quantity * Decimal("3.60") > 0
    theirs = [listed("trainer", one) for one in get_provider("trainer").iter_jobs()]
    assert compare(ours, [one for one in theirs if one.stamp == job_id]) == []


def test_what_it_is_billed_by_stays_as_agreed_when_the_catalogue_changes(
    tmp_path: Path, trainer: TrainerProcess
) -> None:
    trainer.control.stop_clock()
    team = hands.make_team()
    job_id = hands.make_job(team, hands.make_file(team), BASE)
    hands.run_due()
    (tmp_path / "catalog.toml").write_text(CATALOG.replace('billed_by = "hours"', ""), "utf-8")
    forget_catalogue()
    trainer.control.run_clock()
    run_to_end(job_id)
    with transaction() as session:
        assert session.scalars(select(Entry.kind)).all() == ["training_hours"]


def test_hours_without_a_pace_are_no_catalogue_entry() -> None:
    with pytest.raises(ValueError, match="tokens_per_hour must be at least 1"):
        CatalogModel("b", "trainer", ("supervised",), {}, 1, 1, "o200k_base", billed_by="hours")
