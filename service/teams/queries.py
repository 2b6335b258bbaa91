"""Read teams and keys."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core.pages import Page, fetch_page
from service.errors import NotFound
from service.teams.tables import ApiKey, Team


def get_team(session: Session, team_id: str) -> Team:
    """The team of that id, archived or not. Raises `NotFound`."""
    team = session.get(Team, team_id)
    if team is None:
        raise NotFound(f"There is no team {team_id!r}.", param="team_id")
    return team


def list_teams(session: Session, after: str | None, limit: int) -> Page[Team]:
    """Teams that are not archived, newest first."""
    living = select(Team).where(Team.archived_at.is_(None))
    every = select(Team)
    return fetch_page(
        session, living, sort=Team.created_at, id_=Team.id, after=after, limit=limit, cursors=every
    )


def get_key(session: Session, team_id: str, key_id: str) -> ApiKey:
    """The team's key of that id, locked for a change. Raises `NotFound`."""
    own = select(ApiKey).where(ApiKey.team_id == team_id, ApiKey.id == key_id)
    key = session.scalar(own.with_for_update())
    if key is None:
        raise NotFound(f"There is no key {key_id!r}.", param="key_id")
    return key


def list_keys(session: Session, team_id: str, after: str | None, limit: int) -> Page[ApiKey]:
    """The team's keys, revoked ones included, newest first."""
    own = select(ApiKey).where(ApiKey.team_id == team_id)
    return fetch_page(session, own, sort=ApiKey.created_at, id_=ApiKey.id, after=after, limit=limit)
