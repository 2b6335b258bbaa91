"""Copy the audit log to the configured sink."""

from datetime import timedelta

import structlog

from service.audit.export import actions, sinks
from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.settings import settings

log = structlog.get_logger(__name__)

_TRY_AGAIN = timedelta(seconds=10)


def export(lease: Lease) -> None:
    """Send the next batch. After a crash, lines may be sent again; each has the id of its event."""
    sink = lease.subject_id
    with transaction() as session:
        events = actions.next_events(session, sink) if sink == settings().audit_sink else []
        lines = actions.lines_of(session, events)
        if not lines:
            work.finish(session, lease)
            return
    try:
        sinks.send(sink, lines)
    except OSError as failure:
        log.warning("audit_export_failed", sink=sink, reason=str(failure), waiting=len(lines))
        with transaction() as session:
            work.give_back(session, lease, retry_in=_TRY_AGAIN, error=f"{type(failure).__name__}: {failure}")
        return
    with transaction() as session:
        actions.record(session, sink, events[-1])
        work.finish(session, lease, next_in=timedelta(0) if len(events) == actions.BATCH else None)
