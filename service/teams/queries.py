"""Read teams."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core.http.pages import Page, fetch_page
from service.errors import NotFound
from service.teams.tables import Team


def get_team(session: Session, team_id: str) -> Team:
    """Return the team with this id, archived or not. Raises `NotFound`."""
    team = session.get(Team, team_id)
    if team is None:
        raise NotFound(f"There is no team {team_id!r}.", param="team_id")
    return team


def list_teams(session: Session, after: str | None, limit: int) -> Page[Team]:
    """Return the teams that are not archived, newest first."""
    living = select(Team).where(Team.archived_at.is_(None))
    every = select(Team)
    return fetch_page(
        session, living, sort=Team.created_at, id_=Team.id, after=after, limit=limit, cursors=every
    )
