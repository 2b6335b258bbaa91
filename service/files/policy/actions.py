"""The warnings that a team treats as errors."""

from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock
from service.files.tables import DatasetPolicy

# A model cannot unlearn a secret.
DEFAULT_ERRORS = ("secret",)


def errors_of(session: Session, team_id: str) -> frozenset[str]:
    """Return the codes of the warnings that this team treats as errors."""
    policy = session.get(DatasetPolicy, team_id)
    return frozenset(DEFAULT_ERRORS if policy is None else policy.errors)


def set_errors(session: Session, team_id: str, codes: Sequence[str]) -> frozenset[str]:
    """Set the codes for all future checks."""
    values = {"team_id": team_id, "errors": sorted(set(codes)), "updated_at": clock.now()}
    changed = insert(DatasetPolicy).values(values)
    fresh = {name: changed.excluded[name] for name in ("errors", "updated_at")}
    session.execute(changed.on_conflict_do_update(index_elements=["team_id"], set_=fresh))
    return frozenset(codes)
