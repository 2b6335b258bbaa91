"""Change teams and keys."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock, ids
from service.errors import Conflict
from service.teams import keys
from service.teams.tables import ApiKey, Team


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


def archive_team(session: Session, team: Team) -> None:
    """Put a team out of service: its keys stop working, its rows and slug stay."""
    # A key that is being made at this moment is committed before, and revoked here, or refused after.
    session.refresh(team, with_for_update={"key_share": True})
    team.archived_at = team.archived_at or clock.now()
    session.flush()
    living = ApiKey.team_id == team.id, ApiKey.revoked_at.is_(None)
    session.execute(update(ApiKey).where(*living).values(revoked_at=func.now()))


def keep_in_service(session: Session, team: Team) -> None:
    """Keep a team from being archived until this transaction ends. Raises `Conflict` when it is archived.

    Comes before a lock on one of its keys, for whoever archives a team locks in this order.
    """
    session.refresh(team, with_for_update={"read": True})
    if team.archived_at is not None:
        raise Conflict("This team is archived; it takes no new keys.", code="team_archived")


def create_key(
    session: Session,
    *,
    team: Team | None,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its secret, which exists only in this return value; without a team, an admin key.

    Raises `Conflict` when the team is archived.
    """
    if team is not None:
        keep_in_service(session, team)
    fresh = keys.generate()
    key = ApiKey(
        id=ids.new_id("key_"),
        team_id=team.id if team else None,
        name=name,
        prefix=fresh.prefix,
        secret_hash=fresh.secret_hash,
        scopes=sorted(set(scopes)),
        created_at=clock.now(),
        expires_at=expires_at,
    )
    session.add(key)
    session.flush()
    return key, fresh.secret


def rotate_key(session: Session, team: Team, key: ApiKey) -> tuple[ApiKey, str]:
    """Revoke a key and make one like it. Raises `Conflict` when it is already revoked."""
    if key.revoked_at is not None:
        raise Conflict("This key is revoked; create a new one.", code="key_revoked")
    revoke_key(key)
    return create_key(session, team=team, name=key.name, scopes=key.scopes, expires_at=key.expires_at)


def revoke_key(key: ApiKey) -> None:
    """Stop a key from working; doing it again changes nothing."""
    key.revoked_at = key.revoked_at or clock.now()


def has_admin_key(session: Session) -> bool:
    """Whether any admin key was ever stored."""
    return session.scalar(select(ApiKey.id).where(ApiKey.team_id.is_(None)).limit(1)) is not None
