"""What a finished job costs: the provider's own numbers at the price of the day it was created."""

from decimal import Decimal

from sqlalchemy.orm import Session

from service.catalog.prices import PriceKind, hours, price_at
from service.jobs.states import JobStatus
from service.jobs.tables import Job
from service.ledger.actions import settle
from service.ledger.charges import Charge
from service.providers.port import ProviderJob
from service.providers.registry import provider_settings


def settle_job(session: Session, job: Job, provider_job: ProviderJob) -> Decimal:
    """Charge an ended job's work and release its hold, in US dollars; doing it again charges nothing.

    A failed job is free at every provider. A cancelled one is charged for the work that the provider
    reports, which is none when it reports none.
    """
    charges = [] if job.status == JobStatus.FAILED else _charges(session, job, provider_job)
    return settle(session, team_id=job.team_id, subject_id=job.id, charges=charges)


def _charges(session: Session, job: Job, provider_job: ProviderJob) -> list[Charge]:
    by_hour = job.method_type == "reinforcement"
    kind = PriceKind.TRAINING_HOURS if by_hour else PriceKind.TRAINING_TOKENS
    quantity = (
        hours(provider_job.training_seconds or 0) if by_hour else Decimal(provider_job.trained_tokens or 0)
    )
    if not quantity:
        return []
    price = price_at(
        session,
        provider_kind=provider_settings(job.provider).kind,
        model=job.base_model,
        kind=kind,
        method=job.method_type,
        at=job.created_at,
    )
    return [
        Charge(
            kind=kind,
            quantity=quantity,
            price=price,
            unique_key=f"{job.id}:{kind}",
            model=job.fine_tuned_model or job.model,
            base_model=job.base_model,
            provider=job.provider,
            method=job.method_type,
            job_id=job.id,
            key_id=job.key_id,
            tags=dict(job.labels or {}),
            occurred_at=job.finished_at,
        )
    ]
