"""Room set aside in a team's storage quota for bytes that are arriving or being made.

A reservation has the key of the content that is being written, or the id of the derivation that will write
it. Whoever keeps or gives up the bytes releases it in the same transaction.
"""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock
from service.files.tables import Reservation
from service.teams.quotas.actions import Quota, require_room


def reserve(
    session: Session,
    team_id: str,
    key: str,
    size_bytes: int,
    *,
    lifetime: timedelta | None,
    upload_id: str | None = None,
) -> None:
    """Set aside `size_bytes` in all for this key, until it is released or `lifetime` is over.

    With `upload_id`, the bytes are of a part, and count only beyond what its upload has announced. Raises
    `QuotaExceeded`, and `Conflict` for an archived team.
    """
    now = clock.now()
    before = session.scalar(select(Reservation.size_bytes).where(Reservation.key == key)) or 0
    row = insert(Reservation).values(
        key=key,
        team_id=team_id,
        upload_id=upload_id,
        size_bytes=size_bytes,
        ends_at=now + lifetime if lifetime else None,
    )
    session.execute(row.on_conflict_do_update(index_elements=["key"], set_={"size_bytes": size_bytes}))
    require_room(session, team_id, Quota.STORAGE_BYTES, adding=size_bytes - before, inserted=True)
    ended = Reservation.team_id == team_id, Reservation.ends_at < now
    session.execute(delete(Reservation).where(*ended))  # left behind by a process that died


def release(session: Session, keys: Iterable[str]) -> None:
    """Give back what is set aside for these keys, if anything is."""
    session.execute(delete(Reservation).where(Reservation.key.in_(list(keys))))
