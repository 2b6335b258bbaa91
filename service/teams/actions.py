"""Create, change and archive teams."""

from collections.abc import Callable
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock, ids
from service.errors import Conflict, NotFound
from service.teams.keys.tables import ApiKey
from service.teams.known import forget_callers
from service.teams.tables import Team

_KEPT = "teams_in_service"  # the teams whose rows this transaction has locked, by id


class LeftJobs(StrEnum):
    """What happens to a team's unfinished jobs when the team is archived."""

    FINISH = "finish"  # they run to their end and are charged
    CANCEL = "cancel"


# What the floors above do for a new team, in the transaction that creates it.
on_create: list[Callable[[Session, Team], None]] = []


def create_team(session: Session, *, name: str, slug: str, labels: dict[str, str]) -> Team:
    """Create a team. Raises `Conflict` if any team, even an archived one, has the slug."""
    values = {
        "id": ids.new_id("team_"),
        "name": name,
        "slug": slug,
        "labels": labels,
        "created_at": clock.now(),
    }
    created: Team | None = session.scalar(
        insert(Team).values(values).on_conflict_do_nothing(index_elements=["slug"]).returning(Team)
    )
    if created is None:
        raise Conflict(
            f"The slug {slug!r} is taken. Choose another one: slugs are never reused.",
            param="slug",
            code="slug_taken",
        )
    for complete in on_create:
        complete(session, created)
    return created


def update_team(team: Team, *, name: str | None, labels: dict[str, str] | None) -> Team:
    """Change the arguments that are not None."""
    team.name = name if name is not None else team.name
    team.labels = labels if labels is not None else team.labels
    return team


def archive_team(session: Session, team: Team, left_jobs: LeftJobs) -> None:
    """Archive a team: revoke its keys and refuse new objects for it. Its rows and its slug are kept.

    Archiving it again can only change `left_jobs` from `finish` to `cancel`.
    """
    # A concurrent `create_key` either commits first, and its key is revoked here, or is refused.
    session.refresh(team, with_for_update={"key_share": True})
    team.archived_at = team.archived_at or clock.now()
    if team.left_jobs != LeftJobs.CANCEL:
        team.left_jobs = left_jobs
    session.flush()
    forget_callers(session)
    living = ApiKey.team_id == team.id, ApiKey.revoked_at.is_(None)
    session.execute(update(ApiKey).where(*living).values(revoked_at=func.now()))


def keep_in_service(session: Session, team: Team) -> None:
    """Keep a team from being archived until this transaction ends. Raises `Conflict` if it is archived.

    Call this before you lock one of the team's keys: archiving locks in the same order.
    """
    team_in_service(session, team.id)


def team_in_service(session: Session, team_id: str, *, turn: int | None = None) -> Team:
    """Return the team with this id, and keep it from being archived until this transaction ends.

    `turn` is an advisory lock that the same statement takes. Raises `NotFound`, or `Conflict` if the team is
    archived.
    """
    kept: dict[str, Team] = session.info.setdefault(_KEPT, {})
    if team_id in kept and turn is None:
        return kept[team_id]
    found = select(Team).where(Team.id == team_id).execution_options(populate_existing=True)
    if turn is not None:
        found = found.add_columns(func.pg_advisory_xact_lock(turn))
    team = session.scalar(found.with_for_update(read=True, of=Team))
    if team is None:
        raise NotFound(f"There is no team {team_id!r}.", param="team_id")
    if team.archived_at is not None:
        raise Conflict(
            f"The team {team.id!r} is archived. You cannot create or change anything for it.",
            code="team_archived",
        )
    if not session.in_nested_transaction():  # which could be rolled back, and the lock with it
        kept[team_id] = team
    return team
