"""Charge a job for what its provider reports, by the provider's billing rules, at the job's price."""

from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal

import structlog
from sqlalchemy.orm import Session

from service.catalog.billing import billing_rules
from service.catalog.models import find
from service.catalog.price import QUANTITY_DECIMALS
from service.catalog.prices import Price, PriceKind, hours, price_by_id
from service.core import clock
from service.errors import BudgetExceeded
from service.files.costs import billed_tokens
from service.files.counting import exact_tokens
from service.files.queries import report_of
from service.files.tables import File
from service.jobs.charging.plausible import Training, judge, within_hold
from service.jobs.states import JobStatus
from service.jobs.tables import Job
from service.ledger.actions import place_hold, settle
from service.ledger.charges import Charge
from service.ledger.queries import cost_of_job, held_for, quantity_charged
from service.providers.kinds.capabilities import capabilities_of, chosen_epochs
from service.providers.port import ProviderJob
from service.providers.registry import provider_settings

log = structlog.get_logger(__name__)

_CLOCK_SLACK = timedelta(minutes=15)  # of a provider's clock against ours
_MOST_EPOCHS = 50  # the most that a request accepts; a higher number from a provider is ignored


def settle_job(session: Session, job: Job, provider_job: ProviderJob) -> Decimal:
    """Charge a locked, ended job, release its hold, and return its cost in US dollars.

    The provider's rules say whether failed and cancelled jobs are charged. Settling again charges nothing.
    """
    rules = billing_rules(provider_settings(job.provider).kind)
    charged = {JobStatus.FAILED: rules.failed, JobStatus.CANCELLED: rules.cancelled}
    is_free = charged.get(JobStatus(job.status), "reported") == "nothing"
    charges = [] if is_free else _charges(session, job, provider_job)
    settle(session, team_id=job.team_id, subject_id=job.id, charges=charges)
    return cost_of_job(session, job.id)


def charge_pause(session: Session, job: Job, provider_job: ProviderJob) -> None:
    """Charge a locked job when it pauses, if its provider does, and hold the rest of its estimate again."""
    rules = billing_rules(provider_settings(job.provider).kind)
    charges = [] if rules.paused == "at_end" else _charges(session, job, provider_job)
    if not charges:
        return
    settle(session, team_id=job.team_id, subject_id=job.id, charges=charges)
    rest = (job.estimated_cost_usd or Decimal(0)) - cost_of_job(session, job.id)
    if rest > 0:
        try:
            place_hold(session, team_id=job.team_id, subject_id=job.id, amount_usd=rest, key_id=job.key_id)
        except BudgetExceeded:
            # Other work cost more than it held. This job continues, and is charged when it ends.
            log.warning("rest_of_paused_job_not_held", job_id=job.id)


def training_kind(job: Job) -> PriceKind:
    """Return the price kind that counts the job's training: tokens or hours."""
    return PriceKind.TRAINING_HOURS if job.billed_by == "hours" else PriceKind.TRAINING_TOKENS


def training_price(session: Session, job: Job) -> Price:
    """Return the price of the job, set when it was created. Newer prices do not change it; a reprice can."""
    return price_by_id(session, job.price_id)


def judged(session: Session, job: Job, provider_job: ProviderJob) -> Training:
    """Return how much training to charge for the provider's report, in tokens or hours."""
    price = training_price(session, job)
    return judge(
        _reported(job, provider_job),
        estimate=_estimated_quantity(job, price),
        bound=_bound(session, job, price),
        succeeded=job.status == JobStatus.SUCCEEDED,
        reports=capabilities_of(provider_settings(job.provider).kind).reports_training
        or job.provider_job_id is None,
    )


def dataset_tokens(session: Session, job: Job, n_epochs: int) -> Decimal | None:
    """Return the tokens of `n_epochs` of the job's training file; None if there is no report on the file."""
    file = session.get(File, job.training_file)
    base = find(provider_settings(job.provider).kind, job.base_model)
    if file is None or file.report is None or base is None:
        return None
    exact = exact_tokens(session, file, job.provider, base.id)
    return Decimal(billed_tokens(report_of(file), base.token_limit, n_epochs, exact))


def epochs_of(job: Job) -> int | None:
    """Return the epochs that were requested or that the provider chose; None while they are unknown."""
    epochs = job.method[job.method_type].get("hyperparameters", {}).get("n_epochs")
    return epochs if isinstance(epochs, int) and 1 <= epochs <= _MOST_EPOCHS else None


def _reported(job: Job, provider_job: ProviderJob) -> Decimal | None:
    if training_kind(job) is PriceKind.TRAINING_HOURS:
        seconds = provider_job.training_seconds
        return None if seconds is None else hours(seconds)
    tokens = provider_job.trained_tokens
    return None if tokens is None else Decimal(tokens)


def _bound(session: Session, job: Job, price: Price) -> Decimal | None:
    """The most that the job can have trained: the time since it was sent, or its dataset times its epochs.

    None if there is no report on the dataset; then the cost is compared with the hold only.
    """
    if price.unit == "hours":
        elapsed = clock.now() - (job.intended_at or job.created_at) + _CLOCK_SLACK
        return hours(elapsed.total_seconds())
    file = session.get(File, job.training_file)
    examples = report_of(file).examples if file is not None and file.report is not None else 0
    if not examples:
        return None
    expected = chosen_epochs(provider_settings(job.provider).kind, examples)
    return dataset_tokens(session, job, epochs_of(job) or expected)


def _estimated_quantity(job: Job, price: Price) -> Decimal:
    """The quantity that the estimated cost pays for."""
    if not job.estimated_cost_usd or not price.amount_usd:
        return Decimal(0)
    step = Decimal(1).scaleb(-QUANTITY_DECIMALS if price.unit == "hours" else 0)
    quantity = job.estimated_cost_usd * price.unit_quantity / price.amount_usd
    return quantity.quantize(step, ROUND_CEILING)


def _charges(session: Session, job: Job, provider_job: ProviderJob) -> list[Charge]:
    kind, price = training_kind(job), training_price(session, job)
    before = quantity_charged(session, job.id, kind)
    training = judged(session, job, provider_job)
    training = replace(training, quantity=training.quantity - before)
    if training.quantity <= 0:
        return []
    cost, held = price.amount_for(training.quantity), held_for(session, job.team_id, job.id)
    training = within_hold(training, cost_usd=cost, held_usd=held)
    return [
        Charge(
            kind=kind,
            quantity=training.quantity,
            price=price,
            # The quantity charged before identifies this stretch of work: settling it again charges nothing.
            unique_key=f"{job.id}:{kind}" + (f":{before.normalize():f}" if before else ""),
            model=job.fine_tuned_model or job.model,
            base_model=job.base_model,
            provider=job.provider,
            method=job.method_type,
            job_id=job.id,
            key_id=job.key_id,
            tags=dict(job.labels or {}),
            occurred_at=job.finished_at,
            began_at=job.created_at,
            review=training.review,
        )
    ]
