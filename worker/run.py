"""Run one step of one unit of work: claim it, call its step function, handle failures."""

from datetime import timedelta

import structlog

import service.tables  # noqa: F401 - a foreign key is only found once its table is imported
from service.core import tracing, work
from service.core.db import transaction
from service.core.metrics import measures
from service.settings import settings
from worker import keeper
from worker.retry import retry_delay
from worker.steps import STEPS

log = structlog.get_logger(__name__)


def run_step(kind: str, subject_id: str) -> None:
    """Claim a unit of work and run its next step, if it is due."""
    if kind not in STEPS:
        log.error("unknown_work", kind=kind, subject_id=subject_id)
        return
    with transaction() as session:
        lease = work.claim(session, kind, subject_id, timedelta(seconds=settings().lease_s))
    if lease is not None:
        run_leased(lease)


def run_leased(lease: work.Lease) -> None:
    """Run one step of a claimed unit of work. A step that raises is retried, with growing pauses."""
    facts = {"kind": lease.kind, "subject_id": lease.subject_id, "attempt": lease.attempts}
    with structlog.contextvars.bound_contextvars(**facts):
        try:
            if lease.is_takeover:
                measures.lease_taken_over(lease.kind)
            with (
                keeper.running(lease),
                measures.step(lease.kind),
                tracing.step(lease.kind, lease.subject_id, lease.traceparent),
            ):
                STEPS[lease.kind](lease)
            measures.step_ended(lease.kind, "done")
        except work.LeaseLost:
            measures.step_ended(lease.kind, "lost")
            log.warning("lease_lost")
        except Exception as failure:
            measures.step_ended(lease.kind, "failed")
            # A failing unit of work must neither stop the worker nor get lost.
            pause = retry_delay(lease.attempts)
            log.exception("step_failed", retry_in_s=pause.total_seconds())
            _give_back(lease, pause, failure)


def _give_back(lease: work.Lease, pause: timedelta, failure: Exception) -> None:
    try:
        with transaction() as session:
            work.give_back(session, lease, retry_in=pause, error=f"{type(failure).__name__}: {failure}"[:500])
    except work.LeaseLost:
        log.warning("lease_lost")
