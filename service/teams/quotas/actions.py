"""Quotas of teams: the defaults are settings, and a team may have its own.

A feature with a quota calls `require_room` in the transaction that creates one of its objects, and registers
a function that counts them (`counted_by`) in the same module or one that it imports.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock
from service.errors import QuotaExceeded
from service.settings import settings
from service.teams.actions import team_in_service
from service.teams.known import forget_callers
from service.teams.quotas.tables import TeamQuota


class Quota(StrEnum):
    """The kinds of quotas. A value is the name on the wire; with the prefix `team_`, that of the setting."""

    STORAGE_BYTES = "storage_bytes"
    FILES = "files"
    ENDPOINTS = "endpoints"
    KEYS = "keys"
    QUEUED_JOBS = "queued_jobs"
    REQUESTS_IN_FLIGHT = "requests_in_flight"  # per api process, which enforces it; usage is not reported


Counter = Callable[[Session, str], int]

_COUNTERS: dict[Quota, Counter] = {}
_NOUNS = {
    Quota.STORAGE_BYTES: "bytes of files",
    Quota.FILES: "files",
    Quota.ENDPOINTS: "webhook endpoints",
    Quota.KEYS: "keys",
    Quota.QUEUED_JOBS: "unfinished jobs",
    Quota.REQUESTS_IN_FLIGHT: "requests at a time",
}


def counted_by(quota: Quota, counter: Counter) -> None:
    """Register `counter(session, team_id)`, which counts a team's objects of this kind."""
    _COUNTERS[quota] = counter


def limit_of(session: Session, team_id: str, quota: Quota) -> int | None:
    """Return the team's limit; None if it has none."""
    own = session.scalar(_own_limit(team_id, quota))
    return _usual(quota) if own is None else own


def _own_limit(team_id: str, quota: Quota) -> Select[int]:
    return select(TeamQuota.most).where(TeamQuota.team_id == team_id, TeamQuota.name == quota.value)


def require_room(
    session: Session,
    team_id: str,
    quota: Quota,
    *,
    adding: int = 1,
    inserted: bool = False,
    archived: bool = False,
) -> None:
    """Check that the team's quota has room for `adding` more, which this transaction has `inserted` or will.

    Raises `QuotaExceeded`, or `Conflict` for an archived team unless `archived` allows it. Transactions that
    add to the same quota, or that archive the team, wait until this one ends: concurrent requests cannot
    exceed a quota together, and an archived team gets nothing new.
    """
    if not archived:
        team_in_service(session, team_id)
    name = f"quota {team_id} {quota}"
    turn = func.pg_advisory_xact_lock(func.hashtextextended(name, 0))
    own = session.execute(select(turn, _own_limit(team_id, quota).scalar_subquery())).one()[1]
    limit = _usual(quota) if own is None else own
    if limit is None:
        return
    used = _COUNTERS[quota](session, team_id) - (adding if inserted else 0)
    if used + adding > limit:
        raise QuotaExceeded(
            f"This team may have {limit} {_NOUNS[quota]}; it has {used}, and this would add {adding}. "
            "Delete some, or ask an admin for a higher quota.",
            param=quota.value,
        )


def standing_of(session: Session, team_id: str) -> Mapping[Quota, tuple[int | None, int | None]]:
    """Return for each quota the team's limit (None: no limit) and its usage (None: not counted)."""
    rows = session.scalars(select(TeamQuota).where(TeamQuota.team_id == team_id))
    own = {row.name: row.most for row in rows}
    return {
        quota: (
            own.get(quota.value, _usual(quota)),
            _COUNTERS[quota](session, team_id) if quota in _COUNTERS else None,
        )
        for quota in Quota
    }


def set_quotas(session: Session, team_id: str, limits: Mapping[Quota, int | None]) -> None:
    """Set a team's own quotas; None restores the default. What exceeds a lower quota is kept."""
    forget_callers(session)
    for quota, most in limits.items():
        if most is None:
            mine = TeamQuota.team_id == team_id, TeamQuota.name == quota.value
            session.execute(delete(TeamQuota).where(*mine))
            continue
        values = {"most": most, "updated_at": clock.now()}
        row = insert(TeamQuota).values(team_id=team_id, name=quota.value, **values)
        session.execute(row.on_conflict_do_update(index_elements=["team_id", "name"], set_=values))


def _usual(quota: Quota) -> int | None:
    usual: int | None = getattr(settings(), f"team_{quota}")
    return usual
