"""Charge a job for what its provider reports, by the provider's billing rules, at the job's price."""

from decimal import Decimal

import structlog
from sqlalchemy.orm import Session

from service.catalog.billing import billing_rules
from service.catalog.prices import Price, PriceKind, hours, price_by_id
from service.errors import BudgetExceeded
from service.jobs.states import JobStatus
from service.jobs.tables import Job
from service.ledger.actions import place_hold, settle
from service.ledger.charges import Charge
from service.ledger.queries import cost_of_job, quantity_charged
from service.providers.port import ProviderJob
from service.providers.registry import provider_settings

log = structlog.get_logger(__name__)


def settle_job(session: Session, job: Job, provider_job: ProviderJob) -> Decimal:
    """Charge a locked, ended job's work, release its hold, and return its cost in US dollars.

    How a failed or cancelled job is charged is the provider's rule. Doing it again charges nothing.
    """
    rules = billing_rules(provider_settings(job.provider).kind)
    charged = {JobStatus.FAILED: rules.failed, JobStatus.CANCELLED: rules.cancelled}
    is_free = charged.get(JobStatus(job.status), "reported") == "nothing"
    charges = [] if is_free else _charges(session, job, provider_job)
    settle(session, team_id=job.team_id, subject_id=job.id, charges=charges)
    return cost_of_job(session, job.id)


def charge_pause(session: Session, job: Job, provider_job: ProviderJob) -> None:
    """Charge what a locked job had done when it paused, where its provider does so, and hold the rest on."""
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
            # Others' work cost more than it held. The job is under way all the same, and charged at its end.
            log.warning("rest_of_paused_job_not_held", job_id=job.id)


def training_kind(job: Job) -> PriceKind:
    """What the job's training is counted in."""
    return PriceKind.TRAINING_HOURS if job.billed_by == "hours" else PriceKind.TRAINING_TOKENS


def training_price(session: Session, job: Job) -> Price:
    """The price that the job was given when it was created. Later prices do not change it; a reprice can."""
    return price_by_id(session, job.price_id)


def reported(job: Job, provider_job: ProviderJob) -> Decimal:
    """How much training the provider reports, in tokens or hours; zero when it reports none."""
    if training_kind(job) is PriceKind.TRAINING_HOURS:
        return hours(provider_job.training_seconds or 0)
    return Decimal(provider_job.trained_tokens or 0)


def _charges(session: Session, job: Job, provider_job: ProviderJob) -> list[Charge]:
    kind = training_kind(job)
    before = quantity_charged(session, job.id, kind)
    quantity = reported(job, provider_job) - before
    if quantity <= 0:
        return []
    return [
        Charge(
            kind=kind,
            quantity=quantity,
            price=training_price(session, job),
            # What was charged before names the stretch of work that this is: a replay finds nothing left.
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
        )
    ]
