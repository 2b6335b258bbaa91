"""Reconcile with a provider once a day: our side of the comparison, and the report."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.catalog.billing import billing_rules
from service.catalog.price import PriceKind, hours
from service.core import clock, ids, work
from service.jobs.kinds import RECONCILE_PROVIDER
from service.jobs.tables import Job
from service.ledger.closing.drift import Booked, Drift, Listed
from service.ledger.closing.tables import DriftReport
from service.ledger.rollups.sums import booked, read
from service.ledger.tables import Entry
from service.providers.port import ProviderJob

# Every job is finished by this age.
LOOK_BACK = timedelta(days=35)
_QUANTITIES = (PriceKind.TRAINING_TOKENS.value, PriceKind.TRAINING_HOURS.value)


def order_reconciliations(session: Session, providers: Iterable[str]) -> int:
    """Schedule yesterday's reconciliation with each provider that has no report on it; returns how many."""
    reported = set(session.scalars(select(DriftReport.provider).where(DriftReport.day == yesterday())))
    due = [provider for provider in providers if provider not in reported]
    for provider in due:
        work.schedule(session, RECONCILE_PROVIDER, provider)
    return len(due)


def yesterday() -> date:
    """Return the last complete day, UTC."""
    return clock.now().date() - timedelta(days=1)


def span_of(day: date) -> tuple[datetime, datetime]:
    """Return the start of a day, UTC, and that of the next day."""
    start = datetime.combine(day, time(), UTC)
    return start, start + timedelta(days=1)


def books_of(session: Session, provider: str, since: datetime) -> Mapping[str, Booked]:
    """Return our jobs at a provider that were created since then, by the provider's ids."""
    charged = (
        select(Entry.job_id, func.sum(Entry.quantity).label("quantity"))
        # A job is charged after its creation; without the bound, every month would be read.
        .where(Entry.job_id.is_not(None), Entry.kind.in_(_QUANTITIES), Entry.booked_at >= since)
        .group_by(Entry.job_id)
        .subquery()
    )
    rows = session.execute(
        select(Job.id, Job.provider_job_id, Job.status, func.coalesce(charged.c.quantity, 0), Job.billed_by)
        .join(charged, charged.c.job_id == Job.id, isouter=True)
        .where(Job.provider == provider, Job.provider_job_id.is_not(None), Job.created_at >= since)
    )
    return {
        str(theirs): Booked(job_id, status, quantity, by_hour=billed_by == "hours")
        for job_id, theirs, status, quantity, billed_by in rows
    }


def listed(kind: str, job: ProviderJob) -> Listed:
    """Return a provider's job with the quantity that the provider's billing rules charge."""
    rules = billing_rules(kind)
    charged = {"failed": rules.failed, "cancelled": rules.cancelled}.get(job.status, "reported")
    if charged == "nothing":
        return Listed(job.id, job.stamp, job.status, Decimal(0))
    tokens, spent = Decimal(job.trained_tokens or 0), hours(job.training_seconds or 0)
    return Listed(job.id, job.stamp, job.status, tokens, spent)


def keep_report(
    session: Session,
    provider: str,
    day: date,
    *,
    jobs_compared: int,
    theirs_usd: Decimal | None,
    drifts: list[Drift],
) -> DriftReport:
    """Store the findings of a day's reconciliation, with the amount that we booked on that day."""
    entries = booked(None, *span_of(day), by=None)
    ours = select(func.coalesce(func.sum(entries.c.amount_usd), 0).label("usd"))
    report = DriftReport(
        id=ids.new_id("drift_"),
        provider=provider,
        day=day,
        created_at=clock.now(),
        jobs_compared=jobs_compared,
        ours_usd=Decimal(read(session, ours.where(entries.c.provider == provider)).one()["usd"]),
        theirs_usd=theirs_usd,
        drifts=[drift.as_json() for drift in drifts],
    )
    session.add(report)
    return report
