"""Find the audit events that a sink has not received yet.

Events become visible when their transactions commit, so not in the order of their positions. An export
therefore reads only events of transactions that are older than every running one, ordered by transaction: no
event can appear later before the last one exported.
"""

from collections.abc import Sequence

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.audit.schemas import audit_event_out
from service.audit.tables import AuditEvent, AuditExport
from service.core import work
from service.teams.keys.queries import names_of

EXPORT = "audit.export"  # the unit of work that sends new events to one sink
BATCH = 500


def order_export(session: Session, sink: str) -> int:
    """Schedule an export if the sink lacks events; return how many exports were scheduled."""
    if not next_events(session, sink, 1):
        return 0
    work.schedule(session, EXPORT, sink)
    return 1


def next_events(session: Session, sink: str, limit: int = BATCH) -> Sequence[AuditEvent]:
    """Return the next events that the sink has not received, in the order to send them."""
    mark = session.get(AuditExport, sink)
    done = AuditEvent.txid < func.txid_snapshot_xmin(func.txid_current_snapshot())
    wanted = select(AuditEvent).where(done).order_by(AuditEvent.txid, AuditEvent.position).limit(limit)
    if mark is not None:
        here = tuple_(AuditEvent.txid, AuditEvent.position)
        wanted = wanted.where(here > tuple_(mark.txid, mark.position))
    return session.scalars(wanted).all()


def lines_of(session: Session, events: Sequence[AuditEvent]) -> list[str]:
    """Return each event as a line of JSON, as admins see it in `GET /v1/audit_events`."""
    names = names_of(session, {event.key_id for event in events})
    return [audit_event_out(event, names, for_admin=True).model_dump_json() for event in events]


def record(session: Session, sink: str, last: AuditEvent) -> None:
    """Record that the sink has received all events up to this one."""
    values = {"txid": last.txid, "position": last.position, "exported_at": func.now()}
    row = insert(AuditExport).values(sink=sink, **values)
    session.execute(row.on_conflict_do_update(index_elements=["sink"], set_=values))
