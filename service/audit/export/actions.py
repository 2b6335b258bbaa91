"""Which audit events a sink has not got yet.

Events become visible in the order in which their transactions commit, which is not that of their positions.
So an export reads only what transactions wrote that are older than all that still run, in the order of
transactions: nothing can appear before its mark later on.
"""

from collections.abc import Sequence

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.audit.schemas import audit_event_out
from service.audit.tables import AuditEvent, AuditExport
from service.core import work
from service.teams.keys.queries import names_of

EXPORT = "audit.export"  # the unit of work that sends one sink what it lacks
BATCH = 500


def order_export(session: Session, sink: str) -> int:
    """Have a worker send the sink what it lacks; returns how many exports were ordered."""
    if not next_events(session, sink, 1):
        return 0
    work.schedule(session, EXPORT, sink)
    return 1


def next_events(session: Session, sink: str, limit: int = BATCH) -> Sequence[AuditEvent]:
    """The next events that the sink has not got, in the order to send them."""
    mark = session.get(AuditExport, sink)
    done = AuditEvent.txid < func.txid_snapshot_xmin(func.txid_current_snapshot())
    wanted = select(AuditEvent).where(done).order_by(AuditEvent.txid, AuditEvent.position).limit(limit)
    if mark is not None:
        here = tuple_(AuditEvent.txid, AuditEvent.position)
        wanted = wanted.where(here > tuple_(mark.txid, mark.position))
    return session.scalars(wanted).all()


def lines_of(session: Session, events: Sequence[AuditEvent]) -> list[str]:
    """The events as JSON, one a line, as an admin sees them in `GET /v1/audit_events`."""
    names = names_of(session, {event.key_id for event in events})
    return [audit_event_out(event, names, for_admin=True).model_dump_json() for event in events]


def record(session: Session, sink: str, last: AuditEvent) -> None:
    """Note that the sink has everything up to this event."""
    values = {"txid": last.txid, "position": last.position, "exported_at": func.now()}
    row = insert(AuditExport).values(sink=sink, **values)
    session.execute(row.on_conflict_do_update(index_elements=["sink"], set_=values))
