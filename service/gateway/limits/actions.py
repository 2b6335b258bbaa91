"""Read and set the rate limits of teams and keys."""

from collections.abc import Mapping, Sequence
from typing import Literal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock
from service.gateway.limits.tables import RateLimit
from service.gateway.payer import Unit
from service.settings import Settings
from service.teams.known import forget_callers

LimitOwner = Literal["key", "team"]


def by_settings(settings: Settings) -> Mapping[tuple[LimitOwner, Unit], int | None]:
    """Return the default limits; None means unlimited."""
    return {
        ("key", "requests"): settings.key_requests_per_minute,
        ("key", "tokens"): settings.key_tokens_per_minute,
        ("team", "requests"): settings.team_requests_per_minute,
        ("team", "tokens"): settings.team_tokens_per_minute,
    }


def of_subjects(session: Session, subject_ids: Sequence[str]) -> Mapping[tuple[str, Unit], int]:
    """The limits that were set for these teams and keys, by id and unit."""
    rows = session.scalars(select(RateLimit).where(RateLimit.subject_id.in_(subject_ids)))
    pairs: list[tuple[str, Unit, int | None]] = []
    for row in rows:
        pairs += [(row.subject_id, "requests", row.requests_per_minute)]
        pairs += [(row.subject_id, "tokens", row.tokens_per_minute)]
    return {(subject_id, unit): limit for subject_id, unit, limit in pairs if limit is not None}


def set_limits(
    session: Session,
    *,
    team_id: str,
    subject_id: str,
    requests_per_minute: int | None,
    tokens_per_minute: int | None,
) -> None:
    """Set the limits of a team or key: at once in this process, in others within `inference_cache_s`."""
    forget_callers(session)
    values = {
        "requests_per_minute": requests_per_minute,
        "tokens_per_minute": tokens_per_minute,
        "updated_at": clock.now(),
    }
    row = insert(RateLimit).values(subject_id=subject_id, team_id=team_id, **values)
    session.execute(row.on_conflict_do_update(index_elements=["subject_id"], set_=values))
