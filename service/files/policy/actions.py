"""Which warnings a team takes for errors."""

from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock
from service.files.tables import DatasetPolicy

# A key that a model has learnt cannot be taken back.
DEFAULT_ERRORS = ("secret",)


def errors_of(session: Session, team_id: str) -> frozenset[str]:
    """The codes of the warnings that keep this team's files from being trained on."""
    policy = session.get(DatasetPolicy, team_id)
    return frozenset(DEFAULT_ERRORS if policy is None else policy.errors)


def set_errors(session: Session, team_id: str, codes: Sequence[str]) -> frozenset[str]:
    """Decide it for every file that is checked from now on."""
    values = {"team_id": team_id, "errors": sorted(set(codes)), "updated_at": clock.now()}
    changed = insert(DatasetPolicy).values(values)
    fresh = {name: changed.excluded[name] for name in ("errors", "updated_at")}
    session.execute(changed.on_conflict_do_update(index_elements=["team_id"], set_=fresh))
    return frozenset(codes)
