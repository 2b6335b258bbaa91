"""Units of work: rows that say what to do next, when, and who is doing it.

    schedule ──► due ──claim──► leased ──finish──► due again later, or gone
                  ▲                │
                  └── lease ends ──┘   (the worker died: the sweep wakes the row)

A step is claim → call → record: `claim` in a short transaction, the network call with none open, then
`finish` in the transaction that records the outcome. `finish` raises `LeaseLost` if another worker took over
meanwhile, which rolls the record back. A `schedule` that arrives while a step runs is not lost: it raises
`generation`, and `finish` then makes the row due at once.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Index,
    and_,
    case,
    delete,
    func,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from service.core import tracing
from service.core.broker import wake
from service.core.db import Base, after_commit


class WorkItem(Base):
    """A unit of work, named by its `kind` and its subject.

    A subject of several parts is kept in `args`, and `subject_id` joins their values for the key.
    """

    __tablename__ = "work_items"

    kind: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str] = mapped_column(primary_key=True)
    next_step_at: Mapped[datetime]
    generation: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    lease_id: Mapped[uuid.UUID | None]
    leased_until: Mapped[datetime | None]
    woken_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    args: Mapped[dict[str, Any] | None]
    team_id: Mapped[str | None]  # the team whose turn it takes; None for the service's own work
    traceparent: Mapped[str | None]  # of the request or step that caused it first, if that is traced

    __table_args__ = (Index(None, "next_step_at"),)


@dataclass(frozen=True)
class Lease:
    """The right to do one step of one unit of work until `leased_until`.

    `attempts` counts the claims since the last finished step: 1 on the first try, more after a failure
    or a crash.
    """

    kind: str
    subject_id: str
    lease_id: uuid.UUID
    generation: int
    attempts: int
    args: Mapping[str, str] = field(hash=False)
    team_id: str | None = None
    is_takeover: bool = False  # the lease before it ended without its step
    traceparent: str | None = None


class LeaseLost(Exception):
    """Another worker has taken over this unit of work; the results of this step are discarded."""


def subject_id_of(subject: str | Mapping[str, str]) -> str:
    """Return the key of a subject. A key of several parts is never parsed: the parts are in `args`."""
    return subject if isinstance(subject, str) else "/".join(subject.values())


def schedule(
    session: Session,
    kind: str,
    subject: str | Mapping[str, str],
    *,
    delay: timedelta = timedelta(0),
    team_id: str | None = None,
) -> None:
    """Make a unit of work due after `delay`, or sooner if it already was; wake a worker if it is due now.

    A subject of several parts is a mapping whose order must not vary; the step gets it as `Lease.args`.
    `team_id` is the team whose turn the unit takes.
    """
    subject_id = subject_id_of(subject)
    row = insert(WorkItem).values(
        kind=kind,
        subject_id=subject_id,
        next_step_at=func.now() + delay,
        generation=0,
        attempts=0,
        woken_at=None if delay else func.now(),
        args=None if isinstance(subject, str) else dict(subject),
        team_id=team_id,
        traceparent=tracing.traceparent(),
    )
    session.execute(
        row.on_conflict_do_update(
            index_elements=["kind", "subject_id"],
            set_={
                "next_step_at": func.least(WorkItem.next_step_at, row.excluded.next_step_at),
                "generation": WorkItem.generation + 1,
                "woken_at": row.excluded.woken_at,
                "team_id": func.coalesce(row.excluded.team_id, WorkItem.team_id),
                "traceparent": func.coalesce(WorkItem.traceparent, row.excluded.traceparent),
            },
        )
    )
    if not delay:
        after_commit(session, lambda: wake.send(kind, subject_id))


def claim(session: Session, kind: str, subject_id: str, lease_for: timedelta) -> Lease | None:
    """Take the lease on a due unit of work; None when it is not due, leased, or gone."""
    # SKIP LOCKED: a second worker woken for the same row must not wait, only to find it leased.
    free = select(WorkItem.lease_id).where(_named(kind, subject_id), is_free())
    found = session.execute(free.with_for_update(skip_locked=True)).one_or_none()
    if found is None:
        return None
    lease_id = uuid.uuid4()
    generation, attempts, args, team_id, traceparent = session.execute(
        update(WorkItem)
        .where(_named(kind, subject_id))
        .values(
            lease_id=lease_id,
            leased_until=func.now() + lease_for,
            attempts=WorkItem.attempts + 1,
            woken_at=None,  # if this worker dies, the sweep wakes another one without waiting
        )
        .returning(
            WorkItem.generation, WorkItem.attempts, WorkItem.args, WorkItem.team_id, WorkItem.traceparent
        )
    ).one()
    is_takeover = found.lease_id is not None
    return Lease(
        kind, subject_id, lease_id, generation, attempts, args or {}, team_id, is_takeover, traceparent
    )


def finish(session: Session, lease: Lease, *, next_in: timedelta | None = None) -> None:
    """End a successful step: due again after `next_in`, or finished if that is None.

    Raises `LeaseLost` when the lease is no longer ours.
    """
    if next_in is None:
        done = delete(WorkItem).where(_ours(lease), WorkItem.generation == lease.generation)
        if session.execute(done.returning(WorkItem.kind)).one_or_none() is not None:
            return
    _release(session, lease, next_in or timedelta(0), attempts=0, error=None)


def give_back(session: Session, lease: Lease, *, retry_in: timedelta, error: str) -> None:
    """End a failed step: due again after `retry_in`, with the count of attempts kept.

    If the unit was scheduled meanwhile, it is due at once. Raises `LeaseLost` when the lease is no longer
    ours.
    """
    _release(session, lease, retry_in, attempts=lease.attempts, error=error)


def confirm(session: Session, lease: Lease) -> None:
    """Lock a unit of work, so that no other worker can take it over before this transaction ends.

    Call it before recording something in the middle of a step. Raises `LeaseLost` when another worker has
    taken the unit over.
    """
    ours = select(WorkItem.kind).where(_ours(lease)).with_for_update()
    if session.scalar(ours) is None:
        raise LeaseLost(f"{lease.kind} {lease.subject_id}")


def renew(session: Session, leases: Collection[Lease], lease_for: timedelta) -> None:
    """Extend leases to `lease_for` from now; leases that were lost or last longer stay as they are."""
    until = func.greatest(WorkItem.leased_until, func.now() + lease_for)
    # SKIP LOCKED avoids deadlocks with transactions that schedule several units; the next round renews these.
    ours = select(WorkItem.kind, WorkItem.subject_id).where(or_(*map(_ours, leases)))
    names = [(row.kind, row.subject_id) for row in session.execute(ours.with_for_update(skip_locked=True))]
    if names:
        named = tuple_(WorkItem.kind, WorkItem.subject_id).in_(names)
        session.execute(update(WorkItem).where(named).values(leased_until=until))


def cancel(session: Session, kind: str, subject_id: str) -> bool:
    """Delete a unit of work that was never claimed; False if it was, or if there is none."""
    unbegun = delete(WorkItem).where(_named(kind, subject_id), WorkItem.attempts == 0)
    return session.execute(unbegun.returning(WorkItem.kind)).one_or_none() is not None


def hasten(session: Session, kind: str, subject_id: str) -> None:
    """Make a unit of work due now, if there is one; unlike `schedule`, never create one."""
    there = (
        update(WorkItem).where(_named(kind, subject_id)).values(next_step_at=func.now(), woken_at=func.now())
    )
    if session.execute(there.returning(WorkItem.kind)).one_or_none() is not None:
        after_commit(session, lambda: wake.send(kind, subject_id))


def _named(kind: str, subject_id: str) -> ColumnElement[bool]:
    return and_(WorkItem.kind == kind, WorkItem.subject_id == subject_id)


def is_free() -> ColumnElement[bool]:
    """The condition of a unit that is due and not leased."""
    unleased = or_(WorkItem.leased_until.is_(None), WorkItem.leased_until < func.now())
    return and_(WorkItem.next_step_at <= func.now(), unleased)


def _ours(lease: Lease) -> ColumnElement[bool]:
    return and_(_named(lease.kind, lease.subject_id), WorkItem.lease_id == lease.lease_id)


def _release(session: Session, lease: Lease, delay: timedelta, *, attempts: int, error: str | None) -> None:
    """Release a lease. A unit that was scheduled while it was leased is due at once, not after `delay`."""
    unchanged = WorkItem.generation == lease.generation
    released = session.execute(
        update(WorkItem)
        .where(_ours(lease))
        .values(
            next_step_at=case((unchanged, func.now() + delay), else_=func.now()),
            lease_id=None,
            leased_until=None,
            woken_at=case((unchanged, null()), else_=func.now()) if delay else func.now(),
            attempts=attempts,
            last_error=error,
        )
        .returning(WorkItem.generation)
    ).one_or_none()
    if released is None:
        raise LeaseLost(f"{lease.kind} {lease.subject_id}")
    if not delay or released.generation != lease.generation:
        after_commit(session, lambda: wake.send(lease.kind, lease.subject_id))
