"""Look at units of work, for people: what is overdue, what keeps failing, who does what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.core.work import WorkItem

WorkState = Literal["overdue", "running", "waiting"]
_FAILING_ATTEMPTS = 1


@dataclass(frozen=True)
class WorkView:
    """A unit of work; `state` is overdue, running (a worker has leased it), or waiting for its time."""

    kind: str
    subject_id: str
    team_id: str | None
    state: WorkState
    due_at: datetime
    attempts: int
    last_error: str | None


def list_work(session: Session, *, failing: bool, limit: int) -> list[WorkView]:
    """Return up to `limit` units of work, the longest overdue first; `failing`: only those that failed."""
    query = select(WorkItem, func.now())
    if failing:
        query = query.where(WorkItem.attempts >= _FAILING_ATTEMPTS, WorkItem.last_error.is_not(None))
    rows = session.execute(query.order_by(WorkItem.next_step_at, WorkItem.subject_id).limit(limit)).tuples()
    return [_view(item, now) for item, now in rows]


def count_by_kind(session: Session) -> Sequence[tuple[str, int, int]]:
    """Return for each kind how many units there are, and how many of them are due."""
    due = func.count().filter(WorkItem.next_step_at <= func.now())
    query = select(WorkItem.kind, func.count(), due).group_by(WorkItem.kind).order_by(WorkItem.kind)
    return [(kind, count, overdue) for kind, count, overdue in session.execute(query).tuples()]


def _view(item: WorkItem, now: datetime) -> WorkView:
    leased = item.leased_until is not None and item.leased_until >= now
    state: WorkState = "running" if leased else "overdue" if item.next_step_at <= now else "waiting"
    return WorkView(
        item.kind, item.subject_id, item.team_id, state, item.next_step_at, item.attempts, item.last_error
    )
