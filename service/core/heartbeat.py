"""Workers' heartbeats: a row for each worker, which it renews while it lives."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from service.core.db import Base

ALIVE_FOR = timedelta(seconds=15)  # after its last beat
_FORGOTTEN_AFTER = timedelta(days=1)

Change = Callable[[Session, str], None]


class WorkerHeartbeat(Base):
    """When a worker process last said that it lives. `id` is its host and process id."""

    __tablename__ = "worker_heartbeats"

    id: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]


def beat(session: Session, worker_id: str) -> None:
    """Record that a worker lives, and forget those that ended long ago without saying so."""
    row = insert(WorkerHeartbeat).values(id=worker_id, seen_at=func.now())
    session.execute(row.on_conflict_do_update(index_elements=["id"], set_={"seen_at": row.excluded.seen_at}))
    session.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.seen_at < func.now() - _FORGOTTEN_AFTER))


def stop(session: Session, worker_id: str) -> None:
    """Record that a worker has ended."""
    session.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.id == worker_id))


def count_alive(session: Session) -> int:
    """Count the workers that were alive within the last 15 s."""
    alive = WorkerHeartbeat.seen_at > func.now() - ALIVE_FOR
    return session.scalar(select(func.count()).select_from(WorkerHeartbeat).where(alive)) or 0
