"""What a provider reports about training is charged as far as it is possible; the rest goes to review."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core.db import transaction
from service.events.tables import Event
from service.events.types import EventType
from service.files.queries import report_of
from service.files.tables import File
from service.jobs.charging.plausible import judge
from service.jobs.queries import locked_job
from service.jobs.tables import Job, JobCheckpoint
from service.jobs.upstream.snapshots import Snapshot, record_snapshot
from service.ledger.queries import held_for
from service.ledger.reviews.tables import CostReview
from service.ledger.tables import Entry
from service.models.lineage.queries import lineage
from service.models.tables import TunedModel
from service.providers.port import ProviderCheckpoint, ProviderJob
from tests.jobs import hands
from tests.ledger.make import make_job, team

pytestmark = pytest.mark.usefixtures("providers_environment", "database")

EPOCHS = 3


@pytest.fixture
def job_id() -> str:
    """A job of three epochs that was sent to its provider."""
    owner = hands.make_team()
    job_id = hands.make_job(owner, hands.make_file(owner), hyperparameters={"n_epochs": EPOCHS})
    with transaction() as session:
        locked_job(session, job_id).provider_job_id = f"theirs-{job_id}"
    return job_id


def report(
    session: Session, job_id: str, *, checkpoints: tuple[ProviderCheckpoint, ...] = (), **said: Any
) -> Job:
    """Record what the provider says of a job."""
    job = locked_job(session, job_id)
    defaults: dict[str, Any] = {
        "id": str(job.provider_job_id),
        "model": "m",
        "created_at": datetime.now(UTC),
        "fine_tuned_model": f"ft:theirs:{job_id}",
        "status": "succeeded",
    }
    record_snapshot(session, job, Snapshot(ProviderJob(**(defaults | said)), checkpoints=checkpoints))
    return job


def dataset_tokens(session: Session, job: Job) -> int:
    return report_of(session.get_one(File, job.training_file)).tokens.total * EPOCHS


@pytest.mark.parametrize("trained", [2**53, 0, -5, None])
def test_an_impossible_report_is_charged_by_the_dataset_and_put_on_the_review_list(
    job_id: str, trained: int | None
) -> None:
    with transaction() as session:
        job = report(session, job_id, trained_tokens=trained)
        entry = session.scalars(select(Entry).where(Entry.job_id == job_id)).one()
        review = session.scalars(select(CostReview)).one()
        flagged = session.scalars(select(Event).where(Event.type == EventType.COST_FLAGGED)).all()
        assert (entry.quantity, entry.amount_usd) == (dataset_tokens(session, job), job.estimated_cost_usd)
        assert (review.number, review.claimed) == (entry.number, trained)
        assert review.state == ("uncertain" if trained is None else "implausible")
        assert len(flagged) == 1
        assert held_for(session, job.team_id, job_id) == 0


def test_the_base_by_content_stays_with_the_job_and_its_lineage(job_id: str) -> None:
    known = {"sha256": "ab" * 32, "revision": "0a1b", "licence": "apache-2.0"}
    with transaction() as session:
        job = report(session, job_id, trained_tokens=7, base_identity=known)
        report(session, job_id, trained_tokens=7)  # a provider that says no more does not erase it
        model = session.scalars(select(TunedModel).where(TunedModel.job_id == job_id)).one()
        graph = lineage(session, model, "both", 5, 100)
        assert [node.base_identity for node in graph.nodes if node.id == job.id] == [known]


def test_a_possible_report_is_charged_as_it_is(job_id: str) -> None:
    with transaction() as session:
        job = report(session, job_id, trained_tokens=7)
        assert session.scalars(select(Entry.quantity).where(Entry.job_id == job.id)).one() == 7
        assert session.scalars(select(CostReview)).all() == []


def test_a_charge_above_its_hold_goes_to_review(job_id: str) -> None:
    with transaction() as session:
        job = report(session, job_id, trained_tokens=None, status="running", hyperparameters={"n_epochs": 6})
        job = report(session, job_id, trained_tokens=2 * dataset_tokens(session, job))
        entry = session.scalars(select(Entry).where(Entry.job_id == job.id)).one()
        assert job.estimated_cost_usd is not None
        assert entry.amount_usd == 2 * job.estimated_cost_usd
        assert "above" in session.scalars(select(CostReview)).one().reason


def test_no_job_trains_for_longer_than_it_exists() -> None:
    names = {"model": "sandbox-large", "base_model": "sandbox-large", "provider_model": "sandbox-large"}
    graded = {"method_type": "reinforcement", "method": {"type": "reinforcement", "reinforcement": {}}}
    sent_at = datetime.now(UTC) - timedelta(hours=2)
    with transaction() as session:
        owner = team(session)
        make_job(session, owner, "ftjob-long", billed_by="hours", created_at=sent_at, **names, **graded)
        report(session, "ftjob-long", training_seconds=float(2**53))
        entry = session.scalars(select(Entry).where(Entry.job_id == "ftjob-long")).one()
        assert Decimal(2) < entry.quantity < Decimal("2.5")
        assert session.scalars(select(CostReview)).one().state == "implausible"


def test_a_charge_occurs_between_the_creation_of_its_job_and_now_whatever_a_provider_says(
    job_id: str,
) -> None:
    with transaction() as session:
        job = report(session, job_id, trained_tokens=7, finished_at=datetime(2001, 1, 1, tzinfo=UTC))
        entry = session.scalars(select(Entry).where(Entry.job_id == job.id)).one()
        assert job.created_at <= entry.occurred_at <= datetime.now(UTC)
        assert job.finished_at == job.created_at


def test_a_checkpoint_of_an_impossible_step_is_left_out_and_the_job_ends(job_id: str) -> None:
    names = [f"ft:theirs:{step}:ckpt-step-{step}" for step in (2**40, 3)]
    found = tuple(
        ProviderCheckpoint(name, datetime.now(UTC), name, step, {})
        for name, step in zip(names, (2**40, 3), strict=True)
    )
    with transaction() as session:
        job = report(session, job_id, trained_tokens=7, checkpoints=found)
        assert job.has_ended
        assert session.scalars(select(JobCheckpoint.step).where(JobCheckpoint.job_id == job_id)).all() == [3]


amounts = st.one_of(st.none(), st.integers(-(2**53), 2**53).map(Decimal))


quantities = st.integers(1, 10**9).map(Decimal)


@given(reported=amounts, estimate=quantities, bound=quantities)
def test_a_successful_job_is_charged_something_and_at_most_the_larger_of_bound_and_estimate(
    reported: Decimal | None, estimate: Decimal, bound: Decimal
) -> None:
    training = judge(reported, estimate=estimate, bound=bound, succeeded=True)
    assert 0 < training.quantity <= max(estimate, bound)
    assert (training.review is None) == (training.quantity == reported)


def test_a_job_that_began_where_nothing_is_reported_is_charged_its_estimate_as_uncertain() -> None:
    estimate = Decimal(1000)
    training = judge(None, estimate=estimate, bound=None, succeeded=False, reports=False)
    assert training.quantity == estimate
    assert training.review is not None
    assert training.review.state == "uncertain"
