"""Turns: choose which due units of work run next, so that no team's backlog delays another team."""

import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from service.core.work import Lease, WorkItem, is_free

# A wake-up that had no effect is sent again after this time.
REWAKE_AFTER = timedelta(seconds=10)


def due(
    session: Session,
    limit: int,
    *,
    without: Collection[str] = (),
    woken_before: timedelta = REWAKE_AFTER,
) -> list[tuple[str, str]]:
    """Mark up to `limit` overdue units of work as woken, the teams taking turns; return their names.

    Leaves out units of the kinds in `without`, which lanes run, and units that were woken less than
    `woken_before` ago, which the worker that received the message handles.
    """
    unwoken = or_(WorkItem.woken_at.is_(None), WorkItem.woken_at < func.now() - woken_before)
    overdue = and_(is_free(), unwoken, WorkItem.kind.not_in(without))
    rows = _locked(
        session, [(row.kind, row.subject_id) for row in _in_turn(session, overdue, limit)], overdue
    )
    names = [(row.kind, row.subject_id) for row in rows]
    if names:
        session.execute(update(WorkItem).where(_among(names)).values(woken_at=func.now()))
    return names


def among_overdue(
    session: Session, names: Sequence[tuple[str, str]], since: timedelta
) -> set[tuple[str, str]]:
    """Return those of these units that have been due for longer than `since`."""
    old = select(WorkItem.kind, WorkItem.subject_id).where(
        _among(names), WorkItem.next_step_at < func.now() - since
    )
    return {(row.kind, row.subject_id) for row in session.execute(old)} if names else set()


def claim_due(
    session: Session,
    kinds: Collection[str],
    lease_for: timedelta,
    *,
    limit: int,
    running: Mapping[str, int],
    most_of_a_team: int,
) -> list[Lease]:
    """Claim the leases of up to `limit` due units of these kinds, the teams taking turns.

    `running` counts the units of each team that run in this process, which are turns that it has had: the
    team with the fewest is next. Together with the claimed ones, no team gets more than `most_of_a_team`.
    Units without a team take turns like one more team, without that limit.
    """
    busy = [team_id for team_id, count in running.items() if count >= most_of_a_team]
    allowed = or_(WorkItem.team_id.is_(None), WorkItem.team_id.not_in(busy))
    wanted = and_(is_free(), WorkItem.kind.in_(kinds), allowed)
    counts = Counter(running)
    names = []
    # Twice the limit, because units of a team that has reached its own limit are skipped below.
    for row in _in_turn(session, wanted, limit * 2, running):
        if row.team_id is None or counts[row.team_id] < most_of_a_team:
            counts[row.team_id or ""] += 1
            names.append((row.kind, row.subject_id))
    leases = []
    for item in _locked(session, names[:limit], wanted):
        lease_id, attempts = uuid.uuid4(), item.attempts + 1
        is_takeover = item.lease_id is not None
        leases.append(
            Lease(
                item.kind,
                item.subject_id,
                lease_id,
                item.generation,
                attempts,
                item.args or {},
                item.team_id,
                is_takeover,
                item.traceparent,
            )
        )
        session.execute(
            update(WorkItem)
            .where(WorkItem.kind == item.kind, WorkItem.subject_id == item.subject_id)
            .values(lease_id=lease_id, leased_until=func.now() + lease_for, attempts=attempts, woken_at=None)
        )
    return leases


def _in_turn(
    session: Session,
    wanted: ColumnElement[bool],
    limit: int,
    running: Mapping[str, int] = MappingProxyType({}),
) -> Sequence[Row[Any]]:
    """Return the first `limit` units: each team's oldest, then each team's second oldest, and so on.

    A team with two units in `running` starts with its third turn.
    """
    turn: ColumnElement[int] = func.row_number().over(
        partition_by=WorkItem.team_id, order_by=WorkItem.next_step_at
    )
    if had := {team_id: count for team_id, count in running.items() if count}:
        turn = turn + case(had, value=func.coalesce(WorkItem.team_id, ""), else_=0)
    names = select(
        WorkItem.kind, WorkItem.subject_id, WorkItem.team_id, WorkItem.next_step_at, turn.label("turn")
    )
    ranked = names.where(wanted).subquery()
    return session.execute(select(ranked).order_by(ranked.c.turn, ranked.c.next_step_at).limit(limit)).all()


def _locked(
    session: Session, names: Sequence[tuple[str, str]], wanted: ColumnElement[bool]
) -> list[WorkItem]:
    """Lock these units and return them in order, without those that others have locked or changed."""
    if not names:
        return []
    rows = select(WorkItem).where(_among(names), wanted).with_for_update(skip_locked=True)
    found = {(row.kind, row.subject_id): row for row in session.scalars(rows)}
    return [found[name] for name in names if name in found]


def _among(names: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
    return tuple_(WorkItem.kind, WorkItem.subject_id).in_(names)
