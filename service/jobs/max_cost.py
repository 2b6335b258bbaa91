"""Keep a job below the limit that its team set for it alone.

The estimate is refused at submit when it is above (`admission`). Afterwards the provider may choose more
epochs than we expected, or train for more hours: then the job is paused or cancelled there.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.catalog.billing import billing_rules
from service.catalog.models import find
from service.catalog.prices import PriceKind, hours
from service.core import clock, work
from service.datasets.costs import billed_tokens
from service.datasets.counting import exact_tokens
from service.datasets.queries import report_of
from service.datasets.tables import File
from service.events.actions import append
from service.events.tables import Event
from service.events.types import EventType
from service.jobs.copying import ADVANCE
from service.jobs.settle import reported, training_kind, training_price
from service.jobs.states import JobStatus, Wish
from service.jobs.tables import Job
from service.ledger.money import usd
from service.ledger.queries import limits_of
from service.providers.port import ProviderJob
from service.providers.registry import provider_settings


def keep_below_max_cost(session: Session, job: Job, provider_job: ProviderJob) -> None:
    """Have a locked, living job paused or cancelled once it is bound to cost more than it may.

    Said once. A job that is resumed, or that cannot be paused, and goes on above the limit is cancelled.
    """
    at_work = job.status in (JobStatus.VALIDATING_FILES, JobStatus.QUEUED, JobStatus.RUNNING)
    limit = limits_of(session, [job.id]).get(job.id) if at_work and job.wish is None else None
    if limit is None:
        return
    expected = projected_cost(session, job, provider_job)
    if expected <= limit:
        return
    first = Wish(billing_rules(provider_settings(job.provider).kind).at_max_cost[job.method_type])
    for wish in dict.fromkeys((first, Wish.CANCEL)):
        doing = "paused" if wish is Wish.PAUSE else "cancelled"
        said = append(
            session,
            team_id=job.team_id,
            subject_id=job.id,
            type=EventType.JOB_MESSAGE,
            level="warn",
            message=f"It comes to ${usd(expected)}, more than its max_cost of ${usd(limit)}: it is {doing}.",
            source_key=f"max_cost:{wish}",
        )
        if said is not None:
            job.wish = wish
            work.schedule(session, ADVANCE, job.id)
            return


def projected_cost(session: Session, job: Job, provider_job: ProviderJob) -> Decimal:
    """What the job has cost by now or, where that is known beforehand, will have cost, in US dollars."""
    quantity = reported(job, provider_job)
    if training_kind(job) is PriceKind.TRAINING_HOURS:
        quantity = max(quantity, hours(_seconds_running(session, job)))
    else:
        quantity = max(quantity, _tokens_ahead(session, job))
    return training_price(session, job).amount_for(quantity)


def _tokens_ahead(session: Session, job: Job) -> Decimal:
    epochs = job.method[job.method_type].get("hyperparameters", {}).get("n_epochs")
    file = session.get(File, job.training_file)
    base = find(provider_settings(job.provider).kind, job.base_model)
    if not isinstance(epochs, int) or file is None or base is None:
        return Decimal(0)
    exact = exact_tokens(session, file, job.provider, base.id)
    return Decimal(billed_tokens(report_of(file), base.token_limit, epochs, exact))


def _seconds_running(session: Session, job: Job) -> float:
    started: datetime | None = session.scalar(
        select(Event.created_at)
        .where(Event.subject_id == job.id, Event.type == EventType.JOB_STARTED)
        .order_by(Event.number)
        .limit(1)
    )
    running = started is not None and job.status == JobStatus.RUNNING
    return (clock.now() - started).total_seconds() if started is not None and running else 0.0
