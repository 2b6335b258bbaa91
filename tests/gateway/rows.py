"""What the ledger holds of a team."""

from collections.abc import Sequence

from sqlalchemy import select

from service.core.db import transaction
from service.ledger.tables import Entry, HoldRow


def entries_of(team_id: str) -> Sequence[Entry]:
    """The team's ledger rows in their order."""
    with transaction() as session:
        return session.scalars(select(Entry).where(Entry.team_id == team_id).order_by(Entry.number)).all()


def holds_left(team_id: str) -> int:
    """How many holds the team has."""
    with transaction() as session:
        return len(session.scalars(select(HoldRow.subject_id).where(HoldRow.team_id == team_id)).all())
