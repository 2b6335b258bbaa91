"""Set limits."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.ledger.actions import tell_threshold
from service.ledger.tables import Budget

Period = Literal["month", "total"]

DEFAULT_THRESHOLDS = (50, 80, 100)

_LOCK = text("SELECT ledger_lock(ARRAY[CAST(:team_id AS text)], NULL)")
_TELL = text("SELECT * FROM ledger_tell_thresholds(ARRAY[CAST(:account_id AS text)])")


def set_budget(
    session: Session,
    team_id: str,
    *,
    limit_usd: Decimal | None,
    period: Period = "month",
    thresholds: Sequence[int] = DEFAULT_THRESHOLDS,
) -> None:
    """Set or change a team's budget; what was spent and is held counts at once, under the new limit.

    `thresholds` are per cent of the limit; each that is crossed already is told of now.
    """
    session.execute(_LOCK, {"team_id": team_id})
    values = {
        "limit_usd": limit_usd,
        "period": period,
        "thresholds": sorted(set(thresholds)),
        "updated_at": func.clock_timestamp(),
    }
    row = insert(Budget).values(account_id=team_id, **values)
    session.execute(row.on_conflict_do_update(index_elements=["account_id"], set_=values))
    for crossed in session.execute(_TELL, {"account_id": team_id}).all():
        tell_threshold(session, crossed)
