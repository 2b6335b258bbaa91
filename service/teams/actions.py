"""Create, change and archive teams."""

from enum import StrEnum

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock, ids
from service.errors import Conflict
from service.teams.keys.tables import ApiKey
from service.teams.tables import Team


class LeftJobs(StrEnum):
    """What becomes of a team's unfinished jobs when it is archived."""

    FINISH = "finish"  # they run to their end, and are charged
    CANCEL = "cancel"


def create_team(session: Session, *, name: str, slug: str, labels: dict[str, str]) -> Team:
    """A new team. Raises `Conflict` when the slug is taken, by an archived team too."""
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
            f"The slug {slug!r} is taken; slugs are never reused.", param="slug", code="slug_taken"
        )
    return created


def update_team(team: Team, *, name: str | None, labels: dict[str, str] | None) -> Team:
    """Change what is given."""
    team.name = name if name is not None else team.name
    team.labels = labels if labels is not None else team.labels
    return team


def archive_team(session: Session, team: Team, left_jobs: LeftJobs) -> None:
    """Put a team out of service: its keys stop working, nothing new is made for it, its rows and slug stay.

    Archiving it again changes what becomes of its jobs from `finish` to `cancel`, and nothing else.
    """
    # A key that is being made at this moment is committed before, and revoked here, or refused after.
    session.refresh(team, with_for_update={"key_share": True})
    team.archived_at = team.archived_at or clock.now()
    if team.left_jobs != LeftJobs.CANCEL:
        team.left_jobs = left_jobs
    session.flush()
    living = ApiKey.team_id == team.id, ApiKey.revoked_at.is_(None)
    session.execute(update(ApiKey).where(*living).values(revoked_at=func.now()))


def keep_in_service(session: Session, team: Team) -> None:
    """Keep a team from being archived until this transaction ends. Raises `Conflict` when it is archived.

    Call it before you lock one of the team's keys: archiving locks in this order.
    """
    session.refresh(team, with_for_update={"read": True})
    if team.archived_at is not None:
        raise Conflict(
            f"The team {team.id!r} is archived; nothing can be created or changed for it.",
            code="team_archived",
        )
