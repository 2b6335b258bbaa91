"""What failed, cancelled and paused jobs cost at each kind of provider."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from sqlalchemy.orm import Session

from service.catalog.billing import billing_rules
from service.catalog.files import KINDS
from service.core.db import transaction
from service.dataset.check.checker import check
from service.files.tables import File
from service.jobs.tables import Job
from service.jobs.upstream.snapshots import Snapshot, record_snapshot
from service.ledger.budgets.actions import set_budget
from service.ledger.queries import budget_view, cost_of_job
from service.providers.port import ProviderJob
from tests.ledger.make import make_job, team
from tests.support.data import chat_file

pytestmark = pytest.mark.usefixtures("providers_environment", "database")

SAID = ProviderJob(id="theirs", status="running", model="m", created_at=datetime.now(UTC))
MILLION = 1_000_000
ZERO = Decimal(0)
MINI = "gpt-4o-mini-2024-07-18"  # $3 per million trained tokens at OpenAI


def job_at_openai(session: Session, **fields: Any) -> Job:
    """Create a running job of a new team, with a hold of one dollar."""
    one = team(session, limit_usd="100")
    names = {"provider": "openai", "model": MINI, "base_model": MINI, "provider_model": MINI}
    return make_job(session, one, f"ftjob-{one}", **(names | fields))


def say(session: Session, job: Job, **said: Any) -> None:
    """Apply what the provider reports about the job."""
    record_snapshot(session, job, Snapshot(replace(SAID, **said)))


def held(session: Session, job: Job) -> Decimal:
    """The amount that the job's team has reserved."""
    return budget_view(session, job.team_id).held_usd


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_provider_has_rules_for_every_method_and_says_where_from(kind: str) -> None:
    rules = billing_rules(kind)
    assert set(rules.at_max_cost) == {"supervised", "dpo", "reinforcement"}
    assert rules.source


def test_a_failed_job_is_free_and_a_cancelled_one_pays_for_what_was_done() -> None:
    with transaction() as session:
        failed, cancelled = job_at_openai(session), job_at_openai(session)
        say(session, failed, status="failed", trained_tokens=MILLION)
        say(session, cancelled, status="cancelled", trained_tokens=MILLION // 10)
        assert (cost_of_job(session, failed.id), held(session, failed)) == (ZERO, ZERO)
        assert (cost_of_job(session, cancelled.id), held(session, cancelled)) == (Decimal("0.3"), ZERO)


def test_a_cancelled_job_without_a_report_costs_nothing() -> None:
    with transaction() as session:
        job = job_at_openai(session)
        say(session, job, status="cancelled")
        assert (cost_of_job(session, job.id), held(session, job)) == (ZERO, ZERO)


def test_paused_work_is_charged_at_the_pause_and_the_rest_at_the_end() -> None:
    with transaction() as session:
        job = job_at_openai(session)
        for _ in range(2):
            say(session, job, status="paused", trained_tokens=MILLION // 10)
        assert (cost_of_job(session, job.id), held(session, job)) == (Decimal("0.3"), Decimal("0.7"))
        say(session, job, status="running")
        say(session, job, status="paused", trained_tokens=MILLION // 5)
        assert (cost_of_job(session, job.id), held(session, job)) == (Decimal("0.6"), Decimal("0.4"))
        say(session, job, status="cancelled", trained_tokens=MILLION // 4)
        assert (cost_of_job(session, job.id), held(session, job)) == (Decimal("0.75"), ZERO)


def test_paused_work_is_charged_at_the_end_where_the_provider_does_so() -> None:
    with transaction() as session:
        job = make_job(session, team(session), "ftjob-1")
        say(session, job, status="paused", trained_tokens=MILLION // 10)
        assert (cost_of_job(session, job.id), held(session, job)) == (ZERO, Decimal(1))


def test_a_provider_that_chooses_more_epochs_than_the_limit_pays_for_is_told_to_cancel_at_once() -> None:
    with transaction() as session:
        job = job_at_openai(session)
        report = check([chat_file(100)])
        session.add(
            File(
                id=job.training_file,
                team_id=job.team_id,
                purpose="fine-tune",
                filename="f",
                size_bytes=1,
                sha256="0",
                status="processed",
                format="chat",
                report=msgspec.to_builtins(report),
                created_at=datetime.now(UTC),
            )
        )
        price = Decimal(3) / MILLION * report.tokens.total
        limits = {"limit_usd": round(price * 3, 6), "period": "total", "thresholds": ()}
        set_budget(session, job.team_id, scope="job", account_id=job.id, **limits)  # type: ignore[arg-type]
        say(session, job, hyperparameters={"n_epochs": 2})
        requested = [job.requested]
        say(session, job, hyperparameters={"n_epochs": 4})
        assert [*requested, job.requested] == [None, "cancel"]
        session.rollback()


GRADED = {"method_type": "reinforcement", "method": {"type": "reinforcement", "reinforcement": {}}}
O4 = "o4-mini-2025-04-16"  # $100 an hour at OpenAI


def hourly(session: Session, **fields: Any) -> Job:
    """Create a running job that is billed by the hour, with a hold of one dollar."""
    names = {"model": O4, "base_model": O4, "provider_model": O4, "billed_by": "hours"}
    names["created_at"] = datetime.now(UTC) - timedelta(hours=2)  # it cannot have trained for longer
    return job_at_openai(session, **(names | GRADED | fields))


def test_training_by_the_hour_reserves_its_next_hour_before_it_begins() -> None:
    with transaction() as session:
        job = hourly(session)
        set_budget(session, job.team_id, limit_usd=Decimal(150))
        say(session, job, status="running")
        assert held(session, job) == 100
        say(session, job, status="running", training_seconds=1800)
        assert held(session, job) == 100
        assert job.requested is None
        say(session, job, status="running", training_seconds=3000)
        # $83 used and $100 for the next hour exceed the budget.
        assert held(session, job) == 100
        assert job.requested == "pause"


def test_a_job_s_own_limit_caps_the_hours_reserved_for_it() -> None:
    with transaction() as session:
        job = hourly(session)
        set_budget(
            session, job.team_id, limit_usd=Decimal(30), period="total", scope="job", account_id=job.id
        )
        say(session, job, status="running")
        assert held(session, job) == 30
